package bootstrap

import (
	"net/http"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	localratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	connectionlimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/connection_limit/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A scrape is work of the main thread of the proxy, which applies configuration as well. These bounds hold for every client
// (docs/adr/0048-telemetry.md has what they cost and leave).
const (
	// scrapes that begin at once, after a time without any, and how often another one begins: of all clients together, and
	// of one address. A Prometheus asks once in 5 s or less often.
	scrapeBurst, scrapeInterval               = 8, time.Second
	scrapeBurstOfAddress, scrapeIntervalOfOne = 2, 5 * time.Second
	// scrapeAddresses are the addresses that are told apart at once.
	scrapeAddresses = 1024
	// scrapesAtOnce are under way. The proxy keeps what it has rendered of each until the client has read it, so the
	// client has scrapeTimeout for all of it: one address has at most four of the places.
	scrapesAtOnce = 6
	scrapeTimeout = 10 * time.Second
	// metricsConnections of all clients. One without a request is closed after metricsIdle.
	metricsConnections = 128
	metricsIdle        = 5 * time.Second

	// adminCluster is the admin interface of the proxy itself. No route that is sent later can name it: the names of clusters of
	// backends have slashes.
	adminCluster = "kedify-admin"

	rateFilter = "envoy.filters.http.local_ratelimit"
)

// metricsListener serves MetricsPath and nothing else of the admin interface, which can stop the proxy and show its keys. A path with
// a query is another path: a query has a pattern that the main thread compares with every statistic.
func metricsListener(port uint32, ipv6 bool) (*listenerv3.Listener, error) {
	routes, err := metricsRoutes()
	if err != nil {
		return nil, err
	}
	listener, err := answers{
		name: "metrics", port: port, ipv6: ipv6, routes: routes,
		filters: []namedFilter{{rateFilter, &localratelimitv3.LocalRateLimit{StatPrefix: "metrics"}}}, // off, but for the scrape
	}.listener(&hcmv3.HttpConnectionManager{
		CodecType: hcmv3.HttpConnectionManager_HTTP1, // one request at a time
		// The address of the connection is that of the client: one in a header would be the client's choice.
		UseRemoteAddress:      wrapperspb.Bool(true),
		StreamIdleTimeout:     durationpb.New(scrapeTimeout),
		RequestHeadersTimeout: durationpb.New(metricsIdle),
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
			IdleTimeout: durationpb.New(metricsIdle), MaxStreamDuration: durationpb.New(scrapeTimeout),
		},
	})
	if err != nil {
		return nil, err
	}
	limit, err := networkFilter("envoy.filters.network.connection_limit", &connectionlimitv3.ConnectionLimit{
		StatPrefix: "metrics", MaxConnections: wrapperspb.UInt64(metricsConnections),
	})
	if err != nil {
		return nil, err
	}
	chain := listener.FilterChains[0]
	chain.Filters = append([]*listenerv3.Filter{limit}, chain.Filters...)
	return listener, nil
}

// metricsRoutes limit how often the main thread is asked: what is answered here is not its work.
func metricsRoutes() ([]*routev3.Route, error) {
	limit, err := packed(scrapeLimit())
	if err != nil {
		return nil, err
	}
	page := exactly(":path", MetricsPath)
	return []*routev3.Route{
		{
			Name: "scrape", Match: anyPath(page, exactly(":method", http.MethodGet)),
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: adminCluster}, Timeout: durationpb.New(scrapeTimeout),
			}},
			TypedPerFilterConfig: map[string]*anypb.Any{rateFilter: limit},
		},
		{Name: "method", Match: anyPath(page), Action: answer(http.StatusMethodNotAllowed), ResponseHeadersToAdd: []*corev3.HeaderValueOption{{
			Header: &corev3.HeaderValue{Key: "allow", Value: http.MethodGet},
		}}},
		notFound(),
	}, nil
}

// scrapeLimit answers 429 to what comes too often, with the time after which it may come again. What an address may not ask takes
// nothing from the others.
func scrapeLimit() proto.Message {
	const address = "remote_address"
	all := &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{Numerator: 100}}
	return &localratelimitv3.LocalRateLimit{
		StatPrefix:     "metrics",
		FilterEnabled:  all,
		FilterEnforced: all,
		TokenBucket:    bucket(scrapeBurst, scrapeInterval),
		RateLimits: []*routev3.RateLimit{{Actions: []*routev3.RateLimit_Action{{
			ActionSpecifier: &routev3.RateLimit_Action_RemoteAddress_{RemoteAddress: &routev3.RateLimit_Action_RemoteAddress{}},
		}}}},
		Descriptors: []*ratelimitv3.LocalRateLimitDescriptor{{
			Entries:     []*ratelimitv3.RateLimitDescriptor_Entry{{Key: address}}, // of any value: a bucket for each
			TokenBucket: bucket(scrapeBurstOfAddress, scrapeIntervalOfOne),
		}},
		MaxDynamicDescriptors:  wrapperspb.UInt32(scrapeAddresses),
		EnableRetryAfterHeader: true,
	}
}

func bucket(size uint32, interval time.Duration) *typev3.TokenBucket {
	return &typev3.TokenBucket{MaxTokens: size, TokensPerFill: wrapperspb.UInt32(1), FillInterval: durationpb.New(interval)}
}

// admin is the admin interface as a backend of the metrics listener.
func admin(socket string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 adminCluster,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       durationpb.New(time.Second),
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxConnections: wrapperspb.UInt32(scrapesAtOnce), MaxPendingRequests: wrapperspb.UInt32(scrapesAtOnce),
		}}},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: adminCluster,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: pipe(socket, 0)}},
			}}}},
		},
	}
}

func pipe(path string, mode uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path, Mode: mode}}}
}
