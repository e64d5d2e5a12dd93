package translate

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	codecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	leastv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	overridev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/override_host/v3"
	subsetv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/subset/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate/usage"
)

const (
	// connectTimeout of backends: one lost SYN is repeated after 1 s.
	connectTimeout = 2 * time.Second
	// pickerConnectTimeout is short: every request of the pool waits for it. So it is for holds.
	pickerConnectTimeout = 250 * time.Millisecond
	// http1Idle closes idle HTTP/1.1 connections before the backend does: several common
	// servers (uvicorn of the model servers, Node.js) close after 5 s, and a request sent at
	// that moment fails with 503. HTTP/2 announces its end (GOAWAY) and needs no such race.
	http1Idle = 4 * time.Second
	http2Idle = 5 * time.Minute
)

// Cluster renders a backend (CDS). Its endpoints travel apart, under a name that several
// clusters may share.
func Cluster(c ir.Cluster) (resource.Resource, error) {
	name := ClusterName(c.Key)
	sources := distinct([]ir.Source{c.Source})
	message, err := cluster(c, name)
	if err != nil {
		return resource.Resource{Key: resource.Key{Type: resource.Cluster, Name: name}, Sources: sources},
			fmt.Errorf("cluster %s: %w", name, err)
	}
	made, err := resource.New(resource.Cluster, name, message, nil, sources...)
	made.Companion, made.Demand = message.GetEdsClusterConfig().GetServiceName(), demandKey(c.Key)
	if c.Pool != nil || c.Key.Kind == ir.BackendPicker && !c.Key.Relay {
		made.Backend = &c
	}
	return made, err
}

func cluster(c ir.Cluster, name string) (*clusterv3.Cluster, error) {
	if c.Key.Relay {
		return relay(c.Key, name)
	}
	message := &clusterv3.Cluster{
		Name:                 name,
		AltStatName:          demandName(c),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{
			EdsConfig: adsConfigSource(), ServiceName: EndpointsName(c.Key),
		},
		ConnectTimeout:  durationpb.New(connectTimeout),
		CircuitBreakers: unlimitedBreakers(),
		// A node that vanished sends no RST: probe connections that are silent while a request
		// waits on them, and give up after about 25 s.
		UpstreamConnectionOptions: &clusterv3.UpstreamConnectionOptions{TcpKeepalive: &corev3.TcpKeepalive{
			KeepaliveTime: uint32Value(10), KeepaliveInterval: uint32Value(5), KeepaliveProbes: uint32Value(3),
		}},
		// Endpoints are listed only when they may take requests, so no share of unhealthy ones
		// is a reason to use all of them.
		CommonLbConfig: &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: &typev3.Percent{Value: 0}},
	}
	if c.Key.Kind == ir.BackendPicker || c.Key.Hold {
		message.ConnectTimeout = durationpb.New(pickerConnectTimeout)
	}
	over, err := fields.ReadCluster(c.Fields)
	if err != nil {
		return nil, err
	}
	if c.Key.Route == ir.RouteTraces {
		message.CircuitBreakers = exportBreakers()
	}
	if err := detectFailures(message, c.Key, over.Sets("outlier_detection")); err != nil {
		return nil, err
	}
	message.LoadBalancingPolicy, err = loadBalancing(c, over)
	if err != nil {
		return nil, err
	}
	if c.Protocol != ir.TCPRaw {
		message.TypedExtensionProtocolOptions, err = httpOptions(c)
		if err != nil {
			return nil, err
		}
	}
	message.Metadata = clusterMetadata(c)
	if c.TLS != nil {
		message.TransportSocket, err = upstreamTLS(c.TLS, c.Protocol)
		if err != nil {
			return nil, err
		}
	}
	return message, over.Over(message)
}

// detectFailures has endpoints left alone that cannot be reached. A detection of the user replaces the
// product's: half of each would be a detection that neither the user nor the product chose.
func detectFailures(message *clusterv3.Cluster, key ir.ClusterKey, detected bool) error {
	switch {
	case key.Hold: // with one replica, Envoy's own panic threshold keeps it
		message.OutlierDetection = unreachable(unreachableInterval)
		message.CommonLbConfig = nil
	case hasClusterIP(key):
		message.CommonLbConfig.HealthyPanicThreshold.Value = panicPercent
		if !detected {
			message.OutlierDetection = unreachable(backendInterval)
		}
	case key.Kind == ir.BackendPicker:
		return addTCPHealthCheck(message)
	}
	return nil
}

