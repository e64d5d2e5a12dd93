package translate

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	httptypev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Words of the endpoint picker protocol (Gateway API Inference Extension, proposal 004).
const (
	pickNamespace   = "envoy.lb"
	pickKey         = "x-gateway-destination-endpoint"
	servedKey       = "x-gateway-destination-endpoint-served"
	subsetNamespace = "envoy.lb.subset_hint"
	subsetKey       = "x-gateway-destination-endpoint-subset"
)

// pickerHeaders are what a client could send to pose as a picker.
var pickerHeaders = []string{pickKey, servedKey, subsetKey}

const (
	// messageTimeout bounds the picker's answer to the response headers. (The request phase of
	// this mode has no timeout in Envoy.) A picker under load is slow; one that is frozen
	// delays an answer that already exists by at most this.
	messageTimeout = 5 * time.Second
	// pickerIdle is the silence that ends a request to a pool: models may compute for long
	// before the first token, and answers stream without a total limit.
	pickerIdle = 5 * time.Minute
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
		ProcessingMode: &extprocv3.ProcessingMode{
			RequestHeaderMode:   extprocv3.ProcessingMode_SKIP,
			ResponseHeaderMode:  extprocv3.ProcessingMode_SKIP,
			RequestBodyMode:     extprocv3.ProcessingMode_NONE,
			ResponseBodyMode:    extprocv3.ProcessingMode_NONE,
			RequestTrailerMode:  extprocv3.ProcessingMode_SKIP,
			ResponseTrailerMode: extprocv3.ProcessingMode_SKIP,
		},
		MetadataOptions: &extprocv3.MetadataOptions{
			ForwardingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{
				Untyped: []string{pickNamespace, subsetNamespace},
			},
			ReceivingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{Untyped: []string{pickNamespace}},
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
	return packed(&extprocv3.ExtProcPerRoute{Override: &extprocv3.ExtProcPerRoute_Overrides{
		Overrides: &extprocv3.ExtProcOverrides{
			GrpcService:      grpcService(ClusterName(p.Cluster)),
			ProcessingMode:   mode,
			FailureModeAllow: wrapperspb.Bool(p.FailOpen),
		},
	}})
}

func grpcService(cluster string) *corev3.GrpcService {
	return &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
		EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
	}}
}
