package translate_test

import (
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// facts are those of a resource's body, by decoding it, in the form of the body.
type facts struct {
	companion, demand string
	addresses         []ir.Endpoint
}

func decodedFacts(t *testing.T, r resource.Resource) (decoded facts) {
	t.Helper()
	message, err := (&anypb.Any{TypeUrl: string(r.Type), Value: r.Body}).UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	switch message := message.(type) {
	case *clusterv3.Cluster:
		if message.GetType() == clusterv3.Cluster_EDS {
			decoded.companion = message.GetEdsClusterConfig().GetServiceName()
		}
		decoded.demand = message.GetAltStatName()
	case *routev3.ScopedRouteConfiguration:
		decoded.companion = message.GetRouteConfigurationName()
	case *endpointv3.ClusterLoadAssignment:
		for _, group := range message.GetEndpoints() {
			for _, endpoint := range group.GetLbEndpoints() {
				at := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
				decoded.addresses = append(decoded.addresses, ir.Endpoint{Address: at.GetAddress(), Port: at.GetPortValue()})
			}
		}
		slices.SortFunc(decoded.addresses, ir.Endpoint.Compare)
		decoded.addresses = slices.Compact(decoded.addresses)
	}
	return decoded
}

func expectFacts(t *testing.T, r resource.Resource) {
	t.Helper()
	want, got := decodedFacts(t, r), facts{companion: r.Companion}
	if r.Demand != (ir.Key{}) {
		got.demand = translate.DemandPrefix + r.Demand.String()
	}
	if (r.Type == resource.Endpoint) != (r.Endpoints != nil) {
		t.Fatalf("%s: endpoints %v", r.Name, r.Endpoints)
	}
	if r.Endpoints != nil {
		got.addresses = slices.Clone(r.Endpoints.Addresses)
		if at := r.Endpoints.ClusterIP; at != (ir.Endpoint{}) {
			got.addresses = append(got.addresses, at)
			slices.SortFunc(got.addresses, ir.Endpoint.Compare)
		}
		if translate.EndpointsName(r.Endpoints.Key) != r.Name {
			t.Errorf("%s: the endpoints of %s", r.Name, r.Endpoints.Key)
		}
	}
	if got.companion != want.companion || got.demand != want.demand || !slices.Equal(got.addresses, want.addresses) {
		t.Errorf("%s: facts %+v, the body says %+v", r.Name, got, want)
	}
}

// The facts beside a body are those that a proxy reads in it.
func TestFacts(t *testing.T) {
	seen := map[resource.Type]bool{}
	for _, c := range golden.Load(t, "testdata") {
		for _, r := range rendered(t, c) {
			expectFacts(t, r)
			seen[r.Type] = true
		}
	}
	for _, kind := range resource.Types {
		if !seen[kind] {
			t.Errorf("no golden has a %s", kind)
		}
	}
}

func TestPrioritizedEndpoints(t *testing.T) {
	web := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: "web", Port: 80, Demand: "web-0", Route: ir.RouteGRPC}
	first, second := ir.Endpoint{Address: "10.0.0.1", Port: 1}, ir.Endpoint{Address: "fd00::1", Port: 2}
	for name, priorities := range map[string][][]ir.Endpoint{
		"none":            nil,
		"one":             {{second, first, second}},
		"empty ones":      {nil, {first}, nil, {second}},
		"an address in 2": {{first}, {first, second}},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := translate.PrioritizedEndpoints(web.HoldCluster(), priorities...)
			if err != nil {
				t.Fatal(err)
			}
			expectFacts(t, made)
			if made.Name != "service/shop/web/80/hold" || made.Endpoints.Key.HoldBackend().String() != "service/shop/web/80" {
				t.Errorf("%s is asked about %s", made.Name, made.Endpoints.Key.HoldBackend())
			}
		})
	}
}
