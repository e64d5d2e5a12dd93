package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	leastv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	overridev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/override_host/v3"
	subsetv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/subset/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
)

// loadBalancing chooses among the endpoints of a cluster: the least busy of two unless the user says
// otherwise, and for pools the one that the picker named.
func loadBalancing(c ir.Cluster, over fields.Cluster) (*clusterv3.LoadBalancingPolicy, error) {
	every, err := anyEndpoint(over)
	if err != nil || c.Pool == nil {
		return every, err
	}
	otherwise := every
	if !c.Pool.FailOpen {
		otherwise, err = noEndpoint(every)
		if err != nil {
			return nil, err
		}
	}
	key := func(name string) *metadatav3.MetadataKey {
		return &metadatav3.MetadataKey{
			Key: pickNamespace,
			Path: []*metadatav3.MetadataKey_PathSegment{{
				Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: name},
			}},
		}
	}
	return policy("override_host", &overridev3.OverrideHost{
		// Metadata only: a picker writes it and a client cannot. (The header would do, too,
		// but every client can send it.)
		OverrideHostSources: []*overridev3.OverrideHost_OverrideHostSource{{Metadata: key(pickKey)}},
		SelectedHostKey:     key(servedKey),
		FallbackPolicy:      otherwise,
	})
}

// anyEndpoint takes any of the endpoints.
func anyEndpoint(over fields.Cluster) (*clusterv3.LoadBalancingPolicy, error) {
	chosen, err := over.Balancing()
	switch {
	case err != nil:
		return nil, err
	case chosen != nil:
		return policy(chosen.Name, chosen.Config)
	}
	return policy("least_request", &leastv3.LeastRequest{})
}

// noEndpoint answers 503 when no usable endpoint was picked: a subset that no endpoint is in.
func noEndpoint(child *clusterv3.LoadBalancingPolicy) (*clusterv3.LoadBalancingPolicy, error) {
	return policy("subset", &subsetv3.Subset{
		FallbackPolicy:  subsetv3.Subset_NO_FALLBACK,
		SubsetSelectors: []*subsetv3.Subset_LbSubsetSelector{{Keys: []string{"picked"}}},
		SubsetLbPolicy:  child,
	})
}

func policy(name string, message proto.Message) (*clusterv3.LoadBalancingPolicy, error) {
	config, err := extension("envoy.load_balancing_policies."+name, message)
	if err != nil {
		return nil, err
	}
	return &clusterv3.LoadBalancingPolicy{
		Policies: []*clusterv3.LoadBalancingPolicy_Policy{{TypedExtensionConfig: config}},
	}, nil
}