// unlimitedBreakers leaves no hidden ceiling: what limits a backend is the backend, its scaler or
// a policy of the user. Picker clusters answered 476 of 1,500 requests 500 with the defaults.
func unlimitedBreakers() *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		MaxConnections:     uint32Value(unlimited),
		MaxPendingRequests: uint32Value(unlimited),
		MaxRequests:        uint32Value(unlimited),
		MaxRetries:         uint32Value(unlimited),
	}}}
}

// upstreamHTTP1 passes trailers on, in both directions: those of HTTP/2 clients, and of answers to them.
func upstreamHTTP1() *corev3.Http1ProtocolOptions {
	return &corev3.Http1ProtocolOptions{EnableTrailers: true}
}

// httpOptions says what the proxy speaks, explicitly, or that the backend chooses: Envoy never
// guesses.
//
// Pickers get no HTTP/2 keepalive: the gRPC servers of the known ones refuse its pings and
// close the connection, which turned every answer slower than 2 s into a 500
// (docs/adr/0005-picker-per-target.md).
func httpOptions(c ir.Cluster) (map[string]*anypb.Any, error) {
	options := &httpv3.HttpProtocolOptions{}
	explicit := &httpv3.HttpProtocolOptions_ExplicitHttpConfig{}
	options.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: explicit}
	idle := http1Idle
	switch c.Protocol {
	case ir.HTTPAny:
		options.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_AutoConfig{AutoConfig: &httpv3.HttpProtocolOptions_AutoHttpConfig{
			HttpProtocolOptions: upstreamHTTP1(), Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		}}
	case ir.HTTP2:
		idle = http2Idle
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
			Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		}
	case ir.HTTP1, "":
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
			HttpProtocolOptions: upstreamHTTP1(),
		}
	default:
		return nil, fmt.Errorf("protocol %q", c.Protocol)
	}
	options.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{
		IdleTimeout: durationpb.New(idle), MaxHeadersCount: uint32Value(maxHeaders), MaxResponseHeadersKb: uint32Value(maxAnswerHeaderKiB),
	}
	if c.TLS != nil && c.TLS.HostSNI {
		options.UpstreamHttpProtocolOptions = &corev3.UpstreamHttpProtocolOptions{AutoSni: true}
	}
	if c.CountsWork() {
		filters, err := answerFilters()
		if err != nil {
			return nil, err
		}
		options.HttpFilters = filters
	}
	config, err := typedConfig(options)
	if err != nil {
		return nil, err
	}
	return map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": config}, nil
}

// answerFilters read the answers of a cluster. They are filters of the cluster: what another one has is the same with and without
// them, and a host that is found by the fallback has them, too.
func answerFilters() ([]*hcmv3.HttpFilter, error) {
	reader := &luav3.Lua{DefaultSourceCode: inline(usage.Script)}
	return filterList(namedFilter{"usage", reader}, namedFilter{"codec", &codecv3.UpstreamCodec{}})
}

// clusterMetadata is what logs name a cluster by; nil: nothing.
func clusterMetadata(c ir.Cluster) *corev3.Metadata {
	all := map[string]*structpb.Struct{}
	add := func(namespace, key, value string) {
		all[namespace] = &structpb.Struct{Fields: map[string]*structpb.Value{key: structpb.NewStringValue(value)}}
	}
	if c.ScaledObject != "" {
		add(clusterNamespace, scaledObjectKey, c.Key.Namespace+"/"+c.ScaledObject)
	}
	if c.CountsWork() {
		add(usage.Namespace, usage.Key, demandKey(c.Key).String())
	}
	if len(all) == 0 {
		return nil
	}
	return &corev3.Metadata{FilterMetadata: all}
}

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
			Key: PickNamespace,
			Path: []*metadatav3.MetadataKey_PathSegment{{
				Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: name},
			}},
		}
	}
	return policy("override_host", &overridev3.OverrideHost{
		// Metadata only: a picker writes it and a client cannot. (The header would do, too,
		// but every client can send it.)
		OverrideHostSources: []*overridev3.OverrideHost_OverrideHostSource{{Metadata: key(PickKey)}},
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
