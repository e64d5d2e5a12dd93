package translate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

// ErrPrefixRewrite says that a rule replaces the matched prefix but matches none.
var ErrPrefixRewrite = errors.New("a prefix can be replaced only where a prefix is matched")

// prefixChange is the replacement of a matched prefix in one of Envoy's two ways.
type prefixChange struct {
	prefix string // prefix_rewrite, when pattern is nil
	regex  *matcherv3.RegexMatchAndSubstitute
}

// replacePrefix follows the table of HTTPPathModifier: trailing slashes of both prefixes are
// ignored, and what is left of the path always starts with one slash.
func replacePrefix(match ir.PathMatch, replacement string) (prefixChange, error) {
	if match.Kind != ir.PathPrefix && match.Kind != "" {
		return prefixChange{}, ErrPrefixRewrite
	}
	from, to := segments(match.Value), segments(replacement)
	switch {
	case from == "":
		// "/" is the slash itself: /bar becomes /xyz/bar.
		return prefixChange{prefix: to + "/"}, nil
	case to == "":
		// /foo/bar becomes /bar, but /foo becomes /: a plain replacement would leave "//bar" or
		// nothing. The route has checked that the prefix ends a segment.
		return substitution(anySpelling(from)+"/?", "/"), nil
	case spelled(match).Kind == ir.PathRegex:
		// The match is an expression, which leaves no prefix to replace.
		return substitution(anySpelling(from), to), nil
	default:
		return prefixChange{prefix: to}, nil
	}
}

