package auth

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// maxBody bounds what a proxy keeps of the body of a request for its authorization service. It keeps up to three copies of it
// until the service has decided.
const maxBody = 1 << 20

// toldAlways are headers of each request that an authorization service over HTTP gets (Gateway API HTTPAuthConfig.allowedHeaders).
var toldAlways = []string{"host", "content-length", "authorization"}

// Reader reads the filters of one object.
type Reader struct {
	View store.View
	// From is the object.
	From grant.From
	// Invalid and Unsupported are the reasons of a condition about a filter that contradicts itself, and about one with a value that
	// is beyond this gateway.
	Invalid, Unsupported string
}

// Read reads a filter. unresolved is why its service cannot be asked, in the reasons of routes: what the filter guards answers 500.
func (r Reader) Read(path string, spec *gwv1.HTTPExternalAuthFilter) (
	auth *ir.Auth, unresolved, problem resolve.Problem,
) {
	if spec == nil {
		return nil, unresolved, resolve.Problemf(r.Invalid, "%s is missing; name the authorization service, or remove the filter.", path)
	}
	auth = &ir.Auth{}
	switch spec.ExternalAuthProtocol {
	case gwv1.HTTPRouteExternalAuthHTTPProtocol:
		problem = r.overHTTP(auth, path, spec)
	case gwv1.HTTPRouteExternalAuthGRPCProtocol:
		problem = r.overGRPC(auth, path, spec)
	default:
		problem = resolve.Problemf(r.Unsupported,
			"%s.protocol %q is not supported; use HTTP or GRPC.", path, spec.ExternalAuthProtocol)
	}
	if !problem.None() {
		return nil, unresolved, problem
	}
	if spec.ForwardBody != nil {
		if auth.MaxBody, problem = r.body(path+".forwardBody.maxSize", spec.ForwardBody.MaxSize); !problem.None() {
			return nil, unresolved, problem
		}
	}
	auth.Cluster, unresolved = r.service(path+".backendRef", spec)
	return auth, unresolved, problem
}

// service finds the Service that is asked.
func (r Reader) service(path string, spec *gwv1.HTTPExternalAuthFilter) (ir.ClusterKey, resolve.Problem) {
	asked := backend.Called{Path: path, From: r.From, Ref: spec.BackendRef, Purpose: "authorize requests"}
	if spec.ExternalAuthProtocol == gwv1.HTTPRouteExternalAuthGRPCProtocol {
		asked.Route = ir.RouteGRPC
	}
	return asked.Cluster(r.View)
}

func (r Reader) overHTTP(auth *ir.Auth, path string, spec *gwv1.HTTPExternalAuthFilter) (problem resolve.Problem) {
	if spec.GRPCAuthConfig != nil {
		return resolve.Problemf(r.Invalid, "%s has grpc, and its protocol is HTTP; remove one of them.", path)
	}
	config := ptr.Deref(spec.HTTPAuthConfig, gwv1.HTTPAuthConfig{})
	if config.Path != "" {
		if why := check.PathProblem(config.Path); why != "" {
			return resolve.Problemf(r.Invalid, "%s.http.path %q %s.", path, config.Path, why)
		}
		auth.PathPrefix = strings.TrimSuffix(config.Path, "/") // the path behind it begins with a slash
	}
	if auth.RequestHeaders, problem = r.headers(path+".http.allowedHeaders", config.AllowedRequestHeaders, toldOverHTTP); !problem.None() {
		return problem
	}
	auth.RequestHeaders = slices.DeleteFunc(auth.RequestHeaders, func(name string) bool { return slices.Contains(toldAlways, name) })
	auth.ResponseHeaders, problem = r.headers(path+".http.allowedResponseHeaders", config.AllowedResponseHeaders, saidOverHTTP)
	return problem
}

func (r Reader) overGRPC(auth *ir.Auth, path string, spec *gwv1.HTTPExternalAuthFilter) (problem resolve.Problem) {
	if spec.HTTPAuthConfig != nil {
		return resolve.Problemf(r.Invalid, "%s has http, and its protocol is GRPC; remove one of them.", path)
	}
	config := ptr.Deref(spec.GRPCAuthConfig, gwv1.GRPCAuthConfig{})
	auth.RequestHeaders, problem = r.headers(path+".grpc.allowedHeaders", config.AllowedRequestHeaders, toldOverGRPC)
	return problem
}

// headers reads a list of names of headers, each once and in lower case. refused says why a name cannot be there.
func (r Reader) headers(path string, list []string, refused func(name string) string) (names []string, problem resolve.Problem) {
	for i, listed := range list {
		field, name := fmt.Sprintf("%s[%d]", path, i), strings.ToLower(listed)
		if err := check.HeaderName(listed); err != nil {
			return nil, resolve.Problemf(r.Invalid, "%s: %v; correct it.", field, err)
		}
		if why := refused(name); why != "" {
			return nil, resolve.Problemf(r.Invalid, "%s: header %q %s; remove it here.", field, listed, why)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, problem
}

// toldOverGRPC says why an authorization service cannot be told a header of a request.
func toldOverGRPC(name string) string {
	if check.OfProxy(name) {
		return "is read and removed by the proxy itself, and no service sees it"
	}
	return ""
}

// toldOverHTTP is the same where the header would be one of a request to the service.
func toldOverHTTP(name string) string {
	if check.OfConnection(name, "") && !slices.Contains(toldAlways, name) {
		return "is about a connection, and that to the service is another one"
	}
	return toldOverGRPC(name)
}

// saidOverHTTP says why the backend cannot get a header of an answer of the service.
func saidOverHTTP(name string) string {
	switch {
	case name == "host":
		return "has chosen the route already, and is no header to set"
	case check.OfConnection(name, ""):
		return "is about a connection or the end of a message on it, and the proxy writes it itself"
	case check.OfProxy(name):
		return "is read and removed by the proxy itself, and no backend would see it"
	case check.OfPicker(name):
		return "is what an endpoint picker alone may say"
	}
	return ""
}

// body reads how much of a body is told.
func (r Reader) body(field string, size int32) (uint32, resolve.Problem) {
	if size < 0 || size > maxBody {
		return 0, resolve.Problemf(r.Unsupported,
			"%s is %d, and a proxy keeps %d bytes of a body for its authorization at most; use 0 to %d.", field, size, maxBody, maxBody)
	}
	return uint32(size), resolve.Problem{}
}
