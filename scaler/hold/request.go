package hold

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/metadata"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	paths "github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/translate"
)

// maxName bounds the names that a call carries, in bytes. Those of backends have a kind, a namespace, a name and
// a port.
const maxName = 1024

var errLongName = fmt.Errorf("a name of the call is longer than %d bytes", maxName)

// errNoBackend: a call does not name its backend.
var errNoBackend = errors.New("the call carries no metadata " + translate.HoldBackend)

// subject is what a call is about.
type subject struct {
	gateway types.NamespacedName
	backend string               // name of the endpoints
	demand  types.NamespacedName // zero: no demand key
	limit   time.Duration        // of the whole request, by its rule; zero: none
	buffer  int                  // what the proxy keeps of its body at most, in bytes
}

// readSubject reads the metadata that the route of the request adds to the call.
func readSubject(ctx context.Context, gateway types.NamespacedName) (subject, error) {
	s := subject{gateway: gateway, buffer: translate.HeldBuffer}
	if values := metadata.ValueFromIncomingContext(ctx, translate.HoldBackend); len(values) > 0 {
		s.backend = values[0]
	}
	if values := metadata.ValueFromIncomingContext(ctx, translate.HoldDemand); len(values) > 0 {
		s.demand, _ = scaler.ParseKey(values[0])
	}
	if s.backend == "" {
		return s, errNoBackend
	}
	if len(s.backend) > maxName {
		return s, errLongName
	}
	if values := metadata.ValueFromIncomingContext(ctx, translate.HoldLimit); len(values) > 0 {
		s.limit = readLimit(values[0])
	}
	if values := metadata.ValueFromIncomingContext(ctx, translate.HoldBuffer); len(values) > 0 {
		if bytes, err := strconv.ParseInt(values[0], 10, 32); err == nil && bytes > 0 {
			s.buffer = int(bytes)
		}
	}
	return s, nil
}

// readLimit reads milliseconds. What is none limits nothing.
func readLimit(value string) time.Duration {
	milliseconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || milliseconds <= 0 || milliseconds > math.MaxInt64/int64(time.Millisecond) {
		return 0
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// nodeOf returns the node id of the proxy; "": the request does not carry it.
func nodeOf(request *extprocv3.ProcessingRequest) string {
	for _, attributes := range request.GetAttributes() {
		if node := attributes.GetFields()[translate.HoldNode].GetStringValue(); node != "" {
			return node
		}
	}
	return ""
}

// headers are the headers of a request that decide about its answer.
type headers struct {
	method, path          string // path without the query
	contentType, accept   string
	fetchMode, insecureUp string
	contentLength         string
}

func parseHeaders(all *corev3.HeaderMap) headers {
	h := headers{}
	for _, header := range all.GetHeaders() {
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

func (h *headers) field(name string) *string {
	switch name {
	case ":method":
		return &h.method
	case ":path":
		return &h.path
	case "content-type":
		return &h.contentType
	case "accept":
		return &h.accept
	case "content-length":
		return &h.contentLength
	case "sec-fetch-mode":
		return &h.fetchMode
	case "upgrade-insecure-requests":
		return &h.insecureUp
	default:
		return nil
	}
}

// grpc reports whether the client speaks gRPC: it reads a gRPC status, and no page.
func (h *headers) grpc() bool {
	rest, ok := strings.CutPrefix(strings.ToLower(h.contentType), "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// navigation reports whether a browser opens a page. Only that is shown the waiting page; every
// other request is held.
func (h *headers) navigation() bool {
	return (h.method == http.MethodGet || h.method == http.MethodHead) &&
		strings.Contains(strings.ToLower(h.accept), "text/html") &&
		(strings.EqualFold(h.fetchMode, "navigate") || h.insecureUp == "1")
}

// probe reports whether a request is a health check of the trigger, whichever way it spells the path. It is no demand.
func (h *headers) probe(check *v1alpha1.HTTPScalerHealthCheck) bool {
	if check.Path == "" || paths.NormalPath(h.path) != check.Path {
		return false
	}
	return check.Response == "" || check.Response == v1alpha1.HealthPassthrough || check.Response == v1alpha1.HealthStatic
}

// needsHeaders reports whether a trigger needs the headers of every request.
func needsHeaders(s *scaler.Scaler) bool {
	return s != nil && (s.Maintenance != nil || s.Spec.HealthCheck.Path != "")
}
