package plane_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

var (
	badExpressions = []string{"(", "[", "*a", "a{2,1}", `\p{Letter}+`, "(?P<n", "a**", "(?<=x)y", `\8`, "[z-a]", "(?i", "x{1001}", "a)", `a\`}
	badDurations   = []*durationpb.Duration{{Seconds: -1}, {Nanos: -1}, {Seconds: 315_576_000_001}, {Nanos: 2_000_000_000},
		{Seconds: 1, Nanos: -5}}
	badNames   = []string{"", "a\nb", "a\rb", "a\x00b", ":path", "host"}
	badFormats = []string{"%", "a%", "%UNKNOWN()%", "%REQ(a%", "%START_TIME(%", "%PROTOCOL", "a\nb", "\x00"}
	badNumbers = []uint32{0, 1, 99, 600, 1_000_000}
	badTexts   = []string{"", "\n", "a\r\nb", "ü\x00"}
)

func setAction(set func(*routev3.RouteAction)) poison {
	return func(r *routev3.Route) {
		if action := r.GetRoute(); action != nil {
			set(action)
		}
	}
}

func expression(text string) *matcherv3.RegexMatcher { return &matcherv3.RegexMatcher{Regex: text} }

func matching(pattern string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: expression(pattern)}}
}

func add(name, value string) []*corev3.HeaderValueOption {
	return []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: name, Value: value}}}
}

func unknownType() *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/of.a.later.Version", Value: []byte("x")}
}

// kindsOfPoison are values that Envoy may refuse in every place of a rule, by name.
func kindsOfPoison() map[string]poison {
	all := map[string]poison{}
	for i, text := range badExpressions {
		all[fmt.Sprint("path-regex-", i)] = func(r *routev3.Route) {
			r.Match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: expression(text)}
		}
		all[fmt.Sprint("header-regex-", i)] = func(r *routev3.Route) {
			r.Match.Headers = append(r.Match.Headers, &routev3.HeaderMatcher{
				Name: "x", HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: matching(text)}})
		}
		all[fmt.Sprint("query-regex-", i)] = func(r *routev3.Route) {
			r.Match.QueryParameters = append(r.Match.QueryParameters, &routev3.QueryParameterMatcher{
				Name: "x", QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{StringMatch: matching(text)}})
		}
		all[fmt.Sprint("rewrite-regex-", i)] = setAction(func(a *routev3.RouteAction) {
			a.RegexRewrite = &matcherv3.RegexMatchAndSubstitute{Pattern: expression(text)}
		})
		all[fmt.Sprint("redirect-regex-", i)] = func(r *routev3.Route) {
			if r.GetRoute() != nil {
				r.Action = &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{PathRewriteSpecifier: &routev3.RedirectAction_RegexRewrite{
					RegexRewrite: &matcherv3.RegexMatchAndSubstitute{Pattern: expression(text)}}}}
			}
		}
	}
	for i, d := range badDurations {
		for name, set := range map[string]func(*routev3.RouteAction){
			"timeout": func(a *routev3.RouteAction) { a.Timeout = d },
			"idle":    func(a *routev3.RouteAction) { a.IdleTimeout = d },
			"stream": func(a *routev3.RouteAction) {
				a.MaxStreamDuration = &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: d}
			},
			"grpc": func(a *routev3.RouteAction) {
				a.MaxStreamDuration = &routev3.RouteAction_MaxStreamDuration{GrpcTimeoutHeaderMax: d}
			},
			"attempt":     func(a *routev3.RouteAction) { a.RetryPolicy = &routev3.RetryPolicy{PerTryTimeout: d} },
			"attemptidle": func(a *routev3.RouteAction) { a.RetryPolicy = &routev3.RetryPolicy{PerTryIdleTimeout: d} },
			"backoff": func(a *routev3.RouteAction) {
				a.RetryPolicy = &routev3.RetryPolicy{RetryBackOff: &routev3.RetryPolicy_RetryBackOff{BaseInterval: d}}
			},
		} {
			all[fmt.Sprint("duration-", name, "-", i)] = setAction(set)
		}
	}
	for i, name := range badNames {
		all[fmt.Sprint("request-name-", i)] = setHeaders(func(r *routev3.Route) { r.RequestHeadersToAdd = add(name, "v") })
		all[fmt.Sprint("response-name-", i)] = setHeaders(func(r *routev3.Route) { r.ResponseHeadersToAdd = add(name, "v") })
		all[fmt.Sprint("remove-name-", i)] = setHeaders(func(r *routev3.Route) { r.RequestHeadersToRemove = []string{name} })
		all[fmt.Sprint("remove-response-name-", i)] = setHeaders(func(r *routev3.Route) { r.ResponseHeadersToRemove = []string{name} })
		all[fmt.Sprint("match-name-", i)] = func(r *routev3.Route) {
			r.Match.Headers = append(r.Match.Headers, &routev3.HeaderMatcher{
				Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}})
		}
		all[fmt.Sprint("cluster-header-", i)] = setAction(func(a *routev3.RouteAction) {
			a.ClusterSpecifier = &routev3.RouteAction_ClusterHeader{ClusterHeader: name}
		})
		all[fmt.Sprint("hash-header-", i)] = setAction(func(a *routev3.RouteAction) {
			a.HashPolicy = []*routev3.RouteAction_HashPolicy{{PolicySpecifier: &routev3.RouteAction_HashPolicy_Header_{
				Header: &routev3.RouteAction_HashPolicy_Header{HeaderName: name}}}}
		})
	}
	for i, text := range badFormats {
		all[fmt.Sprint("request-format-", i)] = setHeaders(func(r *routev3.Route) { r.RequestHeadersToAdd = add("x", text) })
		all[fmt.Sprint("response-format-", i)] = setHeaders(func(r *routev3.Route) { r.ResponseHeadersToAdd = add("x", text) })
	}
	for i, number := range badNumbers {
		all[fmt.Sprint("status-", i)] = func(r *routev3.Route) {
			if r.GetRoute() != nil {
				r.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: number}}
			}
		}
		all[fmt.Sprint("redirect-code-", i)] = func(r *routev3.Route) {
			if r.GetRoute() != nil {
				r.Action = &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{ResponseCode: routev3.RedirectAction_RedirectResponseCode(number)}}
			}
		}
		all[fmt.Sprint("priority-", i)] = setAction(func(a *routev3.RouteAction) { a.Priority = corev3.RoutingPriority(number) })
		all[fmt.Sprint("not-found-code-", i)] = setAction(func(a *routev3.RouteAction) {
			a.ClusterNotFoundResponseCode = routev3.RouteAction_ClusterNotFoundResponseCode(number)
		})
		all[fmt.Sprint("weights-", i)] = setAction(func(a *routev3.RouteAction) {
			a.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
				Clusters: []*routev3.WeightedCluster_ClusterWeight{
					{Name: "x", Weight: wrapperspb.UInt32(number * 4294)}, {Name: "y", Weight: wrapperspb.UInt32(number * 4294)},
				},
			}}
		})
	}
	for i, text := range badTexts {
		all[fmt.Sprint("prefix-", i)] = setAction(func(a *routev3.RouteAction) { a.PrefixRewrite = text })
		all[fmt.Sprint("authority-", i)] = setAction(func(a *routev3.RouteAction) {
			a.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: text}
		})
		all[fmt.Sprint("cluster-", i)] = setAction(func(a *routev3.RouteAction) {
			a.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: text}
		})
		all[fmt.Sprint("operation-", i)] = setHeaders(func(r *routev3.Route) { r.Decorator = &routev3.Decorator{Operation: text} })
		all[fmt.Sprint("redirect-path-", i)] = func(r *routev3.Route) {
			if r.GetRoute() != nil {
				r.Action = &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{
					HostRedirect: text, PathRewriteSpecifier: &routev3.RedirectAction_PathRedirect{PathRedirect: text}}}
			}
		}
		all[fmt.Sprint("segments-", i)] = func(r *routev3.Route) {
			r.Match.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/a?" + text}
		}
	}
	all["no-path"] = func(r *routev3.Route) { r.Match.PathSpecifier = nil }
	all["no-action"] = func(r *routev3.Route) { r.Action = nil }
	all["no-weights"] = setAction(func(a *routev3.RouteAction) {
		a.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{}}
	})
	all["no-cluster"] = setAction(func(a *routev3.RouteAction) { a.ClusterSpecifier = nil })
	all["no-hash"] = setAction(func(a *routev3.RouteAction) { a.HashPolicy = []*routev3.RouteAction_HashPolicy{{}} })
	all["no-limits"] = setAction(func(a *routev3.RouteAction) { a.RateLimits = []*routev3.RateLimit{{}} })
	all["filter-unknown"] = setHeaders(func(r *routev3.Route) { r.TypedPerFilterConfig = map[string]*anypb.Any{"router": unknownType()} })
	all["filter-missing"] = setHeaders(func(r *routev3.Route) { r.TypedPerFilterConfig = map[string]*anypb.Any{"later": unknownType()} })
	all["upgrade-twice"] = setAction(func(a *routev3.RouteAction) {
		a.UpgradeConfigs = []*routev3.RouteAction_UpgradeConfig{{UpgradeType: "x"}, {UpgradeType: "x"}}
	})
	all["early-unknown"] = setAction(func(a *routev3.RouteAction) {
		a.EarlyDataPolicy = &corev3.TypedExtensionConfig{Name: "x", TypedConfig: unknownType()}
	})
	all["redirect-unknown"] = setAction(func(a *routev3.RouteAction) {
		a.InternalRedirectPolicy = &routev3.InternalRedirectPolicy{Predicates: []*corev3.TypedExtensionConfig{{Name: "x",
			TypedConfig: unknownType()}}}
	})
	all["retry-unknown"] = setAction(func(a *routev3.RouteAction) {
		a.RetryPolicy = &routev3.RetryPolicy{RetryHostPredicate: []*routev3.RetryPolicy_RetryHostPredicate{{
			Name: "x", ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: unknownType()}}}}
	})
	all["backoff-order"] = setAction(func(a *routev3.RouteAction) {
		a.RetryPolicy = &routev3.RetryPolicy{RetryBackOff: &routev3.RetryPolicy_RetryBackOff{
			BaseInterval: &durationpb.Duration{Seconds: 2}, MaxInterval: &durationpb.Duration{Seconds: 1}}}
	})
	return all
}

// setHeaders spoils a rule that forwards, beside its action. A rule that only answers 500 is left alone.
func setHeaders(set poison) poison {
	return func(r *routev3.Route) {
		if r.GetRoute() != nil {
			set(r)
		}
	}
}

// refusedKinds asks a real Envoy which of the kinds it refuses, and returns them sorted.
func refusedKinds(t *testing.T, kinds map[string]poison) (refused []string) {
	t.Helper()
	proxy, port := proxytest.Start(t), proxytest.Port(t)
	spoiler := &poisoner{kinds: kinds}
	tables := func(name string) []resource.Resource {
		scope, table, err := translate.Host(ir.Host{Chain: fmt.Sprint(port), Hostname: "a.test", Routes: []ir.Route{{
			Name:  "HTTPRoute/apps/r/" + name,
			Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/a"}},
			Action: &ir.Forward{Targets: []ir.Target{{Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: "apps", Name: "a", Port: 80},
				Weight: 1}}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return []resource.Resource{scope, spoiler.spoil(table)}
	}
	listener, err := translate.Listener(ir.Listener{Transport: ir.TCP, Port: uint32(port), Chains: []ir.Chain{{ID: fmt.Sprint(port)}}})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Apply(resource.Change{Upsert: append(tables("good"), listener)})
	for name := range kinds {
		if err := proxy.Ask(resource.Change{Upsert: tables(poisonMark + name)[1:]}); err != nil {
			if !strings.Contains(err.Error(), "no answer") {
				refused = append(refused, name)
			}
		}
		if err := proxy.Ask(resource.Change{Upsert: tables("good after " + name)[1:]}); err != nil {
			t.Fatalf("a good rule after %s: %v", name, err)
		}
	}
	slices.Sort(refused)
	return refused
}
