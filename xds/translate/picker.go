package translate

import (
	"strconv"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	aggregatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	httptypev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

// Words of the endpoint picker protocol (Gateway API Inference Extension, proposal 004).
const (
	// PickNamespace is the metadata in which a picker names an endpoint, or a list of them, under PickKey.
	PickNamespace   = "envoy.lb"
	PickKey         = "x-gateway-destination-endpoint"
	servedKey       = "x-gateway-destination-endpoint-served"
	subsetNamespace = "envoy.lb.subset_hint"
	subsetKey       = "x-gateway-destination-endpoint-subset"
)

// What the picker filter tells the relay (xds/pickerrelay), as gRPC metadata of the call. The host of the call is the name of the
// picker's cluster.
const (
	// PickerTimeout is ir.Picker.Timeout in milliseconds.
	PickerTimeout = "x-kedify-picker-timeout"
	// PickerFailOpen is there where the pool fails open.
	PickerFailOpen = "x-kedify-picker-fail-open"
)

// routingHeaders are what known pickers tell the Pods of a pool about where a request is computed. A
// Pod believes them, and some name addresses that it connects to, so the pool's picker alone may say
// them. Pickers remove those of clients as well, but a pool that fails open may have none.
var routingHeaders = []string{
	// llm-d, by their names of before and after its renaming.
	"x-prefiller-host-port", "x-llm-d-prefiller-host-port", "x-prefiller-url",
	"x-encoder-hosts-ports", "x-llm-d-encoder-hosts-ports", "x-encoder-host-ports",
	"x-kv-cache-source-host-port", "x-llm-d-kv-cache-source-host-port",
	"x-data-parallel-host-port", "x-llm-d-data-parallel-host-port",
	// Dynamo.
	"x-worker-instance-id", "x-prefill-instance-id", "x-decode-instance-id", "x-dp-rank", "x-prefill-dp-rank",
	"x-dynamo-routing-mode", "x-epp-inject-nvext-token-data",
}

// attemptHeader has the router end an attempt after so many milliseconds, from the moment when an endpoint has it to the last byte of
// the answer. No field of a route does: per_try_timeout begins with the end of the request and ends with the first byte of the
// answer. The router removes the header; those of clients are gone by then (earlyMutation).
const attemptHeader = check.EnvoyHeaders + "upstream-stream-duration-ms"

// headersOverride changes headers of the requests of one target before its picker is asked. It removes routingHeaders from those to a
// pool: what the picker says passes, and so do the headers of clients to Services, where they have
// the meaning that the application gives them. attempt is the limit of an attempt; zero: none. WebSockets do not
// pass this filter, and have none. Nil: nothing is changed.
func headersOverride(target *ir.Target, attempt time.Duration) (*anypb.Any, error) {
	var mutations []*mutationv3.HeaderMutation
	if target.Cluster.Kind == ir.BackendPool {
		for _, name := range routingHeaders {
			mutations = append(mutations, removeHeader(name))
		}
	}
	if attempt > 0 {
		mutations = append(mutations, addHeader(attemptHeader, strconv.FormatInt(attempt.Milliseconds(), 10)))
	}
	if len(mutations) == 0 {
		return nil, nil
	}
	return typedConfig(&headermutationv3.HeaderMutationPerRoute{Mutations: &headermutationv3.Mutations{RequestMutations: mutations}})
}

// because has requests that the proxy answers itself say why, in the access log: of a route or a target. Nil: there is nothing to say.
func because(reason string) (map[string]*anypb.Any, error) {
	if reason == "" {
		return nil, nil
	}
	return perFilter(map[string]proto.Message{routingFilter: &headermutationv3.HeaderMutationPerRoute{
		Mutations: &headermutationv3.Mutations{
			RequestMutations: []*mutationv3.HeaderMutation{addHeader(reasonHeader, logformat.Literal(reason))},
		},
	}})
}

const (
	// messageTimeout bounds the picker's answer to the response headers. (The request phase of
	// this mode has no timeout in Envoy.) A picker under load is slow; one that is frozen
	// delays an answer that already exists by at most this.
	messageTimeout = 5 * time.Second
)

// picker is the endpoint picker filter of every chain. By itself it does nothing: all phases
// are skipped until the chosen target overrides them.
//
// It is not "disabled" here although that would be cheaper, because Envoy decides once per
// request which disabled filters to leave out, with the route of the first look-up. A host
// that is found only by the fallback filter (wildcards, upper case) has no route at that
// moment, and its pools would silently lose their picker. Exact tables disable it instead.
func picker() proto.Message {
	return &extprocv3.ExternalProcessor{
		GrpcService:    grpcService(noPickerCluster),
		StatPrefix:     pickerFilter,
		MessageTimeout: durationpb.New(messageTimeout),
		// A picker sets headers on every pick and asks for a new route look-up; a header it
		// sets could move the request to another rule after the pick.
		RouteCacheAction: extprocv3.ExternalProcessor_RETAIN,
		ProcessingMode:   trailersMode(extprocv3.ProcessingMode_SKIP),
		MetadataOptions: &extprocv3.MetadataOptions{
			ForwardingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{
				Untyped: []string{PickNamespace, subsetNamespace},
			},
			ReceivingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{Untyped: []string{PickNamespace}},
		},
		// The picker is out of reach and the pool fails closed: unavailable, not broken.
		StatusOnError: &httptypev3.HttpStatus{Code: httptypev3.StatusCode_ServiceUnavailable},
	}
}

// pickerOverride turns the filter on for one target, with the target's own picker.
func pickerOverride(p *ir.Picker) (*anypb.Any, error) {
	mode := &extprocv3.ProcessingMode{
		RequestHeaderMode: extprocv3.ProcessingMode_SEND,
		// The protocol demands full duplex, and Envoy then demands trailers.
		RequestBodyMode:    extprocv3.ProcessingMode_FULL_DUPLEX_STREAMED,
		RequestTrailerMode: extprocv3.ProcessingMode_SEND,
		// Response headers carry the endpoint that served. Bodies stay away by default: one
		// message per token chunk, and a dying picker would cut running answers.
		ResponseHeaderMode:  extprocv3.ProcessingMode_SEND,
		ResponseBodyMode:    extprocv3.ProcessingMode_NONE,
		ResponseTrailerMode: extprocv3.ProcessingMode_SKIP,
	}
	if p.ResponseBody {
		mode.ResponseBodyMode = extprocv3.ProcessingMode_FULL_DUPLEX_STREAMED
		mode.ResponseTrailerMode = extprocv3.ProcessingMode_SEND
	}
	return typedConfig(&extprocv3.ExtProcPerRoute{Override: &extprocv3.ExtProcPerRoute_Overrides{
		Overrides: &extprocv3.ExtProcOverrides{
			GrpcService:         askedPicker(p),
			GrpcInitialMetadata: relayMetadata(p),
			ProcessingMode:      mode,
			FailureModeAllow:    wrapperspb.Bool(p.FailOpen),
		},
	}})
}

// askedPicker is the picker, or the relay in front of it, which is told by the host whom to call.
func askedPicker(p *ir.Picker) *corev3.GrpcService {
	service := grpcService(ClusterName(p.AskedBy()))
	if p.Timeout > 0 {
		service.GetEnvoyGrpc().Authority = ClusterName(p.Cluster)
	}
	return service
}

// relayMetadata is what the relay is told; nil: there is none.
func relayMetadata(p *ir.Picker) []*corev3.HeaderValue {
	if p.Timeout == 0 {
		return nil
	}
	told := []*corev3.HeaderValue{{Key: PickerTimeout, Value: strconv.FormatInt(max(p.Timeout.Milliseconds(), 1), 10)}}
	if p.FailOpen {
		told = append(told, &corev3.HeaderValue{Key: PickerFailOpen, Value: "true"})
	}
	return told
}

// relay is the cluster that the relay is asked by: the relay, or the picker itself while there is no relay. That is so in a proxy that
// was started before there were relays, and while the process of the relay starts again.
func relay(key ir.ClusterKey, name string) (*clusterv3.Cluster, error) {
	picker := key
	picker.Relay = false
	config, err := typedConfig(&aggregatev3.ClusterConfig{Clusters: []string{bootstrap.RelayCluster, ClusterName(picker)}})
	if err != nil {
		return nil, err
	}
	return &clusterv3.Cluster{
		Name: name,
		ClusterDiscoveryType: &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
			Name: "envoy.clusters.aggregate", TypedConfig: config,
		}},
		LbPolicy:        clusterv3.Cluster_CLUSTER_PROVIDED,
		ConnectTimeout:  durationpb.New(pickerConnectTimeout),
		CircuitBreakers: unlimitedBreakers(),
	}, nil
}

