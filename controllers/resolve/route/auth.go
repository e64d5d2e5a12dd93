package route

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// maxAuthBody bounds what a proxy keeps of the body of a request for its authorization service. It keeps up to three copies of it
// until the service has decided.
const maxAuthBody = 1 << 20

// toldAlways are headers of each request that an authorization service over HTTP gets (Gateway API HTTPAuthConfig.allowedHeaders).
var toldAlways = []string{"host", "content-length", "authorization"}

// externalAuth reads an ExternalAuth filter. unresolved is why its service cannot be asked: what the filter guards answers 500.
func (r *routeResolver) externalAuth(path string, spec *gwv1.HTTPExternalAuthFilter) (
	auth *ir.Auth, unresolved, problem resolve.Problem,
) {
	switch {
	case r.grpc:
		return nil, unresolved, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s: a GRPCRoute has no such filter; remove it.", path)
	case spec == nil:
		return nil, unresolved, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s is missing; name the authorization service, or remove the filter.", path)
	}
	auth = &ir.Auth{}
	switch spec.ExternalAuthProtocol {
	case gwv1.HTTPRouteExternalAuthHTTPProtocol:
		problem = authOverHTTP(auth, path, spec)
	case gwv1.HTTPRouteExternalAuthGRPCProtocol:
		problem = authOverGRPC(auth, path, spec)
	default:
		problem = resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.protocol %q is not supported; use HTTP or GRPC.", path, spec.ExternalAuthProtocol)
	}
	if !problem.None() {
		return nil, unresolved, problem
	}
	if spec.ForwardBody != nil {
		if auth.MaxBody, problem = authBody(path+".forwardBody.maxSize", spec.ForwardBody.MaxSize); !problem.None() {
			return nil, unresolved, problem
		}
	}
	auth.Cluster, unresolved = r.authService(path+".backendRef", spec)
	return auth, unresolved, problem
}

// authService finds the Service that is asked.
func (r *routeResolver) authService(path string, spec *gwv1.HTTPExternalAuthFilter) (ir.ClusterKey, resolve.Problem) {
	ref := spec.BackendRef
	if group, kind := ptr.Deref(ref.Group, ""), ptr.Deref(ref.Kind, "Service"); group != "" || kind != "Service" {
		return ir.ClusterKey{}, resolve.Problemf(gwv1.RouteReasonInvalidKind,
			"%s: kind %q of group %q cannot authorize requests; use a Service.", path, kind, group)
	}
	to, problem := r.reference(path, ref)
	if !problem.None() {
		return ir.ClusterKey{}, problem
	}
	service, port, problem := r.service(path, types.NamespacedName{Namespace: to.Namespace, Name: to.Name}, ref.Port, corev1.ProtocolTCP)
	if !problem.None() {
		return ir.ClusterKey{}, problem
	}
	cluster := ir.ClusterKey{Kind: ir.BackendService, Namespace: to.Namespace, Name: to.Name, Port: uint32(port.Port)}
	if spec.ExternalAuthProtocol == gwv1.HTTPRouteExternalAuthGRPCProtocol {
		cluster.Route = ir.RouteGRPC
	}
	return cluster, r.checkProtocol(path, service, port, cluster)
}

func authOverHTTP(auth *ir.Auth, path string, spec *gwv1.HTTPExternalAuthFilter) (problem resolve.Problem) {
	if spec.GRPCAuthConfig != nil {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s has grpc, and its protocol is HTTP; remove one of them.", path)
	}
	config := ptr.Deref(spec.HTTPAuthConfig, gwv1.HTTPAuthConfig{})
	if config.Path != "" {
		if why := pathProblem(config.Path); why != "" {
			return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.http.path %q %s.", path, config.Path, why)
		}
		auth.PathPrefix = strings.TrimSuffix(config.Path, "/") // the path behind it begins with a slash
	}
	if auth.RequestHeaders, problem = authHeaders(path+".http.allowedHeaders", config.AllowedRequestHeaders, toldOverHTTP); !problem.None() {
		return problem
	}
	auth.RequestHeaders = slices.DeleteFunc(auth.RequestHeaders, func(name string) bool { return slices.Contains(toldAlways, name) })
	auth.ResponseHeaders, problem = authHeaders(path+".http.allowedResponseHeaders", config.AllowedResponseHeaders, saidOverHTTP)
	return problem
}

func authOverGRPC(auth *ir.Auth, path string, spec *gwv1.HTTPExternalAuthFilter) (problem resolve.Problem) {
	if spec.HTTPAuthConfig != nil {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s has http, and its protocol is GRPC; remove one of them.", path)
	}
	config := ptr.Deref(spec.GRPCAuthConfig, gwv1.GRPCAuthConfig{})
	auth.RequestHeaders, problem = authHeaders(path+".grpc.allowedHeaders", config.AllowedRequestHeaders, toldOverGRPC)
	return problem
}

// authHeaders reads a list of names of headers, each once and in lower case. refused says why a name cannot be there.
func authHeaders(path string, list []string, refused func(name string) string) (names []string, problem resolve.Problem) {
	for i, listed := range list {
		field, name := fmt.Sprintf("%s[%d]", path, i), strings.ToLower(listed)
		if err := check.HeaderName(listed); err != nil {
			return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s: %v; correct it.", field, err)
		}
		if why := refused(name); why != "" {
			return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s: header %q %s; remove it here.", field, listed, why)
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
	case slices.Contains(check.PickerHeaders, name):
		return "is what an endpoint picker alone may say"
	}
	return ""
}

// authBody reads how much of a body is told.
func authBody(field string, size int32) (uint32, resolve.Problem) {
	if size < 0 || size > maxAuthBody {
		return 0, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s is %d, and a proxy keeps %d bytes of a body for its authorization at most; use 0 to %d.", field, size, maxAuthBody, maxAuthBody)
	}
	return uint32(size), resolve.Problem{}
}

// targetAuth reads the ExternalAuth filter of one backendRef. A request is authorized once: by its rule or by its backend.
func (r *routeResolver) targetAuth(path string, rule rule, list []gwv1.HTTPRouteFilter) (
	auth *ir.Auth, unresolved resolve.Problem, problems []resolve.Problem,
) {
	for i, filter := range list {
		if filter.Type != gwv1.HTTPRouteFilterExternalAuth {
			continue
		}
		field := fmt.Sprintf("%s.filters[%d]", path, i)
		if slices.ContainsFunc(rule.filters, func(of gwv1.HTTPRouteFilter) bool { return of.Type == gwv1.HTTPRouteFilterExternalAuth }) {
			return nil, unresolved, []resolve.Problem{resolve.Problemf(gwv1.RouteReasonIncompatibleFilters,
				"%s and %s.filters have ExternalAuth, but a request is authorized once; remove one of them.", field, rule.path)}
		}
		var problem resolve.Problem
		if auth, unresolved, problem = r.externalAuth(field+".externalAuth", filter.ExternalAuth); !problem.None() {
			return nil, unresolved, []resolve.Problem{problem}
		}
	}
	return auth, unresolved, nil
}
