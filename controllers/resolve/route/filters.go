package route

import (
	"fmt"
	"slices"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// ruleFilters is what the filters of a rule do: those of a Forward, or a redirect.
type ruleFilters struct {
	ir.Filters
	redirect *ir.Redirect
	// unresolved is why the service that is to authorize the requests cannot be asked.
	unresolved resolve.Problem
}

// filters reads the filters of a rule. They are applied in the order of the proxy, not of
// the list: CORS, authorization, mirrors, request headers, rewrite, response headers.
func (r *routeResolver) filters(rule rule) (filters ruleFilters, problems []resolve.Problem) {
	problems = combinationProblems(rule)
	for i, filter := range rule.filters {
		path := fmt.Sprintf("%s.filters[%d]", rule.path, i)
		var problem resolve.Problem
		switch filter.Type {
		case gwv1.HTTPRouteFilterRequestHeaderModifier:
			filters.RequestHeaders, problem = headerChange(path+".requestHeaderModifier", filter.RequestHeaderModifier, ofRequests)
		case gwv1.HTTPRouteFilterResponseHeaderModifier:
			filters.ResponseHeaders, problem = headerChange(path+".responseHeaderModifier", filter.ResponseHeaderModifier, ofResponses)
		case gwv1.HTTPRouteFilterRequestRedirect:
			filters.redirect, problem = requestRedirect(path+".requestRedirect", filter.RequestRedirect)
		case gwv1.HTTPRouteFilterURLRewrite:
			filters.Rewrite, problem = urlRewrite(path+".urlRewrite", filter.URLRewrite)
		case gwv1.HTTPRouteFilterRequestMirror:
			var mirror *ir.Mirror
			if mirror, problem = r.mirror(path+".requestMirror", filter.RequestMirror); mirror != nil {
				filters.Mirrors = append(filters.Mirrors, *mirror)
			}
		case gwv1.HTTPRouteFilterCORS:
			filters.CORS, problem = cors(path+".cors", filter.CORS)
		case gwv1.HTTPRouteFilterExternalAuth:
			filters.Auth, filters.unresolved, problem = r.externalAuth(path+".externalAuth", filter.ExternalAuth)
			r.unresolved(filters.unresolved)
		default:
			problem = unsupportedFilter(path, filter)
		}
		if !problem.None() {
			problems = append(problems, problem)
		}
	}
	if filters.redirect != nil {
		filters.redirect.ResponseHeaders, filters.redirect.Auth = filters.ResponseHeaders, filters.Auth
	}
	if replacesPrefix(filters.Rewrite) || filters.redirect != nil && isPrefix(filters.redirect.Path) {
		problems = append(problems, prefixProblems(rule, rule.path)...)
	}
	return filters, problems
}

// combinationProblems says which filters of a rule exclude each other.
func combinationProblems(rule rule) (problems []resolve.Problem) {
	count := map[gwv1.HTTPRouteFilterType]int{}
	for _, filter := range rule.filters {
		count[filter.Type]++
		if count[filter.Type] == 2 && filter.Type != gwv1.HTTPRouteFilterRequestMirror && filter.Type != gwv1.HTTPRouteFilterExtensionRef {
			problems = append(problems, resolve.Problemf(gwv1.RouteReasonIncompatibleFilters,
				"%s.filters has %s twice; merge the two.", rule.path, filter.Type))
		}
	}
	if count[gwv1.HTTPRouteFilterRequestRedirect] == 0 {
		return problems
	}
	for _, other := range []gwv1.HTTPRouteFilterType{
		gwv1.HTTPRouteFilterURLRewrite, gwv1.HTTPRouteFilterRequestMirror, gwv1.HTTPRouteFilterCORS,
	} {
		if count[other] > 0 {
			problems = append(problems, resolve.Problemf(gwv1.RouteReasonIncompatibleFilters,
				"%s.filters has RequestRedirect and %s, but a redirected request is not forwarded; remove one of them.", rule.path, other))
		}
	}
	if len(rule.backends) > 0 {
		problems = append(problems, resolve.Problemf(gwv1.RouteReasonIncompatibleFilters,
			"%s has a RequestRedirect filter and backendRefs, but a redirected request is not forwarded; remove one of them.", rule.path))
	}
	return problems
}

func isPrefix(path *ir.PathRewrite) bool { return path != nil && path.Prefix }

func replacesPrefix(rewrite *ir.Rewrite) bool { return rewrite != nil && isPrefix(rewrite.Path) }

// prefixProblems refuses the replacement of a prefix where a match has none. path is what replaces it.
func prefixProblems(rule rule, path string) []resolve.Problem {
	if !slices.ContainsFunc(rule.matches, func(m match) bool { return m.Path.Kind != ir.PathPrefix }) {
		return nil
	}
	return []resolve.Problem{resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
		"%s replaces a prefix (ReplacePrefixMatch), but not all matches of the rule have a path of type PathPrefix; "+
			"change the matches or use ReplaceFullPath.", path)}
}