// trailerGuard refuses requests to pools that end with trailers. The known pickers wait for a body that is
// marked as the end; before trailers none is, they answer no trailers, and Envoy waits for them without a
// limit of its own. Envoy has no filter that takes trailers away, and none that refuses them, but for this
// one: an external processor that is to be asked about trailers alone, and never exists.
func trailerGuard() proto.Message {
	return &extprocv3.ExternalProcessor{
		GrpcService:    grpcService(noPickerCluster),
		StatPrefix:     trailersFilter,
		ProcessingMode: trailersMode(extprocv3.ProcessingMode_SKIP),
		StatusOnError:  &httptypev3.HttpStatus{Code: httptypev3.StatusCode_BadRequest},
	}
}

// refuseTrailers turns the guard on for one target.
func refuseTrailers() (*anypb.Any, error) {
	return typedConfig(&extprocv3.ExtProcPerRoute{Override: &extprocv3.ExtProcPerRoute_Overrides{
		Overrides: &extprocv3.ExtProcOverrides{ProcessingMode: trailersMode(extprocv3.ProcessingMode_SEND)},
	}})
}

// trailersMode asks about nothing, or about the trailers of requests.
func trailersMode(mode extprocv3.ProcessingMode_HeaderSendMode) *extprocv3.ProcessingMode {
	return &extprocv3.ProcessingMode{
		RequestHeaderMode:   extprocv3.ProcessingMode_SKIP,
		ResponseHeaderMode:  extprocv3.ProcessingMode_SKIP,
		RequestBodyMode:     extprocv3.ProcessingMode_NONE,
		ResponseBodyMode:    extprocv3.ProcessingMode_NONE,
		RequestTrailerMode:  mode,
		ResponseTrailerMode: extprocv3.ProcessingMode_SKIP,
	}
}

