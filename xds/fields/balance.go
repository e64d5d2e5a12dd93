package fields

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	leastv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	maglevv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/maglev/v3"
	randomv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/random/v3"
	ringv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	lbPolicy       = "lb_policy"
	lbConfig       = "_lb_config"
	commonLBConfig = "common_lb_config"
)

// policy is a load balancing policy of Envoy: the name of its extension, its message, and the field
// of Cluster that configures it. The fields of both messages have the same names.
type policy struct {
	name   string
	empty  func() proto.Message
	config string
}

var policies = map[clusterv3.Cluster_LbPolicy]policy{
	clusterv3.Cluster_ROUND_ROBIN: {"round_robin", func() proto.Message { return &roundv3.RoundRobin{} }, "round_robin_lb_config"},
	clusterv3.Cluster_LEAST_REQUEST: {
		"least_request", func() proto.Message { return &leastv3.LeastRequest{} }, "least_request_lb_config",
	},
	clusterv3.Cluster_RANDOM:    {"random", func() proto.Message { return &randomv3.Random{} }, ""},
	clusterv3.Cluster_RING_HASH: {"ring_hash", func() proto.Message { return &ringv3.RingHash{} }, "ring_hash_lb_config"},
	clusterv3.Cluster_MAGLEV:    {"maglev", func() proto.Message { return &maglevv3.Maglev{} }, "maglev_lb_config"},
}

// Balancing is how to choose among endpoints: an extension of Envoy. Nil: nothing was said.
type Balancing struct {
	Name   string // without the prefix of all of them
	Config proto.Message
}

// Balancing returns what the fields say about it.
func (c Cluster) Balancing() (*Balancing, error) {
	if len(c.values) == 0 {
		return nil, nil
	}
	return balancing(c.message, c.values)
}

func balancing(cluster *clusterv3.Cluster, values map[string]any) (*Balancing, error) {
	_, chosen := values[lbPolicy]
	of, known := policies[cluster.LbPolicy]
	if chosen && !known {
		return nil, fmt.Errorf("%s: %s cannot be set: use ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH or MAGLEV", lbPolicy, cluster.LbPolicy)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.HasSuffix(name, lbConfig) && name != commonLBConfig && (!chosen || name != of.config) {
			return nil, fmt.Errorf("%s: needs %s: %s", name, lbPolicy, strings.ToUpper(strings.TrimSuffix(name, lbConfig)))
		}
	}
	if !chosen {
		return nil, nil
	}
	config := of.empty()
	if written, ok := values[of.config]; ok {
		text, err := json.Marshal(written)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", of.config, err)
		}
		if err := protojson.Unmarshal(text, config); err != nil {
			return nil, fmt.Errorf("%s: %s", of.config, cause(err))
		}
	}
	return &Balancing{Name: of.name, Config: config}, nil
}
