package translate

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

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