func grpcService(cluster string) *corev3.GrpcService {
	return &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
		EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
	}}
}

const (
	// listening is how soon a picker is asked after its port accepts connections.
	listening = 200 * time.Millisecond
	// listens is how often a port that accepted connections is tried again.
	listens = 10 * time.Second
	// refusals in a row take a picker out: what has to go at once, its Pod, leaves by its
	// endpoint. This is for nodes that vanish.
	refusals       = 3
	refusalTimeout = time.Second

	plainConnection = "plain"
)

// addTCPHealthCheck keeps requests away from a picker until its port accepts connections. The
// reference picker is ready up to two seconds before (it makes a key in between), and a body
// that is on its way to a picker cannot be sent elsewhere, so that a pool that fails open
// would answer 503.
//
// It is a connection and no more: no request is made, and no TLS handshake, which a thousand
// pickers would make costly.
func addTCPHealthCheck(message *clusterv3.Cluster) error {
	plain, err := typedConfig(&rawbufferv3.RawBuffer{})
	if err != nil {
		return err
	}
	criteria := &structpb.Struct{Fields: map[string]*structpb.Value{plainConnection: structpb.NewBoolValue(true)}}
	message.TransportSocketMatches = []*clusterv3.Cluster_TransportSocketMatch{{
		Name: plainConnection, Match: criteria,
		TransportSocket: &corev3.TransportSocket{
			Name:       "envoy.transport_sockets.raw_buffer",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: plain},
		},
	}}
	message.HealthChecks = []*corev3.HealthCheck{{
		HealthChecker:                &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}},
		TransportSocketMatchCriteria: criteria,
		Timeout:                      durationpb.New(refusalTimeout),
		Interval:                     durationpb.New(listens),
		UnhealthyInterval:            durationpb.New(listening),
		// A cluster that was never asked has an interval of its own: a minute, by default.
		NoTrafficInterval:        durationpb.New(listening),
		NoTrafficHealthyInterval: durationpb.New(listens),
		UnhealthyThreshold:       uint32Value(refusals),
		HealthyThreshold:         uint32Value(1),
	}}
	// An endpoint that was removed is gone, whether or not its port still answers.
	message.IgnoreHealthOnHostRemoval = true
	return nil
}
