package translate

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	xdsmatcher "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	actionv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	bodysizev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/body_size_limit/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

//go:embed client.lua
var clientText string

//go:embed fallback.lua
var fallbackText string

//go:embed withoutport.lua
var portText string

//go:embed refusal.lua
var refusalText string

//go:embed rewrite.lua
var rewriteText string

// Scripts that routes and targets name.
const (
	portScript    = "without-port"
	refusalScript = "refuse"
	rewriteScript = "rewrite"
	rematchScript = "rematch"
)

type namedFilter struct {
	name    string
	message proto.Message
}

// The HTTP filters in their order, the one list of every chain:
//
//  1. client: what trusted proxies say about the request, where there are any. body-limit: the largest body, where
//     there is one; before all filters that ask others, or wait. It is no part of the list for WebSocket.
//  2. fallback: chooses the table when the exact host is missing; all later filters depend on
//     the route.
//  3. listener, several times, and rematch: what the listener has done before a route is chosen, and that choice. All later
//     filters see the chosen route.
//  4. redirect: takes the port out of the Location of some redirects.
//  5. cors: answers preflight requests, which have no credentials, before anything is asked or woken for them.
//  6. authorization: asks the service of the rule. What it denies wakes nothing and reaches no picker.
//  7. hold: lets requests to a backend without an endpoint wait. Before the picker: an
//     endpoint can be picked only when there is one.
//  8. routing headers: what the picker alone may say, and what tells the router of the limit of an attempt.
//  9. request trailers: refuses what the picker would never answer.
//  10. picker: asks the endpoint picker of the chosen target.
//  11. rewrite: the path that some targets get. All filters before it see the path of the client, as they
//     do where the router rewrites.
//  12. router.
func httpFilters(client ir.Client) ([]*hcmv3.HttpFilter, error) {
	asked, err := exceptForLocalReplies(picker())
	if err != nil {
		return nil, err
	}
	return filterList(slices.Concat(ofClient(client), bodyLimit(client), beforeHold(), []namedFilter{
		{holdFilter, hold()},
		{routingFilter, &headermutationv3.HeaderMutation{}},
		{trailersFilter, trailerGuard()},
		{pickerFilter, asked},
		{rewriteFilter, rewriter()},
		{routerFilter, router()},
	})...)
}

// ofClient is the filter for what trusted proxies say.
func ofClient(client ir.Client) []namedFilter {
	if !client.Trusting() {
		return nil
	}
	return []namedFilter{{clientFilter, &luav3.Lua{DefaultSourceCode: inline(clientText)}}}
}

// bodyLimit counts the bytes of bodies while they pass, and keeps none.
func bodyLimit(client ir.Client) []namedFilter {
	if client.MaxBodyBytes == 0 {
		return nil
	}
	return []namedFilter{{bodyFilter, &bodysizev3.BodySizeLimit{MaxRequestBytes: wrapperspb.UInt64(client.MaxBodyBytes)}}}
}

// beforeHold are filters of both lists.
func beforeHold() []namedFilter {
	return slices.Concat([]namedFilter{{fallbackFilter, fallback()}}, listenerPlaces(), []namedFilter{
		{redirectFilter, script(portScript, portText)},
		{corsFilter, &corsv3.Cors{}},
		{authFilter, authorization()},
	})
}

// upgradeFilters is the list for WebSocket. It has no picker: the body mode of one waits for the end
// of a body that an upgraded stream never has, and the request would hang. So upgrades to pools are
// refused, before anything is woken for them: no Pod of a pool gets a request because its client
// found a way around the picker.
func upgradeFilters(client ir.Client) ([]*hcmv3.HttpFilter, error) {
	return filterList(slices.Concat(ofClient(client), beforeHold(), []namedFilter{
		{upgradeFilter, script(refusalScript, refusalText)},
		{holdFilter, hold()},
		{rewriteFilter, rewriter()},
		{routerFilter, router()},
	})...)
}

