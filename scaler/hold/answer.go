package hold

import (
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

// The answers that let a request go on. All calls share them; gRPC only reads.
var (
	goneOn = goingOn("false")
	wentOn = goingOn("true")
)

// goingOn changes nothing of the request. What it says about the wait ends in a header of the
// response.
func goingOn(cold string) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{
		Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}},
		DynamicMetadata: &structpb.Struct{Fields: map[string]*structpb.Value{
			translate.HoldNamespace: structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
				translate.HoldCold: structpb.NewStringValue(cold),
			}}),
		}},
	}
}

// reply is an answer that the proxy gives the client itself.
type reply struct {
	status      int
	body        string
	contentType string
	retryAfter  time.Duration // zero: no header
	cold        bool          // the request waited
	details     string        // for access logs
}

// message renders a reply. A client that speaks gRPC gets no page but a status, always the one
// that has it try again.
func (r *reply) message(h *head) *extprocv3.ProcessingResponse {
	immediate := &extprocv3.ImmediateResponse{
		Status:  &httptypev3.HttpStatus{Code: httptypev3.StatusCode(r.status)},
		Headers: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{set(coldHeader, strconv.FormatBool(r.cold))}},
		Details: r.details,
	}
	if r.retryAfter > 0 {
		seconds := int64(math.Ceil(r.retryAfter.Seconds()))
		immediate.Headers.SetHeaders = append(immediate.Headers.SetHeaders, set("retry-after", strconv.FormatInt(seconds, 10)))
	}
	if h.grpc() {
		immediate.GrpcStatus = &extprocv3.GrpcStatus{Status: uint32(codes.Unavailable)}
		immediate.Body = []byte(http.StatusText(r.status)) // becomes grpc-message
	} else {
		immediate.Headers.SetHeaders = append(immediate.Headers.SetHeaders, set("content-type", r.contentType))
		immediate.Body = []byte(r.body)
	}
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: immediate}}
}

// coldHeader is translate's header of the response, in the case of HTTP/2.
const coldHeader = "x-keda-http-cold-start"

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

// healthy answers a health check on behalf of a backend that sleeps.
func healthy() *reply {
	return &reply{status: http.StatusOK, body: "ok\n", contentType: plainText, details: "hold_probe"}
}

// late answers a request that waited for too long.
func late(again time.Duration) *reply {
	return &reply{
		status: http.StatusGatewayTimeout, body: "no endpoint became ready in time\n", contentType: plainText,
		retryAfter: again, cold: true, details: "hold_timeout",
	}
}

// crowded answers a request for which there is no room to wait.
func crowded(again time.Duration, limit string) *reply {
	return &reply{
		status: http.StatusServiceUnavailable, body: "too many requests wait for an endpoint\n", contentType: plainText,
		retryAfter: again, details: "hold_" + limit,
	}
}
