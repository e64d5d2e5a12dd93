package translate

import (
	"slices"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	httptypev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

// What the hold filter tells the server that it asks (scaler/hold), as gRPC metadata of the call.
const (
	// HoldBackend is the name of the backend's endpoints.
	HoldBackend = "x-kedify-backend"
	// HoldDemand is the demand key, "namespace/name".
	HoldDemand = "x-kedify-demand"
	// HoldLimit is the limit of the rule on the whole request, in milliseconds. Without it there is none.
	HoldLimit = "x-kedify-limit"
	// HoldBuffer is what the proxy keeps of the body of a request of the rule, in bytes. Without it, HeldBuffer.
	HoldBuffer = "x-kedify-buffer"
	// HoldNode is the request attribute that names this proxy.
	HoldNode = "xds.node.id"
)

// What the answer says in the dynamic metadata HoldNamespace: the key HoldCold is "true" when the request waited, "false"
// when it was asked about and went on at once; HoldMilliseconds is the number of milliseconds that it waited.
const (
	HoldNamespace    = "kedify.hold"
	HoldCold         = "cold"
	HoldMilliseconds = "held_ms"
)

// coldStartHeader tells the client what the answer said (http-add-on's header).
const coldStartHeader = "X-KEDA-HTTP-Cold-Start"

const (
	// holdLimit is the longest that Envoy waits for an answer (its own maximum). The holder
	// answers long before, with what the wait has come to.
	holdLimit = time.Hour
	// Attempts of a call whose replica went away. Envoy draws each pause at random between zero and
	// its limit, so that together they take some 4 s where replicas refuse connections, and some 6 s
	// where their addresses swallow them until pickerConnectTimeout. Then the request goes on: no
	// replica can be asked (docs/adr/0020-proxy-alone.md).
	holdAttempts   = 8
	holdBackoff    = 250 * time.Millisecond
	holdMaxBackoff = 1200 * time.Millisecond

	connectRetryOn = "connect-failure,refused-stream,reset-before-request"
)

// hold is the filter that lets requests wait. By itself it does nothing, like the picker
// filter, and for the same reason it is not "disabled" (see picker).
//
// It sends the headers of a request and no byte of its body. While the hold cluster has no
// endpoint, requests do not wait.
func hold() proto.Message {
	return &extprocv3.ExternalProcessor{
		GrpcService:      grpcService(noHoldCluster),
		StatPrefix:       holdFilter,
		FailureModeAllow: true,
		MessageTimeout:   durationpb.New(holdLimit),
		RouteCacheAction: extprocv3.ExternalProcessor_RETAIN,
		MetadataOptions: &extprocv3.MetadataOptions{
			ReceivingNamespaces: &extprocv3.MetadataOptions_MetadataNamespaces{Untyped: []string{HoldNamespace}},
		},
		// Envoy takes no other attributes from a target's override.
		RequestAttributes: []string{HoldNode},
		ProcessingMode: &extprocv3.ProcessingMode{
			RequestHeaderMode:   extprocv3.ProcessingMode_SKIP,
			ResponseHeaderMode:  extprocv3.ProcessingMode_SKIP,
			RequestBodyMode:     extprocv3.ProcessingMode_NONE,
			ResponseBodyMode:    extprocv3.ProcessingMode_NONE,
			RequestTrailerMode:  extprocv3.ProcessingMode_SKIP,
			ResponseTrailerMode: extprocv3.ProcessingMode_SKIP,
		},
		StatusOnError: &httptypev3.HttpStatus{Code: httptypev3.StatusCode_ServiceUnavailable},
	}
}

// waiting is what a rule says about its requests while they wait.
type waiting struct {
	limit time.Duration // of the whole request; zero: none
	kept  int           // bytes of a body, at most
}

// holdOverride turns the filter on for one target.
func holdOverride(target *ir.Target, wait waiting) (*anypb.Any, error) {
	service := grpcService(ClusterName(target.Hold.Cluster))
	service.Timeout = durationpb.New(0)
	// A call that a replica did not answer is made again, to whichever there is by then: requests
	// survive the end of the replica that held them. Which one is up to detectFailures: a retry with
	// previous_priorities keeps to a priority that new endpoints of the cluster may have emptied.
	service.RetryPolicy = &corev3.RetryPolicy{
		RetryOn:      "connect-failure,refused-stream,reset,unavailable,5xx",
		NumRetries:   wrapperspb.UInt32(holdAttempts),
		RetryBackOff: &corev3.BackoffStrategy{BaseInterval: durationpb.New(holdBackoff), MaxInterval: durationpb.New(holdMaxBackoff)},
	}
	metadata := []*corev3.HeaderValue{
		{Key: HoldBackend, Value: EndpointsName(target.Cluster)},
		{Key: HoldDemand, Value: target.Hold.Demand.String()},
	}
	if wait.limit > 0 {
		metadata = append(metadata, &corev3.HeaderValue{Key: HoldLimit, Value: strconv.FormatInt(wait.limit.Milliseconds(), 10)})
	}
	if wait.kept != HeldBuffer {
		metadata = append(metadata, &corev3.HeaderValue{Key: HoldBuffer, Value: strconv.Itoa(wait.kept)})
	}
	return typedConfig(&extprocv3.ExtProcPerRoute{Override: &extprocv3.ExtProcPerRoute_Overrides{
		Overrides: &extprocv3.ExtProcOverrides{
			GrpcService:         service,
			GrpcInitialMetadata: metadata,
			ProcessingMode: &extprocv3.ProcessingMode{
				RequestHeaderMode:   extprocv3.ProcessingMode_SEND,
				ResponseHeaderMode:  extprocv3.ProcessingMode_SKIP,
				RequestBodyMode:     extprocv3.ProcessingMode_NONE,
				ResponseBodyMode:    extprocv3.ProcessingMode_NONE,
				RequestTrailerMode:  extprocv3.ProcessingMode_SKIP,
				ResponseTrailerMode: extprocv3.ProcessingMode_SKIP,
			},
		},
	}})
}

// coldStart is empty, and not sent, for requests that were routed without asking.
func coldStart() *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: coldStartHeader, Value: "%DYNAMIC_METADATA(" + HoldNamespace + ":" + HoldCold + ")%"},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// waits reports whether requests of the rule may be held.
func waits(f *ir.Forward) bool {
	return slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return t.Hold != nil })
}

// held returns how long a request of the rule may be held at most; zero: none of its targets holds.
func held(f *ir.Forward) (longest time.Duration) {
	for i := range f.Targets {
		if hold := f.Targets[i].Hold; hold != nil {
			longest = max(longest, hold.Timeout)
		}
	}
	return longest
}

// connectRetryPolicy retries what never reached a backend that comes and goes: the last endpoint of a
// crashed Pod stays until the next one replaces it, and a Pod may be called ready before it
// listens. Nothing that was sent is sent again.
func connectRetryPolicy() *routev3.RetryPolicy {
	return &routev3.RetryPolicy{
		RetryOn: connectRetryOn,
		// Some 13 s with the pauses below: Envoy's are random, and with 10 retries one request in
		// 1,500 had used them up before the next Pod was there, on a busy machine.
		NumRetries: wrapperspb.UInt32(30),
		RetryBackOff: &routev3.RetryPolicy_RetryBackOff{
			BaseInterval: durationpb.New(100 * time.Millisecond), MaxInterval: durationpb.New(time.Second),
		},
	}
}
