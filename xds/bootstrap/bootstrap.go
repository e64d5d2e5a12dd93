package bootstrap

import (
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	"go.yaml.in/yaml/v2"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	// Pause before the control plane is asked again after a lost stream: with Envoy's default
	// (up to 30 s) a gateway would run on old configuration long after the control plane is
	// back.
	reconnectMin = 100 * time.Millisecond
	reconnectMax = 3 * time.Second

	// maxRegexProgram replaces Envoy's default of 100, which refuses ordinary expressions.
	// xds/ir/check bounds what is sent.
	maxRegexProgram = 1_000_000
	// spanBatch is how many spans go in one call to a collector.
	spanBatch = 256

	// releaseRate is how many bytes that are free go back to the system in each second, at most. Of what is beyond
	// keptMemory all of it does, as soon as it is free.
	releaseRate = 64 << 20
	keptMemory  = 64 << 20
)

// Render renders the bootstrap of a proxy as YAML.
func Render(c Config) ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	resources, err := staticResources(c)
	if err != nil {
		return nil, err
	}
	sink, err := metricsSink()
	if err != nil {
		return nil, err
	}
	overload, err := overloadManager(c)
	if err != nil {
		return nil, err
	}
	runtime, err := structpb.NewStruct(map[string]any{
		"re2.max_program_size.error_level": maxRegexProgram,
		// Data behind a chunk, and lines of chunks that end with a bare line feed, are refused (RFC 9112, 7.1): another
		// proxy on the way may see the end of the request elsewhere. Envoy's default lets them pass.
		"envoy.reloadable_features.strict_chunk_parsing": true,
		// Envoy's default is 32 MiB for each request that waits for an authorization service. Nothing else here keeps whole answers.
		"http.async_response_buffer_limit": MaxAuthAnswer,
		// Each worker sends spans in batches of 256, and each second. Envoy's defaults are five spans, a call for every second request, and
		// five seconds.
		"tracing.opentelemetry.min_flush_spans":   spanBatch,
		"tracing.opentelemetry.flush_interval_ms": time.Second.Milliseconds(),
	})
	if err != nil {
		return nil, err
	}
	return text(&bootstrapv3.Bootstrap{
		// The node ID of a process is given on its command line (Args).
		Node: &corev3.Node{Id: c.Gateway.String(), Cluster: c.Gateway.String()},
		// A socket, not a port: the admin interface can stop the proxy and show its keys.
		Admin:            &bootstrapv3.Admin{Address: pipe(c.AdminSocket, 0o600)},
		DynamicResources: dynamicResources(),
		StaticResources:  resources,
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{
			{Name: "product", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: runtime}},
			// Last wins: an operator may try a setting through the admin socket.
			{Name: "admin", LayerSpecifier: &bootstrapv3.RuntimeLayer_AdminLayer_{
				AdminLayer: &bootstrapv3.RuntimeLayer_AdminLayer{},
			}},
		}},
		StatsConfig:        statistics(c.BackendStats),
		StatsSinks:         []*metricsv3.StatsSink{sink},
		StatsFlushInterval: durationpb.New(flushInterval),
		// 28 instead of 60 KiB per cluster, together with the inclusion list.
		DeferredStatOptions: &bootstrapv3.Bootstrap_DeferredStatOptions{EnableDeferredCreationStats: true},
		ClusterManager:      &bootstrapv3.ClusterManager{EnableDeferredClusterCreation: true},
		OverloadManager:     overload,
		// Envoy by itself never gives memory back that bodies took (docs/adr/0034-memory-of-requests.md).
		MemoryAllocatorManager: &bootstrapv3.MemoryAllocatorManager{
			BytesToRelease: releaseRate, MemoryReleaseInterval: durationpb.New(time.Second), SoftMemoryLimitBytes: wrapperspb.UInt64(keptMemory),
		},
	})
}

// staticResources are the control plane, and what the proxy says about itself.
func staticResources(c Config) (*bootstrapv3.Bootstrap_StaticResources, error) {
	server, err := serverCluster(c)
	if err != nil {
		return nil, err
	}
	ready, err := readyListener(c.IPv6)
	if err != nil {
		return nil, err
	}
	resources := &bootstrapv3.Bootstrap_StaticResources{
		Clusters: []*clusterv3.Cluster{server}, Listeners: []*listenerv3.Listener{ready},
	}
	if err := pickers(c, resources); err != nil {
		return nil, err
	}
	if c.MetricsPort == 0 {
		return resources, nil
	}
	metrics, err := metricsListener(c.MetricsPort, c.IPv6)
	if err != nil {
		return nil, err
	}
	resources.Clusters = append(resources.Clusters, admin(c.AdminSocket))
	resources.Listeners = append(resources.Listeners, metrics)
	return resources, nil
}

// dynamicResources asks for everything on one delta stream.
//
// Clusters and listeners are waited for without limit: a proxy that gave up after Envoy's
// 15 s would say that it is ready with nothing to serve.
func dynamicResources() *bootstrapv3.Bootstrap_DynamicResources {
	all := func() *corev3.ConfigSource {
		return &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			InitialFetchTimeout:   durationpb.New(0),
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		}
	}
	return &bootstrapv3.Bootstrap_DynamicResources{
		AdsConfig: &corev3.ApiConfigSource{
			ApiType:             corev3.ApiConfigSource_DELTA_GRPC,
			TransportApiVersion: corev3.ApiVersion_V3,
			GrpcServices: []*corev3.GrpcService{{
				TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{
					ClusterName: Cluster,
					RetryPolicy: &corev3.RetryPolicy{RetryBackOff: &corev3.BackoffStrategy{
						BaseInterval: durationpb.New(reconnectMin), MaxInterval: durationpb.New(reconnectMax),
					}},
				}},
			}},
		},
		CdsConfig: all(),
		LdsConfig: all(),
	}
}

// text renders a message as YAML with sorted keys.
func text(message proto.Message) ([]byte, error) {
	data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	var plain any // JSON is YAML
	if err := yaml.Unmarshal(data, &plain); err != nil {
		return nil, err
	}
	return yaml.Marshal(plain)
}

func packed(message proto.Message) (*anypb.Any, error) {
	out := &anypb.Any{}
	err := anypb.MarshalFrom(out, message, proto.MarshalOptions{Deterministic: true})
	return out, err
}
