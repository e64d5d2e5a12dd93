package pickers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/xds/translate"
)

// call asks once.
func (c *connection) call(ctx context.Context, q *Question) Verdict {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := c.exchange(ctx)
	if err != nil {
		return c.judgeError(err)
	}
	return q.judge(answer)
}

// exchange sends the headers of a request that has no body, and returns the first answer.
func (c *connection) exchange(ctx context.Context) (*extprocv3.ProcessingResponse, error) {
	stream, err := extprocv3.NewExternalProcessorClient(c.client).Process(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(request()); err != nil && !errors.Is(err, io.EOF) { // EOF: Recv has the reason
		return nil, err
	}
	return stream.Recv()
}

// request asks for an endpoint of any model: no picker known decides about a request without a body by anything but the
// endpoints that it knows.
func request() *extprocv3.ProcessingRequest {
	var headers []*corev3.HeaderValue
	for _, header := range [][2]string{
		{":method", http.MethodGet}, {":path", "/"}, {":scheme", "http"}, {":authority", userAgent}, {"user-agent", userAgent},
	} {
		headers = append(headers, &corev3.HeaderValue{Key: header[0], RawValue: []byte(header[1])})
	}
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{
		Headers: &corev3.HeaderMap{Headers: headers}, EndOfStream: true,
	}}}
}

// judgeError says what a call means that was not answered: nothing, or that the other end is no picker that answers questions.
func (c *connection) judgeError(err error) Verdict {
	switch {
	case c.unreached.Load(), errors.Is(err, io.EOF):
		return Untold
	}
	switch status.Code(err) {
	case codes.Unimplemented, codes.Unauthenticated, codes.PermissionDenied, codes.ResourceExhausted:
		return Untold
	default: // it does not listen yet, ends, or hangs
		return Pending
	}
}

// judge says what an answer means. Without an endpoint the reference picker answers 500 to a request without a body, and 503 to
// others, as the protocol demands.
func (q *Question) judge(answer *extprocv3.ProcessingResponse) Verdict {
	if immediate := answer.GetImmediateResponse(); immediate != nil {
		if code := immediate.GetStatus().GetCode(); code >= http.StatusInternalServerError || code == http.StatusTooManyRequests {
			return Pending
		}
		return Untold
	}
	switch named := picked(answer); {
	case len(named) == 0:
		return Untold
	case q.names(named):
		return Known
	default: // endpoints of before
		return Pending
	}
}

// picked returns the endpoints that an answer names, by metadata or by header.
func picked(answer *extprocv3.ProcessingResponse) []string {
	list := answer.GetDynamicMetadata().GetFields()[translate.PickNamespace].GetStructValue().GetFields()[translate.PickKey].GetStringValue()
	for _, set := range answer.GetRequestHeaders().GetResponse().GetHeaderMutation().GetSetHeaders() {
		if list == "" && strings.EqualFold(set.GetHeader().GetKey(), translate.PickKey) {
			list = string(set.GetHeader().GetRawValue()) + set.GetHeader().GetValue()
		}
	}
	named := strings.Split(list, ",")
	for i := range named {
		named[i] = strings.TrimSpace(named[i])
	}
	return slices.DeleteFunc(named, func(name string) bool { return name == "" })
}
