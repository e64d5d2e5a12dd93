package translate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/translate/model"
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
	if !m.Model.Any() {
		out.DynamicMetadata = append(out.DynamicMetadata, model.Takes(m.Model))
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

const (
	// modelTime is how long a body may take that is read for its model, and modelSilence how long nothing of it may come: until then no
	// rule, and so no limit of a rule, is chosen.
	modelTime    = 2 * time.Minute
	modelSilence = 30 * time.Second
)

// modelReader has the model of a request read before the first rule that compares it. Requests that rules before that one take, and
// those of other paths, are not read.
type modelReader struct {
	host  ir.Host
	known map[string]bool // matches for which models are read by now
}

// before returns the rules of a match, and what comes before them.
func (r *modelReader) before(m ir.Match, rules []*rule) ([]*rule, error) {
	if m.Model.Any() {
		return rules, nil
	}
	m.Model = ir.ModelMatch{}
	unread, err := routeMatch(m)
	if err != nil {
		return nil, err
	}
	unread.DynamicMetadata = append(unread.DynamicMetadata, model.Unread())
	key, err := typedConfig(unread)
	if err != nil || r.known[string(key.Value)] {
		return rules, err
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[string(key.Value)] = true
	route, err := r.route(unread)
	return append([]*rule{{path: m.Path, route: route}}, rules...), err
}

// route has the script run that reads the model, and the route chosen anew. It decides how much of a body is kept until then, which no
// other place of a table can: the limit of the rule that is chosen later is that of what is sent again. No request is sent along it.
func (r *modelReader) route(match *routev3.RouteMatch) (*routev3.Route, error) {
	config, err := perFilter(map[string]proto.Message{rematchFilter: &luav3.LuaPerRoute{
		Override: &luav3.LuaPerRoute_Name{Name: rematchScript}, FilterContext: model.Context(r.host, r.host.Filters != nil),
	}})
	return &routev3.Route{
		Name: model.Route, Match: match, TypedPerFilterConfig: config,
		RequestBodyBufferLimit: wrapperspb.UInt64(model.Body(r.host)),
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier:            &routev3.RouteAction_Cluster{Cluster: InvalidCluster},
			ClusterNotFoundResponseCode: routev3.RouteAction_INTERNAL_SERVER_ERROR,
			Timeout:                     durationpb.New(0),
			IdleTimeout:                 durationpb.New(modelSilence),
			MaxStreamDuration:           &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: durationpb.New(modelTime)},
		}},
	}, err
}
