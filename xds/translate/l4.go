package translate

import (
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kedify/inference-gateway/xds/ir"
)

// tcpIdle closes a silent connection. Databases and message brokers keep theirs open for long;
// Envoy's own default, written down.
const tcpIdle = time.Hour

// weighted returns the targets that get a share; without any, all of it is closed.
func weighted(forward *ir.L4Forward) []ir.L4Target {
	var out []ir.L4Target
	for _, target := range forward.Targets {
		if target.Weight > 0 {
			out = append(out, target)
		}
	}
	if len(out) == 0 {
		out = []ir.L4Target{{Invalid: true, Weight: 1}}
	}
	return out
}

// clusterOf names the cluster of a target, and reports whether a gateway can have it. What is
// sent to the invalid one is closed, or dropped.
func clusterOf(target ir.L4Target) (name string, exists bool) {
	if target.Invalid {
		return InvalidCluster, false
	}
	return ClusterName(target.Cluster), true
}

// tcpProxy forwards connections, after TLS termination or untouched.
func tcpProxy(chain ir.Chain) ([]*listenerv3.Filter, []string, error) {
	split := &tcpproxyv3.TcpProxy_WeightedCluster{}
	var clusters []string
	for _, target := range weighted(chain.Forward) {
		name, exists := clusterOf(target)
		if exists {
			clusters = append(clusters, name)
		}
		split.Clusters = append(split.Clusters, &tcpproxyv3.TcpProxy_WeightedCluster_ClusterWeight{
			Name: name, Weight: target.Weight,
		})
	}
	log, err := connectionLog()
	if err != nil {
		return nil, nil, err
	}
	config, err := typedConfig(&tcpproxyv3.TcpProxy{
		StatPrefix:       "tcp",
		IdleTimeout:      durationpb.New(tcpIdle),
		AccessLog:        log,
		ClusterSpecifier: &tcpproxyv3.TcpProxy_WeightedClusters{WeightedClusters: split},
	})
	if err != nil {
		return nil, nil, err
	}
	return []*listenerv3.Filter{{
		Name:       "envoy.filters.network.tcp_proxy",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config},
	}}, clusters, nil
}
