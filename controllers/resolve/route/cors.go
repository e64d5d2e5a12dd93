package route

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// defaultCORSMaxAge is the default of the API, for objects that no API server has read.
const defaultCORSMaxAge = 5 * time.Second

// originPattern is "*", or a scheme and a host with an optional port, where the host is "*" or
// may begin with "*." (Gateway API CORSOrigin).
var originPattern = regexp.MustCompile(`^(\*|https?://(\*|(\*\.)?[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*)(:[0-9]{1,5})?)$`)

// anyHeader stands for all headers.
const anyHeader = "*"

// browserOrigin returns an origin in the form in which browsers send it (WHATWG HTML, serialization of an origin): in lower case,
// without the port that its scheme has anyway. ok is false for what is no origin.
func browserOrigin(written string) (origin string, ok bool) {
	if !originPattern.MatchString(written) {
		return "", false
	}
	origin = strings.ToLower(written)
	scheme, rest, _ := strings.Cut(origin, "://")
	host, text, has := strings.Cut(rest, ":")
	if !has {
		return origin, true
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return "", false
	}
	if defaults := map[string]uint64{"http": 80, "https": 443}; port == defaults[scheme] {
		return scheme + "://" + host, true
	}
	return fmt.Sprintf("%s://%s:%d", scheme, host, port), true
}

// cors reads a CORS filter.
func cors(path string, spec *gwv1.HTTPCORSFilter) (*ir.CORS, resolve.Problem) {
	if spec == nil {
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s is missing; say which origins are allowed, or remove the filter.", path)
	}
	c := &ir.CORS{MaxAge: time.Duration(spec.MaxAge) * time.Second}
	if c.MaxAge == 0 {
		c.MaxAge = defaultCORSMaxAge
	}
	c.AllowCredentials = spec.AllowCredentials != nil && *spec.AllowCredentials
	for i, origin := range spec.AllowOrigins {
		allowed, ok := browserOrigin(string(origin))
		if !ok {
			return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.allowOrigins[%d] %q is not an origin; use a value like https://www.example.com, https://*.example.com or *.", path, i, origin)
		}
		c.AllowOrigins = append(c.AllowOrigins, allowed)
	}
	for _, method := range spec.AllowMethods {
		c.AllowMethods = append(c.AllowMethods, string(method))
	}
	for i, name := range spec.AllowHeaders {
		if problem := corsHeaderProblem(path, "allowHeaders", i, string(name)); !problem.None() {
			return nil, problem
		}
		c.AllowHeaders = append(c.AllowHeaders, string(name))
	}
	for i, name := range spec.ExposeHeaders {
		if problem := corsHeaderProblem(path, "exposeHeaders", i, string(name)); !problem.None() {
			return nil, problem
		}
		if name == anyHeader && c.AllowCredentials {
			return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.exposeHeaders %q means nothing to browsers beside allowCredentials; write the names of the headers.", path, anyHeader)
		}
		c.ExposeHeaders = append(c.ExposeHeaders, string(name))
	}
	return c, resolve.Problem{}
}

// corsHeaderProblem refuses names that are no header names; "*" stands for all.
func corsHeaderProblem(path, field string, index int, name string) resolve.Problem {
	if name == anyHeader {
		return resolve.Problem{}
	}
	if err := check.Header(name, ""); err != nil {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.%s[%d] %q: %v; correct it.", path, field, index, name, err)
	}
	return resolve.Problem{}
}
