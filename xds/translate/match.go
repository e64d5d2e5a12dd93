package translate

import (
	"fmt"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// routeMatch renders a match. All parts must hold; header names are compared without case by
// Envoy, values as they are.
func routeMatch(m ir.Match) (*routev3.RouteMatch, error) {
	out := &routev3.RouteMatch{}
	path := spelled(m.Path)
	switch path.Kind {
	case ir.PathExact:
		out.PathSpecifier = &routev3.RouteMatch_Path{Path: path.Value}
	case ir.PathRegex:
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regex(path.Value)}
	case ir.PathPrefix, "":
		if prefix := segments(path.Value); prefix == "" {
			out.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: "/"}
		} else {
			out.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}
		}
	default:
		return nil, fmt.Errorf("path match kind %q", path.Kind)
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

// spelled is a path match as the proxy can do it. It compares bytes, but the digits of what is
// percent-encoded may be small or capital (RFC 3986 6.2.2.1): a path with such digits becomes an
// expression.
func spelled(path ir.PathMatch) ir.PathMatch {
	if path.Kind == ir.PathRegex || !check.TwoSpellings(path.Value) {
		return path
	}
	if path.Kind == ir.PathExact {
		return ir.PathMatch{Kind: ir.PathRegex, Value: anySpelling(path.Value)}
	}
	return ir.PathMatch{Kind: ir.PathRegex, Value: anySpelling(segments(path.Value)) + "(?:/.*)?"}
}

var encodedByte = regexp.MustCompile("%[0-9A-F]{2}")

// anySpelling is an expression for a path in the form of check.NormalPath.
func anySpelling(path string) string {
	return encodedByte.ReplaceAllStringFunc(regexp.QuoteMeta(path), func(encoded string) string { return "(?i:" + encoded + ")" })
}

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
