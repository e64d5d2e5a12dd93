package route

import (
	"reflect"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// A route is repeated in the proxies for each match of its rules, and its rules for each hostname
// of each listener that takes them. These bounds are of the bytes that come of it; see
// docs/adr/0028-bounds-of-a-route.md for what they cost.
const (
	maxRulesBytes = 256 << 10 // of all rules for one hostname of one listener
	maxRouteBytes = 4 << 20   // for all hostnames of all listeners
)

// perValue is what a message around a value costs.
const perValue = 16

// weigh estimates the bytes of the rules in the table of one hostname.
func weigh(rules []resolve.Rule) (bytes int) {
	actions := map[ir.Action]int{} // matches of a rule share one
	for i := range rules {
		route := &rules[i].Route
		action, known := actions[route.Action]
		if !known {
			action = bytesOf(reflect.ValueOf(route.Action))
			actions[route.Action] = action
		}
		bytes += perValue + len(route.Name) + bytesOf(reflect.ValueOf(route.Match)) + action
	}
	return bytes
}

// bytesOf is the length of all texts of a value, and perValue for each place that has one.
func bytesOf(v reflect.Value) (bytes int) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			return perValue + v.Len()
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return perValue + bytesOf(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			bytes += perValue + bytesOf(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			bytes += bytesOf(v.Field(i))
		}
	default: // numbers are small
	}
	return bytes
}

// exactBytes is a part of the weight of rules that is known before they are resolved: the values that
// are compared as they are. (Expressions have a budget of their own.)
func exactBytes(rules []gwv1.HTTPRouteRule) (bytes int) {
	for i := range rules {
		for j := range rules[i].Matches {
			match := &rules[i].Matches[j]
			for k := range match.Headers {
				if ptr.Deref(match.Headers[k].Type, gwv1.HeaderMatchExact) == gwv1.HeaderMatchExact {
					bytes += len(match.Headers[k].Value)
				}
			}
			for k := range match.QueryParams {
				if ptr.Deref(match.QueryParams[k].Type, gwv1.QueryParamMatchExact) == gwv1.QueryParamMatchExact {
					bytes += len(match.QueryParams[k].Value)
				}
			}
		}
	}
	return bytes
}

// rulesProblem is that of rules which are too large for a table.
func rulesProblem(bytes int) resolve.Problem {
	if bytes <= maxRulesBytes {
		return resolve.Problem{}
	}
	return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
		"The rules of the route make %d KiB of configuration of the proxies, more than %d KiB: each match repeats the filters and "+
			"backends of its rule; move rules to another route.", bytes>>10, maxRulesBytes>>10)
}

// spread gathers the fragments of a route: its rules for each hostname of each listener that can
// serve. Two parentRefs may lead to one listener: its fragments appear once.
type spread struct {
	rules     *[]resolve.Rule
	bytes     int // of the rules
	fragments []resolve.Fragment
	seen      map[resolve.Fragment]bool
}

// add adds the fragments of a parent, or none and the problem when there are too many.
func (s *spread) add(p parent) resolve.Problem {
	if len(*s.rules) == 0 {
		return resolve.Problem{}
	}
	var found []resolve.Fragment
	for _, a := range p.attached {
		if a.listener.Chain == "" {
			continue
		}
		for _, shared := range a.hostnames {
			fragment := resolve.Fragment{
				Gateway: p.gateway, Listener: a.listener.ID, Hostname: shared.Name, RouteHostname: shared.Route, Rules: s.rules,
			}
			if !s.seen[fragment] {
				found = append(found, fragment)
			}
		}
	}
	if total := (len(s.fragments) + len(found)) * s.bytes; total > maxRouteBytes {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s: the rules of the route would be repeated for %d pairs of a listener and a hostname, which makes %d KiB of configuration of "+
				"the proxies, more than %d KiB; name a listener with sectionName, use fewer hostnames, or move rules to another route.",
			p.path, len(s.fragments)+len(found), total>>10, maxRouteBytes>>10)
	}
	for _, fragment := range found {
		s.seen[fragment] = true
	}
	s.fragments = append(s.fragments, found...)
	return resolve.Problem{}
}
