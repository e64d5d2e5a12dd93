package translate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate/model"
)

// ErrNoAction says that a route of the IR does nothing.
var ErrNoAction = errors.New("route has no action")

// retryPolicyField is the name of Envoy's field among those of the user.
const retryPolicyField = "retry_policy"

// rule is a rendered route with the path it was made from, which the matcher tree needs.
type rule struct {
	path  ir.PathMatch
	route *routev3.Route
}

// renderRoute renders one route of the IR; rarely as two routes of Envoy. It also returns the
// clusters that the route sends to. The fields are laid over what it forwards.
func renderRoute(r *ir.Route, h ir.Host, over fields.Route) ([]*rule, []string, error) {
	match, err := routeMatch(r.Match)
	if err != nil {
		return nil, nil, err
	}
	route := &routev3.Route{Name: r.Name, Match: match}
	rules := []*rule{{path: r.Match.Path, route: route}}
	switch action := r.Action.(type) {
	case *ir.Forward:
		kept := keptWhileHeld(action, over.Sets(retryPolicyField))
		if h.ReadsModels() {
			kept = max(kept, int(model.Body(h))) // the body is there already
		}
		clusters, err := forward(route, action, r.Match, kept)
		if err != nil {
			return nil, nil, err
		}
		over.Over(route.GetRoute(), stated(action))
		if err := fitRetries(route, action, over.Sets(retryPolicyField)); err != nil {
			return nil, nil, err
		}
		fitIdle(route.GetRoute(), action)
		rules = slices.Concat(handshake(rules[0], action), idempotentMethods(rules[0], action, r.Match.Method), rules)
		if action.Filters.CORS != nil {
			rules = append(rules, preflight(rules[len(rules)-1], r.Match)...)
		}
		return rules, clusters, nil
	case *ir.Redirect:
		var clusters []string
		ir.EachCluster(action, func(key ir.ClusterKey) { clusters = append(clusters, ClusterName(key)) })
		return rules, clusters, redirect(route, action, r.Match, h)
	case *ir.Respond:
		response := &routev3.DirectResponseAction{Status: action.StatusCode}
		if action.Body != "" {
			response.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: action.Body}}
		}
		route.Action = &routev3.Route_DirectResponse{DirectResponse: response}
		route.TypedPerFilterConfig, err = because(action.Reason)
		return rules, nil, err
	case nil:
		return nil, nil, ErrNoAction
	default:
		return nil, nil, fmt.Errorf("unknown action %T", action)
	}
}

// stated says what a rule decides itself, so that fields of the user do not.
func stated(f *ir.Forward) fields.Stated {
	limits := f.Timeouts
	return fields.Stated{
		Timeout: limits.Request != nil || limits.BackendRequest != nil, Attempt: limits.BackendRequest != nil,
		Idle: limits.Idle != nil, Retry: f.Retry != nil,
	}
}

// handshake is the route of a rule with a limit for requests that ask for WebSocket. The limit is that of
// the answer, which is 101: Envoy ends its timeout there, and what is said afterwards has no limit but
// silence. Elsewhere the limit is that of the whole stream, and of the whole attempt.
func handshake(r *rule, f *ir.Forward) []*rule {
	limit := handshakeLimit(f, r.route.GetRoute())
	if limit == 0 {
		return nil
	}
	route := proto.Clone(r.route).(*routev3.Route)
	// What Envoy itself takes for an upgrade, of the kind that the connection manager allows.
	upgrade := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: webSocket}, IgnoreCase: true}
	connection := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Contains{Contains: "upgrade"}, IgnoreCase: true}
	route.Match.Headers = append(route.Match.Headers,
		&routev3.HeaderMatcher{Name: "upgrade", HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: upgrade}},
		&routev3.HeaderMatcher{Name: "connection", HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: connection}},
	)
	route.GetRoute().MaxStreamDuration = nil
	route.GetRoute().Timeout = durationpb.New(limit)
	return []*rule{{path: r.path, route: route}}
}

// handshakeLimit is how long the answer to a handshake may take once it does not wait for a Pod any more. Envoy counts no attempt of
// one, because the request has no end. Where a Pod may not listen yet, the time of all attempts is that of none.
func handshakeLimit(f *ir.Forward, action *routev3.RouteAction) time.Duration {
	request, attempt := value(f.Timeouts.Request), value(f.Timeouts.BackendRequest)
	switch {
	case attempt == 0, waits(f):
		return request
	case f.Retry == nil:
		return attempt // not more than that of the request
	case request == 0:
		return longest(action)
	}
	return request
}

// perFilter packs the configuration of filters for a route or a target.
func perFilter(configs map[string]proto.Message) (map[string]*anypb.Any, error) {
	if len(configs) == 0 {
		return nil, nil
	}
	out := make(map[string]*anypb.Any, len(configs))
	for name, message := range configs {
		config, err := typedConfig(message)
		if err != nil {
			return nil, err
		}
		out[name] = config
	}
	return out, nil
}