// script is a filter that does nothing, but for routes and targets that name its script.
func script(name, text string) *luav3.Lua {
	return &luav3.Lua{SourceCodes: map[string]*corev3.DataSource{name: inline(text)}}
}

// rewriter changes paths when the target is chosen: another path must not choose again.
func rewriter() proto.Message {
	filter := script(rewriteScript, rewriteText)
	filter.ClearRouteCache = wrapperspb.Bool(false)
	return filter
}

// refuseUpgrade has upgrades to a target refused.
func refuseUpgrade() (*anypb.Any, error) {
	return typedConfig(&luav3.LuaPerRoute{Override: &luav3.LuaPerRoute_Name{Name: refusalScript}})
}

// webSocket is the only protocol that a client may upgrade to.
const webSocket = "websocket"

// otherUpgrades takes every token of an Upgrade header but webSocket. What it takes is removed before
// a route is looked up: a server may go on in HTTP/1.1 (RFC 9110 7.8), and some clients offer TLS with
// every request. Envoy itself would refuse such a request where it knows the route by then, and would
// wait for the end of a tunnel where it does not (docs/adr/0025-first-look-up.md).
func otherUpgrades() []*matcherv3.StringMatcher {
	return []*matcherv3.StringMatcher{valueMatcher(ir.ValueMatch{Value: anyTextBut(webSocket), Regex: true})}
}

// anyTextBut is an expression for all texts but one word in any case: RE2 knows no negation.
func anyTextBut(word string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "(?is).{0,%d}|.{%d,}", len(word)-1, len(word)+1)
	for i, letter := range word {
		fmt.Fprintf(&out, "|.{%d}[^%c].{%d}", i, letter, len(word)-i-1)
	}
	return out.String()
}

// exceptForLocalReplies has a filter let the answers alone that the proxy gives itself. A picker would be told
// about each of them, also about those to requests that it was never asked about, and one that hangs would
// delay the answer that says so.
func exceptForLocalReplies(filter proto.Message) (proto.Message, error) {
	inner, err := extension("inner", filter)
	if err != nil {
		return nil, err
	}
	input, err := matcherExtension("local_reply", &matcherv3.HttpResponseLocalReplyMatchInput{})
	if err != nil {
		return nil, err
	}
	skip, err := matcherExtension("skip", &actionv3.SkipFilter{})
	if err != nil {
		return nil, err
	}
	return &matchingv3.ExtensionWithMatcher{
		ExtensionConfig: inner,
		XdsMatcher: &xdsmatcher.Matcher{MatcherType: &xdsmatcher.Matcher_MatcherTree_{MatcherTree: &xdsmatcher.Matcher_MatcherTree{
			Input: input,
			TreeType: &xdsmatcher.Matcher_MatcherTree_ExactMatchMap{ExactMatchMap: &xdsmatcher.Matcher_MatcherTree_MatchMap{
				Map: map[string]*xdsmatcher.Matcher_OnMatch{"true": {OnMatch: &xdsmatcher.Matcher_OnMatch_Action{Action: skip}}},
			}},
		}}},
	}, nil
}

func filterList(filters ...namedFilter) ([]*hcmv3.HttpFilter, error) {
	var out []*hcmv3.HttpFilter
	for _, filter := range filters {
		config, err := typedConfig(filter.message)
		if err != nil {
			return nil, err
		}
		out = append(out, &hcmv3.HttpFilter{
			Name:       filter.name,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config},
		})
	}
	return out, nil
}

func fallback() proto.Message {
	return &luav3.Lua{DefaultSourceCode: inline(fallbackText)}
}

func inline(text string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: text}}
}

// router adds no x-envoy-* headers to requests or responses: what it knows is in the access
// log, and backends should see what the client sent.
func router() proto.Message {
	return &routerv3.Router{SuppressEnvoyHeaders: true}
}
