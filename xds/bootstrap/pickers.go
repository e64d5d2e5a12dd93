package bootstrap

import (
	"math"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// RelayCluster is the relay of calls to endpoint pickers (xds/pickerrelay), in the Pod of the proxy. A proxy that was started without
// one has no such cluster.
const RelayCluster = "kedify-picker-relay"

// PickerHeader names the cluster that a call of the relay is for.
const PickerHeader = "x-kedify-picker"

const (
	// pickersListener is where the relay calls the proxy. It is a prefix of statistics as well.
	pickersListener = "pickers"
	// relayWindow is what the relay may send of one request before a picker takes it. The window of a connection has room for that of
	// each request, so that a picker that takes nothing keeps no other request from its picker.
	relayWindow           = 256 << 10
	relayConnectionWindow = math.MaxInt32
	// relayCheck is how often the relay is looked after; relayGone how often while it is away: until it is back, pickers are asked
	// directly, without a limit.
	relayCheck, relayGone = time.Second, 100 * time.Millisecond
	// unlimited is as good as no limit.
	unlimited = 1_000_000
)

// pickers adds the relay, and the listener by which it reaches pickers: PickerHeader of a call there is the name of a cluster.
func pickers(c Config, resources *bootstrapv3.Bootstrap_StaticResources) error {
	if c.RelaySocket == "" {
		return nil
	}
	cluster, err := relayCluster(c.RelaySocket)
	if err != nil {
		return err
	}
	listener, err := answers{name: pickersListener, routes: []*routev3.Route{{
		Name: pickersListener, Match: anyPath(),
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_ClusterHeader{ClusterHeader: PickerHeader}, Timeout: durationpb.New(0),
			// The host that a call of the proxy itself has. It has slashes, which the proxy does not take from others.
			HostRewriteSpecifier: &routev3.RouteAction_HostRewriteHeader{HostRewriteHeader: PickerHeader},
		}},
	}}}.listener(&hcmv3.HttpConnectionManager{
		CodecType:         hcmv3.HttpConnectionManager_HTTP2,
		StreamIdleTimeout: durationpb.New(0), // the request of the client has one
		Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
			MaxConcurrentStreams:    wrapperspb.UInt32(math.MaxInt32),
			InitialStreamWindowSize: wrapperspb.UInt32(relayWindow), InitialConnectionWindowSize: wrapperspb.UInt32(relayConnectionWindow),
		},
		// The call is part of a request that has its own: its spans and IDs are passed on as they are.
		GenerateRequestId: wrapperspb.Bool(false),
		SkipXffAppend:     true,
		UseRemoteAddress:  wrapperspb.Bool(false),
	})
	if err != nil {
		return err
	}
	listener.Address = pipe(c.PickersSocket, 0o600)
	listener.BypassOverloadManager = true // the request that it is for has been admitted
	resources.Clusters = append(resources.Clusters, cluster)
	resources.Listeners = append(resources.Listeners, listener)
	return nil
}

// relayCluster is the relay. While its socket accepts no connection it has no healthy endpoint.
func relayCluster(socket string) (*clusterv3.Cluster, error) {
	options, err := packed(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
				},
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return &clusterv3.Cluster{
		Name:                 RelayCluster,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(time.Second),
		CommonLbConfig:       &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: &typev3.Percent{Value: 0}},
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxConnections: wrapperspb.UInt32(unlimited), MaxPendingRequests: wrapperspb.UInt32(unlimited),
			MaxRequests: wrapperspb.UInt32(unlimited), MaxRetries: wrapperspb.UInt32(unlimited),
		}}},
		HealthChecks: []*corev3.HealthCheck{{
			HealthChecker: &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}},
			Timeout:       durationpb.New(time.Second), Interval: durationpb.New(relayCheck), NoTrafficInterval: durationpb.New(relayCheck),
			UnhealthyInterval: durationpb.New(relayGone), NoTrafficHealthyInterval: durationpb.New(relayCheck),
			UnhealthyThreshold: wrapperspb.UInt32(1), HealthyThreshold: wrapperspb.UInt32(1),
			ReuseConnection: wrapperspb.Bool(false),
		}},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: RelayCluster,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: pipe(socket, 0)}},
			}}}},
		},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
	}, nil
}