func unsupportedFilter(path string, filter gwv1.HTTPRouteFilter) resolve.Problem {
	if filter.Type == gwv1.HTTPRouteFilterExtensionRef && filter.ExtensionRef != nil {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.extensionRef: kind %q of group %q is not a filter of this gateway; remove the filter.",
			path, filter.ExtensionRef.Kind, filter.ExtensionRef.Group)
	}
	return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.type %q is not supported here; remove the filter.", path, filter.Type)
}

// targetFilters reads the filters of one backendRef: header modifiers and rewrites. An authorization is for targetAuth.
func targetFilters(rule rule, path string, list []gwv1.HTTPRouteFilter) (filters ir.TargetFilters, problems []resolve.Problem) {
	seen := map[gwv1.HTTPRouteFilterType]bool{}
	for i, filter := range list {
		path := fmt.Sprintf("%s.filters[%d]", path, i)
		problem := resolve.Problem{}
		switch {
		case seen[filter.Type]:
			problem = resolve.Problemf(gwv1.RouteReasonIncompatibleFilters, "%s: %s is there twice; merge the two.", path, filter.Type)
		case filter.Type == gwv1.HTTPRouteFilterRequestHeaderModifier:
			filters.RequestHeaders, problem = headerChange(path+".requestHeaderModifier", filter.RequestHeaderModifier, ofRequests)
		case filter.Type == gwv1.HTTPRouteFilterResponseHeaderModifier:
			filters.ResponseHeaders, problem = headerChange(path+".responseHeaderModifier", filter.ResponseHeaderModifier, ofResponses)
		case filter.Type == gwv1.HTTPRouteFilterURLRewrite:
			filters.Rewrite, problem = urlRewrite(path+".urlRewrite", filter.URLRewrite)
		case filter.Type == gwv1.HTTPRouteFilterExternalAuth:
		default:
			problem = resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.type %q is not supported on a backendRef; move the filter to the filters of the rule.", path, filter.Type)
		}
		seen[filter.Type] = true
		if !problem.None() {
			problems = append(problems, problem)
		}
	}
	if replacesPrefix(filters.Rewrite) {
		problems = append(problems, prefixProblems(rule, path)...)
	}
	return filters, problems
}

// messages are what a header modifier changes.
type messages int

const (
	ofRequests messages = iota
	ofResponses
)

// headerChange reads a header modifier. One header may be changed once only (Gateway API
// HTTPHeaderFilter), and the authority is not a header to the proxy.
func headerChange(path string, spec *gwv1.HTTPHeaderFilter, of messages) (*ir.HeaderChange, resolve.Problem) {
	if spec == nil {
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s is missing; say what is to be changed, or remove the filter.", path)
	}
	var change ir.HeaderChange
	seen := map[string]bool{}
	once := func(field, name string, problem resolve.Problem) resolve.Problem {
		if lower := strings.ToLower(name); problem.None() && seen[lower] {
			problem = resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s: header %q is changed twice; keep one of set, add and remove for it.", field, name)
		} else {
			seen[lower] = true
		}
		return problem
	}
	for i, header := range spec.Set {
		field := fmt.Sprintf("%s.set[%d]", path, i)
		if problem := once(field, string(header.Name), writtenProblem(field, header, of)); !problem.None() {
			return nil, problem
		}
		change.Set = append(change.Set, ir.Header{Name: string(header.Name), Value: header.Value})
	}
	for i, header := range spec.Add {
		field := fmt.Sprintf("%s.add[%d]", path, i)
		if problem := once(field, string(header.Name), writtenProblem(field, header, of)); !problem.None() {
			return nil, problem
		}
		change.Add = append(change.Add, ir.Header{Name: string(header.Name), Value: header.Value})
	}
	for i, name := range spec.Remove {
		field := fmt.Sprintf("%s.remove[%d]", path, i)
		if problem := once(field, name, removedProblem(field, name, of)); !problem.None() {
			return nil, problem
		}
		change.Remove = append(change.Remove, name)
	}
	return &change, resolve.Problem{}
}

// writtenProblem refuses a header that no rule may write.
func writtenProblem(field string, header gwv1.HTTPHeader, of messages) resolve.Problem {
	name := string(header.Name)
	if problem := headerProblem(field, name, header.Value); !problem.None() {
		return problem
	}
	switch {
	case check.OfConnection(name, header.Value):
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s: header %q is about a connection or the end of a message on it, and the proxy writes it itself; remove it here.", field, name)
	case of == ofRequests && check.OfProxy(name):
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s: header %q is read and removed by the proxy itself, and no backend would see it; use another name.", field, name)
	}
	return resolve.Problem{}
}

