package route

import (
	"fmt"
	"slices"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/auth"
	"github.com/kedify/inference-gateway/xds/ir"
)

// externalAuth reads an ExternalAuth filter. unresolved is why its service cannot be asked: what the filter guards answers 500.
func (r *routeResolver) externalAuth(path string, spec *gwv1.HTTPExternalAuthFilter) (_ *ir.Auth, unresolved, problem resolve.Problem) {
	const unsupported = string(gwv1.RouteReasonUnsupportedValue)
	if r.grpc {
		return nil, unresolved, resolve.Problemf(unsupported, "%s: a GRPCRoute has no such filter; remove it.", path)
	}
	return auth.Reader{View: r.view, From: r.from(), Invalid: unsupported, Unsupported: unsupported}.Read(path, spec)
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
