package hold

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	httptypev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/translate"
)

// passWarm lets a request pass that did not wait. All calls share it; gRPC only reads.
var passWarm = passAnswer(false, 0)

// passAnswer changes nothing of the request. Its metadata ends in the access log and in a header of the response.
func passAnswer(cold bool, held time.Duration) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response:        &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}},
		DynamicMetadata: waitOf(cold, held),
	}
}

// waitOf tells the proxy how long the request waited.
func waitOf(cold bool, held time.Duration) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		translate.HoldNamespace: structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
			translate.HoldCold:         structpb.NewStringValue(strconv.FormatBool(cold)),
			translate.HoldMilliseconds: structpb.NewNumberValue(float64(held.Milliseconds())),
		}}),
	}}
}

// reply is an answer that the proxy gives the client itself.
type reply struct {
	status      int
	body        string
	contentType string
	retryAfter  time.Duration // zero: no header
	cold        bool          // the request waited, for the time held
	held        time.Duration
	reason      string // why, in the header of that name and for gRPC; empty: the status says it
	details     string // for access logs
}

// message renders a reply. A gRPC client gets no page but status UNAVAILABLE, which it retries.
func (r *reply) message(h *headers) *extprocv3.ProcessingResponse {
	immediate := &extprocv3.ImmediateResponse{
		Status:  &httptypev3.HttpStatus{Code: httptypev3.StatusCode(r.status)},
		Headers: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{set(coldHeader, strconv.FormatBool(r.cold))}},
		Details: r.details,
	}
	if r.retryAfter > 0 {
		seconds := int64(math.Ceil(r.retryAfter.Seconds()))
		immediate.Headers.SetHeaders = append(immediate.Headers.SetHeaders, set("retry-after", strconv.FormatInt(seconds, 10)))
	}
	if r.reason != "" {
		immediate.Headers.SetHeaders = append(immediate.Headers.SetHeaders, set(reasonHeader, r.reason))
	}
	if h.grpc() {
		immediate.GrpcStatus = &extprocv3.GrpcStatus{Status: uint32(codes.Unavailable)}
		immediate.Body = []byte(cmp.Or(r.reason, http.StatusText(r.status))) // becomes grpc-message
	} else if r.hasContent() {
		immediate.Headers.SetHeaders = append(immediate.Headers.SetHeaders, set("content-type", r.contentType))
		immediate.Body = []byte(r.body)
	}
	return &extprocv3.ProcessingResponse{
		Response:        &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: immediate},
		DynamicMetadata: waitOf(r.cold, r.held),
	}
}

// after is the reply to a request that waited.
func (r *reply) after(held time.Duration) *reply {
	r.cold, r.held = true, held
	return r
}

// hasContent reports whether an answer of this status may have a body (RFC 9110 6.4.1). Envoy sends one that is
// set, and the client takes it for the next answer of the connection.
func (r *reply) hasContent() bool {
	return r.status != http.StatusNoContent && r.status != http.StatusResetContent && r.status != http.StatusNotModified
}

// coldHeader is translate's header of the response, in the case of HTTP/2.
const coldHeader = "x-keda-http-cold-start"

// reasonHeader says why a request was not held.
const reasonHeader = "x-keda-http-reason"

func set(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, RawValue: []byte(value)},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

const (
	plainText = "text/plain; charset=utf-8"
	htmlText  = "text/html; charset=utf-8"
)

// page is an answer that a user wrote.
func page(p *scaler.Page, details string) *reply {
	r := &reply{
		status: int(p.Status), body: p.Body, contentType: p.ContentType, details: details,
		retryAfter: time.Duration(p.RetryAfter) * time.Second,
	}
	if r.status == 0 {
		r.status = http.StatusServiceUnavailable
	}
	if r.contentType == "" {
		r.contentType = htmlText
	}
	return r
}

// healthy answers a health check on behalf of a backend without endpoints.
func healthy() *reply {
	return &reply{status: http.StatusOK, body: "ok\n", contentType: plainText, details: "hold_probe"}
}

// holdTimeout answers a request that was held for too long.
func holdTimeout(retryAfter time.Duration) *reply {
	return &reply{
		status: http.StatusGatewayTimeout, body: "no endpoint became ready in time\n", contentType: plainText,
		retryAfter: retryAfter, details: "hold_timeout",
	}
}

// backendWithdrawn answers a request that no endpoint will answer: the trigger leads elsewhere, or is gone, or its
// Service is. A client that comes again finds the route as it is by then.
func backendWithdrawn(retryAfter time.Duration) *reply {
	return &reply{
		status: http.StatusServiceUnavailable, body: "the backend of this request was taken away\n", contentType: plainText,
		retryAfter: retryAfter, details: "hold_withdrawn", reason: "backend withdrawn",
	}
}

// pausedAtZero answers a request that nothing will start the application for.
func pausedAtZero(retryAfter time.Duration) *reply {
	return &reply{
		status: http.StatusServiceUnavailable, body: "the application has no replicas, and its autoscaling is paused\n", contentType: plainText,
		retryAfter: retryAfter, details: "hold_paused", reason: "paused at zero replicas",
	}
}

// tooManyPending answers a request that would exceed a limit of held requests.
func tooManyPending(retryAfter time.Duration, limit string) *reply {
	return &reply{
		status: http.StatusServiceUnavailable, body: "too many requests wait for an endpoint\n", contentType: plainText,
		retryAfter: retryAfter, details: "hold_" + limit,
	}
}