// removedProblem refuses a header that the proxy adds after all rules.
func removedProblem(field, name string, of messages) resolve.Problem {
	if of == ofResponses && strings.EqualFold(name, "date") {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s: a proxy has to add %q to responses without one (RFC 9110 6.6.1); remove it here, or set a value.", field, name)
	}
	return headerProblem(field, name, "")
}

func headerProblem(field, name, value string) resolve.Problem {
	if strings.EqualFold(name, "host") {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s: the Host header cannot be changed here; use a URLRewrite filter with hostname.", field)
	}
	if err := check.Header(name, value); err != nil {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s: header %q: %v; correct it.", field, name, err)
	}
	return resolve.Problem{}
}

func urlRewrite(path string, spec *gwv1.HTTPURLRewriteFilter) (*ir.Rewrite, resolve.Problem) {
	if spec == nil {
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s is missing; say what is to be rewritten, or remove the filter.", path)
	}
	rewrite := &ir.Rewrite{}
	if spec.Hostname != nil {
		rewrite.Hostname = strings.ToLower(string(*spec.Hostname))
		if problem := preciseHostnameProblem(path+".hostname", rewrite.Hostname); !problem.None() {
			return nil, problem
		}
	}
	var problem resolve.Problem
	rewrite.Path, problem = pathRewrite(path+".path", spec.Path)
	return rewrite, problem
}

func requestRedirect(path string, spec *gwv1.HTTPRequestRedirectFilter) (*ir.Redirect, resolve.Problem) {
	redirect := &ir.Redirect{StatusCode: 302}
	if spec == nil {
		return redirect, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s is missing; say where to redirect to, or remove the filter.", path)
	}
	if spec.StatusCode != nil {
		redirect.StatusCode = uint32(*spec.StatusCode)
		if !slices.Contains([]int{301, 302, 303, 307, 308}, *spec.StatusCode) {
			return redirect, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.statusCode %d is not supported; use 301, 302, 303, 307 or 308.", path, *spec.StatusCode)
		}
	}
	if spec.Scheme != nil {
		redirect.Scheme = *spec.Scheme
		if redirect.Scheme != "http" && redirect.Scheme != "https" {
			return redirect, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.scheme %q is not supported; use http or https.", path, redirect.Scheme)
		}
	}
	if spec.Hostname != nil {
		redirect.Hostname = strings.ToLower(string(*spec.Hostname))
		if problem := preciseHostnameProblem(path+".hostname", redirect.Hostname); !problem.None() {
			return redirect, problem
		}
	}
	if spec.Port != nil {
		redirect.Port = uint32(*spec.Port)
		if *spec.Port < 1 || *spec.Port > 65535 {
			return redirect, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.port %d is not a port; use 1 to 65535.", path, *spec.Port)
		}
	}
	var problem resolve.Problem
	redirect.Path, problem = pathRewrite(path+".path", spec.Path)
	return redirect, problem
}

func preciseHostnameProblem(field, name string) resolve.Problem {
	if strings.HasPrefix(name, "*") || !hostname.Pattern.MatchString(name) || len(name) > 253 {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s %q is not one DNS name; use a name like www.example.com.", field, name)
	}
	return resolve.Problem{}
}

func pathRewrite(path string, spec *gwv1.HTTPPathModifier) (*ir.PathRewrite, resolve.Problem) {
	if spec == nil {
		return nil, resolve.Problem{}
	}
	rewrite, field, value := &ir.PathRewrite{}, "", (*string)(nil)
	switch spec.Type {
	case gwv1.FullPathHTTPPathModifier:
		field, value = "replaceFullPath", spec.ReplaceFullPath
	case gwv1.PrefixMatchHTTPPathModifier:
		rewrite.Prefix = true
		field, value = "replacePrefixMatch", spec.ReplacePrefixMatch
	default:
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.type %q is not supported; use ReplaceFullPath or ReplacePrefixMatch.", path, spec.Type)
	}
	if value == nil {
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.%s is missing; set it, type is %s.", path, field, spec.Type)
	}
	rewrite.Value = *value
	// An empty value removes: the prefix, or the whole path.
	if problem := check.PathProblem(rewrite.Value); rewrite.Value != "" && problem != "" {
		return nil, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.%s %q %s.", path, field, rewrite.Value, problem)
	}
	if rewrite.Value == "" && !rewrite.Prefix {
		rewrite.Value = "/"
	}
	return rewrite, resolve.Problem{}
}
