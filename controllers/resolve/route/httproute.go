package route

import (
	"fmt"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir/regex"
)

func (r *routeResolver) httpRoute(route *gwv1.HTTPRoute) resolve.RouteResult {
	r.meta = route.ObjectMeta
	r.setHostnames(route.Spec.Hostnames)
	return r.httpResult(route.Spec.ParentRefs, func() ([]rule, resolve.Problem) {
		if problem := rulesProblem(exactBytes(route.Spec.Rules)); !problem.None() {
			return nil, problem
		}
		rules := make([]rule, 0, len(route.Spec.Rules))
		for i, spec := range route.Spec.Rules {
			rules = append(rules, httpRule(i, spec, &r.expressions))
		}
		return rules, resolve.Problem{}
	})
}

func httpRule(index int, spec gwv1.HTTPRouteRule, expressions *regex.Budget) rule {
	r := rule{
		path:     fmt.Sprintf("rules[%d]", index),
		filters:  spec.Filters,
		backends: spec.BackendRefs,
		timeouts: spec.Timeouts,
		retry:    spec.Retry,
		session:  spec.SessionPersistence, //nolint:staticcheck // deprecated, and still there to be refused
	}
	if spec.Name != nil {
		r.name = string(*spec.Name)
	}
	if len(spec.Matches) == 0 {
		spec.Matches = []gwv1.HTTPRouteMatch{{}} // matches every request
	}
	for i, m := range spec.Matches {
		match, problem := httpMatch(fmt.Sprintf("%s.matches[%d]", r.path, i), m, expressions)
		if problem.None() {
			r.matches = append(r.matches, match)
		} else {
			r.problems = append(r.problems, problem)
		}
	}
	return r
}
