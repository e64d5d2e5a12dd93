package hold

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/metadata"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/translate"
)

// errNoBackend says that a call does not name what it is about.
var errNoBackend = errors.New("the call carries no metadata " + translate.HoldBackend)

// question is a call of a proxy: which backend of which gateway, and whose demand it is.
type question struct {
	gateway types.NamespacedName
	backend string               // name of the endpoints
	demand  types.NamespacedName // zero: nobody's
}

// readQuestion reads the metadata that the route of the request carries.
func readQuestion(ctx context.Context, gateway types.NamespacedName) (question, error) {
	q := question{gateway: gateway}
	if values := metadata.ValueFromIncomingContext(ctx, translate.HoldBackend); len(values) > 0 {
		q.backend = values[0]
	}
	if values := metadata.ValueFromIncomingContext(ctx, translate.HoldDemand); len(values) > 0 {
		q.demand = parseKey(values[0])
	}
	if q.backend == "" {
		return q, errNoBackend
	}
	return q, nil
}

// nodeOf returns the node id of the proxy; "": it did not say.
func nodeOf(request *extprocv3.ProcessingRequest) string {
	for _, attributes := range request.GetAttributes() {
		if node := attributes.GetFields()[translate.HoldNode].GetStringValue(); node != "" {
			return node
		}
	}
	return ""
}

// head is what of the headers of a request matters here.
type head struct {
	method, path          string // path without the query
	contentType, accept   string
	fetchMode, insecureUp string
}

func readHead(headers *corev3.HeaderMap) head {
	h := head{}
	for _, header := range headers.GetHeaders() {
		to := h.field(header.GetKey())
		if to == nil {
			continue
		}
		if value := header.GetRawValue(); len(value) > 0 {
			*to = string(value)
		} else {
			*to = header.GetValue()
		}
	}
	h.path, _, _ = strings.Cut(h.path, "?")
	return h
}

func (h *head) field(name string) *string {
	switch name {
	case ":method":
		return &h.method
	case ":path":
		return &h.path
	case "content-type":
		return &h.contentType
	case "accept":
		return &h.accept
	case "sec-fetch-mode":
		return &h.fetchMode
	case "upgrade-insecure-requests":
		return &h.insecureUp
	default:
		return nil
	}
}

// grpc reports whether the client speaks gRPC: it understands no page, and wants a status of its
// own.
func (h *head) grpc() bool {
	rest, ok := strings.CutPrefix(strings.ToLower(h.contentType), "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// navigation reports whether a person waits for a page in a browser. Everybody else waits for
// the answer itself.
func (h *head) navigation() bool {
	return (h.method == http.MethodGet || h.method == http.MethodHead) &&
		strings.Contains(strings.ToLower(h.accept), "text/html") &&
		(strings.EqualFold(h.fetchMode, "navigate") || h.insecureUp == "1")
}

// The answers to health checks that end here (HTTPScalerHealthCheck.Response).
const (
	healthPassthrough = "passthrough"
	healthStatic      = "static"
)

// probe reports whether a request is a health check of the trigger: it neither counts nor wakes.
func (h *head) probe(check *v1alpha1.HTTPScalerHealthCheck) bool {
	if check.Path == "" || h.path != check.Path {
		return false
	}
	return check.Response == "" || check.Response == healthPassthrough || check.Response == healthStatic
}

// reads reports whether the headers of every request matter for a trigger.
func reads(s *scaler.Scaler) bool {
	return s != nil && (s.Maintenance != nil || s.Spec.HealthCheck.Path != "")
}