// substitution replaces what an expression finds at the beginning of a path.
func substitution(expression, replacement string) prefixChange {
	return prefixChange{regex: &matcherv3.RegexMatchAndSubstitute{
		Pattern:      regex("^" + expression),
		Substitution: strings.ReplaceAll(replacement, `\`, `\\`),
	}}
}

// rewrite changes host and path of a forwarded request.
func rewrite(action *routev3.RouteAction, r *ir.Rewrite, match ir.Match) error {
	if r == nil {
		return nil
	}
	if r.Hostname != "" {
		action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: r.Hostname}
	}
	if r.Path == nil {
		return nil
	}
	if !r.Path.Prefix {
		action.PathRewrite = logformat.Literal(fullPath(r.Path.Value))
		return nil
	}
	change, err := replacePrefix(match.Path, r.Path.Value)
	if err != nil {
		return err
	}
	action.PrefixRewrite, action.RegexRewrite = change.prefix, change.regex
	return nil
}

// rewritesApart reports whether the targets of a rule get different paths or hosts. Envoy's rewrite of a route
// would come after that of a target, so the route then has none.
func rewritesApart(f *ir.Forward) bool {
	return slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return t.Filters.Rewrite != nil })
}

// targetRewrite changes host and path of what one target gets: each as the target asks for it, or else the rule.
func targetRewrite(share *routev3.WeightedCluster_ClusterWeight, rule, target *ir.Rewrite, match ir.Match) error {
	var merged ir.Rewrite
	for _, r := range []*ir.Rewrite{rule, target} {
		if r == nil {
			continue
		}
		merged.Hostname = cmp.Or(r.Hostname, merged.Hostname)
		if r.Path != nil {
			merged.Path = r.Path
		}
	}
	if merged.Hostname != "" {
		share.HostRewriteSpecifier = &routev3.WeightedCluster_ClusterWeight_HostRewriteLiteral{HostRewriteLiteral: merged.Hostname}
	}
	if merged.Path == nil {
		return nil
	}
	config, err := targetPath(merged.Path, match.Path)
	if err != nil {
		return err
	}
	if share.TypedPerFilterConfig == nil {
		share.TypedPerFilterConfig = map[string]*anypb.Any{}
	}
	share.TypedPerFilterConfig[rewriteFilter] = config
	return nil
}

// targetPath tells the script of the rewrite filter what to do. A prefix is taken away by its number of segments,
// whichever way the request spells it.
func targetPath(path *ir.PathRewrite, match ir.PathMatch) (*anypb.Any, error) {
	context := map[string]*structpb.Value{"path": structpb.NewStringValue(fullPath(path.Value))}
	if path.Prefix {
		if match.Kind != ir.PathPrefix && match.Kind != "" {
			return nil, ErrPrefixRewrite
		}
		context["path"] = structpb.NewStringValue(segments(path.Value))
		context["segments"] = structpb.NewNumberValue(float64(strings.Count(segments(match.Value), "/")))
	}
	return typedConfig(&luav3.LuaPerRoute{
		Override: &luav3.LuaPerRoute_Name{Name: rewriteScript}, FilterContext: &structpb.Struct{Fields: context},
	})
}

func fullPath(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

var redirectCodes = map[uint32]routev3.RedirectAction_RedirectResponseCode{
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	0:   routev3.RedirectAction_FOUND,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

// withoutPort has the port of the request left out of a Location. Envoy copies it with the host, and the
// host of a wildcard is not known when its table is rendered.
func withoutPort() proto.Message {
	return &luav3.LuaPerRoute{Override: &luav3.LuaPerRoute_Name{Name: portScript}}
}

// redirect fills a route that answers with a Location.
func redirect(route *routev3.Route, r *ir.Redirect, match ir.Match, h ir.Host) (err error) {
	code, ok := redirectCodes[r.StatusCode]
	if !ok {
		return fmt.Errorf("redirect status %d", r.StatusCode)
	}
	action := &routev3.RedirectAction{ResponseCode: code, HostRedirect: r.Hostname}
	if r.Scheme != "" {
		action.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: r.Scheme}
	}
	if r.Path != nil {
		if err := redirectPath(action, r.Path, match.Path); err != nil {
			return err
		}
	}
	response := compose(r.ResponseHeaders)
	route.ResponseHeadersToAdd, route.ResponseHeadersToRemove = response.add, response.remove
	route.Action = &routev3.Route_Redirect{Redirect: action}

	filters := map[string]proto.Message{}
	if r.Auth != nil {
		if filters[authFilter], err = authorized(r.Auth); err != nil {
			return err
		}
	}
	port, standard := redirectPort(r, h.Chain)
	switch {
	case !standard:
		action.PortRedirect = port
	case r.Hostname != "": // a replaced host has no port
	case !strings.HasPrefix(h.Hostname, WildcardHost):
		action.HostRedirect = h.Hostname // known, so written out without the port of the request
	default:
		filters[redirectFilter] = withoutPort()
	}
	route.TypedPerFilterConfig, err = perFilter(filters)
	return err
}

func redirectPath(action *routev3.RedirectAction, path *ir.PathRewrite, match ir.PathMatch) error {
	if !path.Prefix {
		action.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: fullPath(path.Value)}
		return nil
	}
	change, err := replacePrefix(match, path.Value)
	if err != nil {
		return err
	}
	if change.regex != nil {
		action.PathRewriteSpecifier = &routev3.RedirectAction_RegexRewrite{RegexRewrite: change.regex}
	} else {
		action.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: change.prefix}
	}
	return nil
}

// redirectPort infers the port of a Location (HTTPRequestRedirectFilter.port): the one given,
// else the default of a given scheme, else that of the listener. It reports whether the port
// is the default of the scheme of the Location and so is left out.
func redirectPort(r *ir.Redirect, chain string) (port uint32, standard bool) {
	listener, scheme := chainPort(chain)
	defaults := map[string]uint32{"http": 80, "https": 443}
	port = r.Port
	if r.Scheme != "" {
		scheme = r.Scheme
		if port == 0 {
			port = defaults[scheme]
		}
	}
	if port == 0 {
		port = listener
	}
	return port, port == defaults[scheme]
}

// chainPort reads the identity of a chain (ir.Chain): the port, and a server name behind a
// slash where TLS is terminated.
func chainPort(chain string) (port uint32, scheme string) {
	text, _, tls := strings.Cut(chain, "/")
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, "" // not a chain of a bound port: no default applies
	}
	if tls {
		return uint32(number), "https"
	}
	return uint32(number), "http"
}
