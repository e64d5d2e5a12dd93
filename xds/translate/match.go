package translate

import (
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/kedify/inference-gateway/xds/ir"
)

// routeMatch renders a match. All parts must hold; header names are compared without case by
// Envoy, values as they are.
func routeMatch(m ir.Match) (*routev3.RouteMatch, error) {
	out := &routev3.RouteMatch{}
	switch m.Path.Kind {
	case ir.PathExact:
		out.PathSpecifier = &routev3.RouteMatch_Path{Path: m.Path.Value}
	case ir.PathRegex:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(m.Path.Value)}
	case ir.PathPrefix, "":
		if prefix := segments(m.Path.Value); prefix == "" {
			out.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: "/"}
		} else {
			out.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}
		}
	default:
		return nil, fmt.Errorf("path match kind %q", m.Path.Kind)
	}
	if m.Method != "" {
		out.Headers = append(out.Headers, headerMatch(ir.ValueMatch{Name: ":method", Value: m.Method}))
	}
	for _, header := range m.Headers {
		out.Headers = append(out.Headers, headerMatch(header))
	}
	for _, parameter := range m.Query {
		out.QueryParameters = append(out.QueryParameters, &routev3.QueryParameterMatcher{
			Name: parameter.Name,
			QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{
				StringMatch: valueMatcher(parameter),
			},
		})
	}
	return out, nil
}

// segments returns a prefix without its trailing slash, "" for all paths: "/a/" takes what
// "/a" takes (Gateway API, PathMatchPathPrefix).
func segments(prefix string) string { return strings.TrimRight(prefix, "/") }

func headerMatch(m ir.ValueMatch) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 strings.ToLower(m.Name),
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: valueMatcher(m)},
	}
}

func valueMatcher(m ir.ValueMatch) *matcherv3.StringMatcher {
	if m.Regex {
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: regex(m.Value)}}
	}
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: m.Value}}
}

// regex is an RE2 expression that must match the whole text.
func regex(expression string) *matcherv3.RegexMatcher {
	return &matcherv3.RegexMatcher{Regex: expression}
}
