package translate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

const methodOptions = "OPTIONS"

// preflight is the route that takes the CORS preflight of a rule that the preflight itself does not meet: the browser asks with
// OPTIONS, and names the method and the headers that it means in headers. The CORS filter answers it, but
// only on routes that forward; nothing is ever sent to the cluster named here.
func preflight(r *rule, m ir.Match) []*rule {
	if m.Method == methodOptions {
		return nil
	}
	own := proto.Clone(r.route.Match).(*routev3.RouteMatch)
	own.Headers, own.DynamicMetadata = nil, nil
	for _, header := range m.Headers {
		own.Headers = append(own.Headers, announced(header)...)
	}
	if m.Method == "" && m.Model.Any() && len(own.Headers) == len(m.Headers) && !slices.ContainsFunc(m.Headers, named) {
		return nil // the preflight meets the rule
	}
	asked := &routev3.HeaderMatcher{Name: askedMethod, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}}
	if m.Method != "" {
		asked = headerMatch(ir.ValueMatch{Name: askedMethod, Value: m.Method})
	}
	own.Headers = append(own.Headers,
		headerMatch(ir.ValueMatch{Name: ":method", Value: methodOptions}), asked,
		&routev3.HeaderMatcher{Name: "origin", HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}},
	)
	return []*rule{{path: r.path, route: &routev3.Route{
		Name:                 r.route.Name,
		Match:                own,
		TypedPerFilterConfig: r.route.TypedPerFilterConfig,
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: InvalidCluster},
		}},
	}}}
}

// Headers of a preflight in which a browser says what it means.
const (
	askedMethod  = "access-control-request-method"
	askedHeaders = "access-control-request-headers"
)

// Headers of requests that a preflight has as well, and those that no preflight has or names: a browser adds cookies later, and
// sends values of the others without asking (WHATWG Fetch, CORS-safelisted request-header).
var (
	sentHeaders   = []string{"host", "origin", "referer", "user-agent", "x-forwarded-for", "x-forwarded-proto", "x-request-id"}
	unsaidHeaders = []string{
		"accept", "accept-language", "authorization", "content-language", "content-length", "content-type", "cookie", "range",
	}
)

// named reports whether a preflight names a header, and does not have it.
func named(header ir.ValueMatch) bool {
	name := strings.ToLower(header.Name)
	return !slices.Contains(sentHeaders, name) && !slices.Contains(unsaidHeaders, name)
}

// announced is what the match of a header is for a preflight: the value is not known by then.
func announced(header ir.ValueMatch) []*routev3.HeaderMatcher {
	switch {
	case named(header):
		list := "(?i:(?:.*,)?[ \t]*" + regexp.QuoteMeta(header.Name) + "[ \t]*(?:,.*)?)"
		return []*routev3.HeaderMatcher{headerMatch(ir.ValueMatch{Name: askedHeaders, Value: list, Regex: true})}
	case slices.Contains(sentHeaders, strings.ToLower(header.Name)):
		return []*routev3.HeaderMatcher{headerMatch(header)}
	}
	return nil
}

// corsMaxAge is how long browsers keep an answer when the route does not say (HTTPCORSFilter).
const corsMaxAge = 5 * time.Second

func cors(c *ir.CORS) *corsv3.CorsPolicy {
	age := c.MaxAge
	if age == 0 {
		age = corsMaxAge
	}
	policy := &corsv3.CorsPolicy{
		AllowMethods:  strings.Join(c.AllowMethods, ", "),
		AllowHeaders:  strings.Join(c.AllowHeaders, ", "),
		ExposeHeaders: strings.Join(c.ExposeHeaders, ", "),
		MaxAge:        strconv.FormatInt(int64(age/time.Second), 10),
		// A preflight of a foreign origin is answered without CORS headers, not forwarded: the
		// backend did not ask for these requests.
		ForwardNotMatchingPreflights: wrapperspb.Bool(false),
	}
	if c.AllowCredentials {
		policy.AllowCredentials = boolTrue()
	}
	for _, origin := range c.AllowOrigins {
		policy.AllowOriginStringMatch = append(policy.AllowOriginStringMatch, originMatcher(origin))
	}
	return policy
}

// originMatcher compares an Origin. Envoy always echoes the origin that matched, so "*" with
// credentials never reaches a browser as "*".
func originMatcher(origin string) *matcherv3.StringMatcher {
	if origin == "*" {
		return valueMatcher(ir.ValueMatch{Value: ".*", Regex: true})
	}
	if !strings.Contains(origin, "*") {
		return valueMatcher(ir.ValueMatch{Value: origin})
	}
	// "*" stands for any number of labels, not for a port: "https://*.example.com" means 443.
	parts := strings.Split(origin, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return valueMatcher(ir.ValueMatch{Value: strings.Join(parts, `[^/:]+`), Regex: true})
}
