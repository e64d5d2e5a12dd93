package route

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/regex"
)

// grpcRoute resolves a GRPCRoute in the terms of HTTP: a gRPC method is the path
// /service/method of a request (gRPC over HTTP/2, PROTOCOL-HTTP2).
//
// Gateway API v1.6 wants an HTTPRoute and a GRPCRoute with overlapping hostnames on one listener to
// exclude each other, the older one winning; v1.7 leaves it open. This gateway takes both: their paths
// tell them apart, and rejecting one of two working routes gains nothing.
func (r *routeResolver) grpcRoute(route *gwv1.GRPCRoute) resolve.RouteResult {
	r.meta = route.ObjectMeta
	r.grpc = true
	r.setHostnames(route.Spec.Hostnames)
	return r.httpResult(route.Spec.ParentRefs, func() ([]rule, resolve.Problem) {
		rules := make([]rule, 0, len(route.Spec.Rules))
		for i, spec := range route.Spec.Rules {
			rules = append(rules, grpcRule(i, spec, &r.expressions))
		}
		return rules, resolve.Problem{}
	})
}

func grpcRule(index int, spec gwv1.GRPCRouteRule, expressions *regex.Budget) rule {
	r := rule{
		path:    fmt.Sprintf("rules[%d]", index),
		filters: httpFilters(spec.Filters),
		session: spec.SessionPersistence, //nolint:staticcheck // deprecated, and still there to be refused
	}
	if spec.Name != nil {
		r.name = string(*spec.Name)
	}
	for _, ref := range spec.BackendRefs {
		r.backends = append(r.backends, gwv1.HTTPBackendRef{BackendRef: ref.BackendRef, Filters: httpFilters(ref.Filters)})
	}
	if len(spec.Matches) == 0 {
		spec.Matches = []gwv1.GRPCRouteMatch{{}} // matches every request
	}
	for i, m := range spec.Matches {
		match, problem := grpcMatch(fmt.Sprintf("%s.matches[%d]", r.path, i), m, expressions)
		if problem.None() {
			r.matches = append(r.matches, match)
		} else {
			r.problems = append(r.problems, problem)
		}
	}
	return r
}

// httpFilters are the filters of a GRPCRoute in the form of those of an HTTPRoute: the types
// have the same names and contents.
func httpFilters(filters []gwv1.GRPCRouteFilter) []gwv1.HTTPRouteFilter {
	var converted []gwv1.HTTPRouteFilter
	for _, filter := range filters {
		converted = append(converted, gwv1.HTTPRouteFilter{
			Type:                   gwv1.HTTPRouteFilterType(filter.Type),
			RequestHeaderModifier:  filter.RequestHeaderModifier,
			ResponseHeaderModifier: filter.ResponseHeaderModifier,
			RequestMirror:          filter.RequestMirror,
			ExtensionRef:           filter.ExtensionRef,
		})
	}
	return converted
}

// anyService is the expression for a service that a match does not name.
const anyService = "/[^/]+/"

func grpcMatch(path string, spec gwv1.GRPCRouteMatch, expressions *regex.Budget) (match, resolve.Problem) {
	var m match
	var problem resolve.Problem
	if m.Path, problem = grpcPath(path+".method", spec.Method, expressions); !problem.None() {
		return match{}, problem
	}
	values := valueMatches{expressions: expressions}
	for i, header := range spec.Headers {
		values.add(fmt.Sprintf("%s.headers[%d]", path, i), valueSpec{
			name: strings.ToLower(string(header.Name)), value: header.Value, kind: string(ptr.Deref(header.Type, "")), header: true, grpc: true,
		})
	}
	if !values.problem.None() {
		return match{}, values.problem
	}
	m.Headers = values.matches
	m.text = matchText(m.Match)
	return m, resolve.Problem{}
}

// grpcPath turns a service and a method into a path match.
func grpcPath(field string, spec *gwv1.GRPCMethodMatch, expressions *regex.Budget) (ir.PathMatch, resolve.Problem) {
	if spec == nil {
		return ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}, resolve.Problem{}
	}
	service, method := ptr.Deref(spec.Service, ""), ptr.Deref(spec.Method, "")
	kind := gwv1.GRPCMethodMatchExact
	if spec.Type != nil {
		kind = *spec.Type
	}
	switch kind {
	case gwv1.GRPCMethodMatchExact:
		return exactMethod(field, service, method)
	case gwv1.GRPCMethodMatchRegularExpression:
		return regexMethod(field, service, method, expressions)
	}
	return ir.PathMatch{}, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
		"%s.type %q is not supported; use Exact or RegularExpression.", field, kind)
}

func exactMethod(field, service, method string) (ir.PathMatch, resolve.Problem) {
	for _, part := range []struct{ field, value string }{{"service", service}, {"method", method}} {
		if problem := check.PathProblem("/" + part.value); problem != "" || strings.Contains(part.value, "/") {
			return ir.PathMatch{}, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.%s %q is not a name of gRPC; use one like helloworld.Greeter for a service, SayHello for a method.", field, part.field, part.value)
		}
	}
	switch {
	case service != "" && method != "":
		return ir.PathMatch{Kind: ir.PathExact, Value: "/" + service + "/" + method}, resolve.Problem{}
	case service != "":
		return ir.PathMatch{Kind: ir.PathPrefix, Value: "/" + service}, resolve.Problem{}
	case method != "":
		return ir.PathMatch{Kind: ir.PathRegex, Value: anyService + regexp.QuoteMeta(method)}, resolve.Problem{}
	}
	return ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}, resolve.Problem{}
}

// regexMethod makes one expression of two. Each has to be one by itself: "a)(?:b" would be another
// one between parentheses.
func regexMethod(field, service, method string, expressions *regex.Budget) (ir.PathMatch, resolve.Problem) {
	for _, part := range []struct{ field, value string }{{"service", service}, {"method", method}} {
		if part.value == "" {
			continue
		}
		if _, err := regex.Size(part.value); err != nil {
			return ir.PathMatch{}, expressionProblem(field+"."+part.field, part.value, err)
		}
	}
	path := anyService
	if service != "" {
		path = "/(?:" + service + ")/"
	}
	if method != "" {
		path += "(?:" + method + ")"
	} else {
		path += "[^/]+"
	}
	if err := expressions.Take(path); err != nil {
		return ir.PathMatch{}, expressionProblem(field, path, err)
	}
	return ir.PathMatch{Kind: ir.PathRegex, Value: path}, resolve.Problem{}
}
