package translate

import (
	"math"
	"time"

	xdscore "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcher "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	udpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/udp/udp_proxy/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	hashingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/consistent_hashing/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

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
	log, err := connectionLog(chain.Log)
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

const (
	// udpIdle ends a session: the next datagram of the client chooses a target anew.
	udpIdle = time.Minute
	// maxDatagram is the largest that there is. Envoy by itself drops what is larger than 1,500 bytes.
	maxDatagram = 65_535
)

// datagrams says what a socket reads at once.
func datagrams() *corev3.UdpSocketConfig {
	return &corev3.UdpSocketConfig{MaxRxDatagramSize: wrapperspb.UInt64(maxDatagram)}
}

// udpListener forwards sessions, that is client address and port.
func udpListener(l ir.Listener) (*listenerv3.Listener, []string, error) {
	if len(l.Chains) == 0 || l.Chains[0].Forward == nil {
		return nil, nil, ErrNoChain
	}
	targets := weighted(l.Chains[0].Forward)
	var clusters []string
	for _, target := range targets {
		if name, exists := clusterOf(target); exists {
			clusters = append(clusters, name)
		}
	}
	split, err := sessionSplit(targets)
	if err != nil {
		return nil, nil, err
	}
	config, err := typedConfig(&udpproxyv3.UdpProxyConfig{
		StatPrefix:           "udp",
		IdleTimeout:          durationpb.New(udpIdle),
		UpstreamSocketConfig: datagrams(),
		RouteSpecifier:       &udpproxyv3.UdpProxyConfig_Matcher{Matcher: split},
	})
	if err != nil {
		return nil, nil, err
	}
	return &listenerv3.Listener{
		UdpListenerConfig: &listenerv3.UdpListenerConfig{DownstreamSocketConfig: datagrams()},
		ListenerFilters: []*listenerv3.ListenerFilter{{
			Name:       "envoy.filters.udp_listener.udp_proxy",
			ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: config},
		}},
	}, clusters, nil
}

// sessionSplit divides sessions by weight. udp_proxy has no weighted clusters, so the source
// port is hashed into the sum of the weights, and each target takes a range of it from the
// upper end down. The first one takes what is left.
func sessionSplit(targets []ir.L4Target) (*xdsmatcher.Matcher, error) {
	var sum uint64
	for _, target := range targets {
		sum += uint64(target.Weight)
	}
	if sum > math.MaxUint32 {
		return nil, ErrWeights
	}
	first, err := udpRoute(targets[0])
	if err != nil {
		return nil, err
	}
	matcher := &xdsmatcher.Matcher{OnNoMatch: first}
	list := &xdsmatcher.Matcher_MatcherList{}
	from := uint32(sum)
	for i := len(targets) - 1; i > 0; i-- {
		from -= targets[i].Weight
		upper, err := hashAtLeast(from, uint32(sum))
		if err != nil {
			return nil, err
		}
		route, err := udpRoute(targets[i])
		if err != nil {
			return nil, err
		}
		list.Matchers = append(list.Matchers, &xdsmatcher.Matcher_MatcherList_FieldMatcher{Predicate: upper, OnMatch: route})
	}
	if len(list.Matchers) > 0 {
		matcher.MatcherType = &xdsmatcher.Matcher_MatcherList_{MatcherList: list}
	}
	return matcher, nil
}

func udpRoute(target ir.L4Target) (*xdsmatcher.Matcher_OnMatch, error) {
	cluster, _ := clusterOf(target)
	action, err := matcherExtension("route", &udpproxyv3.Route{Cluster: cluster})
	if err != nil {
		return nil, err
	}
	return &xdsmatcher.Matcher_OnMatch{OnMatch: &xdsmatcher.Matcher_OnMatch_Action{Action: action}}, nil
}

// hashAtLeast holds for sessions whose hash modulo is not below a value.
func hashAtLeast(value, modulo uint32) (*xdsmatcher.Matcher_MatcherList_Predicate, error) {
	input, err := matcherExtension("source_port", &networkv3.SourcePortInput{})
	if err != nil {
		return nil, err
	}
	hash, err := matcherExtension("envoy.matching.matchers.consistent_hashing",
		&hashingv3.ConsistentHashing{Threshold: value, Modulo: modulo})
	if err != nil {
		return nil, err
	}
	return &xdsmatcher.Matcher_MatcherList_Predicate{
		MatchType: &xdsmatcher.Matcher_MatcherList_Predicate_SinglePredicate_{
			SinglePredicate: &xdsmatcher.Matcher_MatcherList_Predicate_SinglePredicate{
				Input:   input,
				Matcher: &xdsmatcher.Matcher_MatcherList_Predicate_SinglePredicate_CustomMatch{CustomMatch: hash},
			},
		},
	}, nil
}

func matcherExtension(name string, message proto.Message) (*xdscore.TypedExtensionConfig, error) {
	config, err := typedConfig(message)
	if err != nil {
		return nil, err
	}
	return &xdscore.TypedExtensionConfig{Name: name, TypedConfig: config}, nil
}
