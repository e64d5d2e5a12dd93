package route

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Answers of the proxy itself (RFC 9110).
const (
	statusFailed      = 500 // what the user asked for cannot be done
	statusMisdirected = 421 // the request belongs on a connection to another server name
)

// Reasons of answers of the proxy that no condition has. The others are those of the condition that says the same.
const (
	reasonNoBackend   = "NoBackend" // no backend of the rule gets a share
	reasonMisdirected = "Misdirected"
)

// rule is a rule of an HTTPRoute or GRPCRoute in one form. A rule of a GRPCRoute has fewer
// kinds of filters, and no timeouts and retries.
type rule struct {
	path    string // where it stands: "rules[2]"
	name    string // given by the user
	matches []match
	// problems is what is wrong with matches that are not in matches.
	problems []resolve.Problem
	filters  []gwv1.HTTPRouteFilter
	backends []gwv1.HTTPBackendRef
	timeouts *gwv1.HTTPRouteTimeouts
	retry    *gwv1.HTTPRouteRetry
	session  *gwv1.SessionPersistence
}

// match is one match of a rule with a text that identifies it within the route.
type match struct {
	ir.Match
	text string
}

// irRules resolves all rules, each match becoming one. They are the same on every listener:
// what a redirect takes from the listener is left to the chain it is rendered for.
func (r *routeResolver) irRules(rules []rule) []resolve.Rule {
	var resolved []resolve.Rule
	for _, rule := range rules {
		action := r.action(rule)
		for _, match := range rule.matches {
			if probe, ok := r.probe(match, action); ok && !hasMatch(resolved, probe.Match) {
				// First, in case the user has a rule for the very path.
				resolved = r.appendRule(resolved, r.irRoute(rule, probe, r.answerProbe(match, action)))
			}
			resolved = r.appendRule(resolved, r.irRoute(rule, match, action))
		}
	}
	return resolved
}

func (r *routeResolver) appendRule(resolved []resolve.Rule, route ir.Route) []resolve.Rule {
	return append(resolved, resolve.Rule{
		Route:   route,
		Created: r.meta.CreationTimestamp.Unix(),
		Owner:   r.object.Key,
		Index:   len(resolved),
	})
}

func hasMatch(rules []resolve.Rule, match ir.Match) bool {
	return slices.ContainsFunc(rules, func(rule resolve.Rule) bool { return reflect.DeepEqual(rule.Route.Match, match) })
}

// irRoute names a match of a rule by its identity, so that a rule which moves keeps its name.
func (r *routeResolver) irRoute(rule rule, match match, action ir.Action) ir.Route {
	section := rule.name
	if section == "" {
		section = match.text
	}
	return ir.Route{
		Name:   fmt.Sprintf("%s/%s/%s/%s", r.object.Kind, r.object.Key.Namespace, r.object.Key.Name, section),
		Match:  match.Match,
		Action: action,
		Source: ir.Source{
			Kind: string(r.object.Kind), Namespace: r.object.Key.Namespace, Name: r.object.Key.Name, Section: rule.name,
		},
	}
}

// action decides what a rule does. A rule with a problem of its own answers 500: to serve it
// without the part that is wrong would be something the user did not ask for.
func (r *routeResolver) action(rule rule) ir.Action {
	failed := &ir.Respond{StatusCode: statusFailed}
	filters, problems := r.filters(rule)
	problems = append(problems, rule.problems...)
	targets, targetProblems := r.targets(rule)
	problems = append(problems, targetProblems...)
	if rule.session != nil {
		problems = append(problems, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.sessionPersistence is not supported; remove it.", rule.path))
	}
	timeouts, timeoutProblems := ruleTimeouts(rule)
	retry, retryProblems := ruleRetry(rule)
	problems = append(append(problems, timeoutProblems...), retryProblems...)
	if len(problems) > 0 {
		r.invalid = append(r.invalid, problems...)
		r.dropped++
		failed.Reason = problems[0].Reason
		return failed
	}
	if !filters.unresolved.None() {
		failed.Reason = filters.unresolved.Reason
		return failed
	}
	if filters.redirect != nil {
		return filters.redirect
	}
	if !anyValid(targets) {
		failed.Reason = reasonNoBackend
		if i := slices.IndexFunc(targets, func(t ir.Target) bool { return t.Invalid }); i >= 0 {
			failed.Reason = targets[i].Reason
		}
		return failed
	}
	return &ir.Forward{Targets: targets, Filters: filters.Filters, Timeouts: timeouts, Retry: retry}
}

// anyValid reports whether some request would reach a backend.
func anyValid(targets []ir.Target) bool {
	for _, target := range targets {
		if !target.Invalid && target.Weight > 0 {
			return true
		}
	}
	return false
}

// ruleTimeouts reads the timeouts of a rule. Zero means none, by the API.
func ruleTimeouts(rule rule) (timeouts ir.Timeouts, problems []resolve.Problem) {
	if rule.timeouts == nil {
		return timeouts, nil
	}
	read := func(field string, value *gwv1.Duration) *time.Duration {
		if value == nil {
			return nil
		}
		d, problem := duration(rule.path+".timeouts."+field, *value)
		if !problem.None() {
			problems = append(problems, problem)
		}
		return &d
	}
	timeouts.Request = read("request", rule.timeouts.Request)
	timeouts.BackendRequest = read("backendRequest", rule.timeouts.BackendRequest)
	request, backend := timeouts.Request, timeouts.BackendRequest
	if request != nil && backend != nil && *request > 0 && *backend > *request {
		problems = append(problems, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.timeouts.backendRequest is longer than request; make it at most %s.", rule.path, *rule.timeouts.Request))
	}
	return timeouts, problems
}

// defaultAttempts is how often a request is retried when the user asks for retries without
// a number.
const defaultAttempts = 1

// maxAttempts bounds the number, because the field of the API has no limit.
const maxAttempts = 1000

// ruleRetry reads the retries of a rule; nil when it has none.
func ruleRetry(rule rule) (retry *ir.Retry, problems []resolve.Problem) {
	if rule.retry == nil {
		return nil, nil
	}
	retry = &ir.Retry{Attempts: defaultAttempts}
	if attempts := rule.retry.Attempts; attempts != nil {
		if *attempts < 0 {
			return nil, []resolve.Problem{resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.retry.attempts is negative; use 0 for no retries.", rule.path)}
		}
		retry.Attempts = uint32(min(*attempts, maxAttempts))
	}
	for i, code := range rule.retry.Codes {
		if code < 400 || code > 599 {
			problems = append(problems, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.retry.codes[%d] is %d; use codes from 400 to 599.", rule.path, i, code))
			continue
		}
		retry.Codes = append(retry.Codes, uint32(code))
	}
	if rule.retry.Backoff != nil {
		backoff, problem := duration(rule.path+".retry.backoff", *rule.retry.Backoff)
		if !problem.None() {
			problems = append(problems, problem)
		}
		retry.Backoff = backoff
	}
	if retry.Attempts == 0 {
		return nil, problems
	}
	return retry, problems
}

// duration reads a Gateway API duration (GEP-2257): h, m, s and ms, whole numbers, no sign.
func duration(field string, value gwv1.Duration) (time.Duration, resolve.Problem) {
	d, err := time.ParseDuration(string(value))
	if err != nil || d < 0 || strings.ContainsAny(string(value), "µunμ.+-") {
		return 0, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s %q is not a duration; use a value like 500ms or 1m30s.", field, value)
	}
	return d, resolve.Problem{}
}
