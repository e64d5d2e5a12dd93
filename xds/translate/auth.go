package translate

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	xdscore "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcher "github.com/cncf/xds/go/xds/type/matcher/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	bodysizev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/body_size_limit/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	httptypev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/translate/model"
)

const (
	// authTimeout is how long an authorization service may take to decide, connections that fail among it.
	authTimeout = 5 * time.Second
	// authPause is before the first time that it is asked again.
	authPause = 25 * time.Millisecond
)

// authorization is the place of authorization in every chain. It holds no filter by itself: a rule or a target names the whole
// of its own (authorized). Of a filter that stands here, Envoy would let a rule change the service and not which headers the
// service is told, and a filter in the chain for each service would replace the listener with every new one.
//
// Envoy looks for what a rule names when the request passes here, behind the fallback filter. It would not be so for a filter_chain
// filter, which looks once, before: a host that is found by the fallback filter would be served without authorization.
func authorization() proto.Message { return &compositev3.Composite{} }

// authorized has requests authorized before anything behind this place sees them.
func authorized(a *ir.Auth) (proto.Message, error) {
	action, err := runAll(authFilters(a))
	if err != nil {
		return nil, err
	}
	return &compositev3.CompositePerRoute{Matcher: always(action)}, nil
}

// runAll is the action of a matcher that has filters run.
func runAll(filters []namedFilter) (*xdscore.TypedExtensionConfig, error) {
	chain := &compositev3.FilterChainConfiguration{}
	for _, filter := range filters {
		config, err := extension(filter.name, filter.message)
		if err != nil {
			return nil, err
		}
		chain.TypedConfig = append(chain.TypedConfig, config)
	}
	return matcherExtension("authorize", &compositev3.ExecuteFilterAction{FilterChain: chain})
}

// always is a matcher that takes every request.
func always(action *xdscore.TypedExtensionConfig) *xdsmatcher.Matcher {
	return &xdsmatcher.Matcher{OnNoMatch: &xdsmatcher.Matcher_OnMatch{OnMatch: &xdsmatcher.Matcher_OnMatch_Action{Action: action}}}
}

// authFilters are the filters in their order. One that waits has to be the last: Envoy goes on behind all of them.
func authFilters(a *ir.Auth) []namedFilter {
	var filters []namedFilter
	if names := vouchedFor(a); len(names) > 0 {
		var mutations []*mutationv3.HeaderMutation
		for _, name := range names {
			mutations = append(mutations, removeHeader(name))
		}
		filters = append(filters, namedFilter{"vouched", &headermutationv3.HeaderMutation{
			Mutations: &headermutationv3.Mutations{RequestMutations: mutations},
		}})
	}
	if a.MaxBody > 0 {
		// The filter that asks would itself cut a body which ends in the frame that exceeds the limit, and let all of it pass.
		filters = append(filters, namedFilter{"body-size", &bodysizev3.BodySizeLimit{MaxRequestBytes: wrapperspb.UInt64(uint64(a.MaxBody))}})
	}
	return append(filters, namedFilter{"ask", ask(a)})
}

// vouchedFor are the headers that the backend believes because the service says them. A client may say none of them, but those that
// the service is told: it has seen these.
func vouchedFor(a *ir.Auth) (names []string) {
	for _, name := range a.ResponseHeaders {
		if name != authorizationHeader && !slices.Contains(a.RequestHeaders, name) {
			names = append(names, name)
		}
	}
	return names
}

// authorizationHeader is told to every service.
const authorizationHeader = "authorization"

// ask is the filter that asks the service. Nothing passes unless the service says so.
func ask(a *ir.Auth) proto.Message {
	filter := &extauthzv3.ExtAuthz{
		TransportApiVersion: corev3.ApiVersion_V3,
		AllowedHeaders:      headerNames(a.RequestHeaders),
		DisallowedHeaders: &matcherv3.ListStringMatcher{Patterns: []*matcherv3.StringMatcher{
			{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: check.KeyHeaders}},
		}},
		StatusOnError: &httptypev3.HttpStatus{Code: httptypev3.StatusCode_ServiceUnavailable},
		// The owner of a service is the owner of a route, and the proxy is shared.
		ValidateMutations:              true,
		EnforceResponseHeaderLimits:    true,
		DecoderHeaderMutationRules:     authMutations(a),
		EnableDynamicMetadataIngestion: wrapperspb.Bool(false),
		// What is denied is no answer of the backend.
		ChargeClusterResponseStats: wrapperspb.Bool(false),
	}
	if a.MaxBody > 0 {
		filter.WithRequestBody = &extauthzv3.BufferSettings{MaxRequestBytes: a.MaxBody}
	}
	if a.GRPC() {
		filter.Services = &extauthzv3.ExtAuthz_GrpcService{GrpcService: authGRPC(a)}
		return filter
	}
	filter.EncodeRawHeaders = true // as they came; gRPC services read those that Envoy has joined
	filter.Services = &extauthzv3.ExtAuthz_HttpService{HttpService: authHTTP(a)}
	return filter
}

func authGRPC(a *ir.Auth) *corev3.GrpcService {
	service := grpcService(ClusterName(a.Cluster))
	service.Timeout = durationpb.New(authTimeout)
	service.RetryPolicy = authRetries()
	envoy := service.GetEnvoyGrpc()
	envoy.Authority = serviceAuthority(a.Cluster)
	envoy.SkipEnvoyHeaders = true
	envoy.MaxReceiveMessageLength = uint32Value(bootstrap.MaxAuthAnswer)
	return service
}

func authHTTP(a *ir.Auth) *extauthzv3.HttpService {
	upstream := headerNames(a.ResponseHeaders)
	if upstream == nil {
		upstream = &matcherv3.ListStringMatcher{Patterns: []*matcherv3.StringMatcher{valueMatcher(ir.ValueMatch{Value: ".*", Regex: true})}}
	}
	return &extauthzv3.HttpService{
		ServerUri: &corev3.HttpUri{
			Uri:              "http://" + serviceAuthority(a.Cluster), // required, and not used
			HttpUpstreamType: &corev3.HttpUri_Cluster{Cluster: ClusterName(a.Cluster)},
			Timeout:          durationpb.New(authTimeout),
		},
		PathPrefix: a.PathPrefix,
		AuthorizationResponse: &extauthzv3.AuthorizationResponse{
			AllowedUpstreamHeaders: upstream,
			// Envoy itself adds one to each answer that it has asked for.
			AllowedClientHeaders: &matcherv3.ListStringMatcher{Patterns: []*matcherv3.StringMatcher{
				valueMatcher(ir.ValueMatch{Value: anyNameBut(check.EnvoyHeaders), Regex: true}),
			}},
		},
		RetryPolicy: authRetries(),
	}
}

// serviceAuthority is how a Service is called where a name is needed.
func serviceAuthority(key ir.ClusterKey) string {
	return fmt.Sprintf("%s.%s.svc:%d", key.Name, key.Namespace, key.Port)
}

// authRetries ask again when no endpoint has got the question. Envoy would pause for a second and more in between. The longest
// pause, which these do not come to, is to Envoy the limit of an attempt as well.
func authRetries() *corev3.RetryPolicy {
	return &corev3.RetryPolicy{
		RetryOn: connectRetryOn, NumRetries: wrapperspb.UInt32(failoverRetries),
		RetryBackOff: &corev3.BackoffStrategy{
			BaseInterval: durationpb.New(authPause), MaxInterval: durationpb.New(authTimeout),
		},
	}
}

// authMutations says what a service may not change of a request: the route and what else this proxy has decided, where
// messages end on connections that others share, and what pickers and Envoys say. Where all headers of an HTTP answer are
// copied, those that describe the body of that answer are not.
func authMutations(a *ir.Auth) *mutationv3.HeaderMutationRules {
	var names []string
	for _, name := range check.ConnectionHeaders() {
		names = append(names, regexp.QuoteMeta(name))
	}
	for _, prefix := range append(check.PickerHeaders(), check.KeyHeaders, check.EnvoyHeaders) {
		names = append(names, regexp.QuoteMeta(prefix)+".*")
	}
	if !a.GRPC() && len(a.ResponseHeaders) == 0 {
		names = append(names, "content-.*")
	}
	return &mutationv3.HeaderMutationRules{
		DisallowSystem:     wrapperspb.Bool(true),
		DisallowExpression: regex(strings.Join(names, "|")),
	}
}

// anyNameBut is an expression for all texts that do not begin with a prefix: RE2 knows no negation.
func anyNameBut(prefix string) string {
	var out []string
	for i := range prefix {
		begin := regexp.QuoteMeta(prefix[:i])
		out = append(out, begin+"[^"+regexp.QuoteMeta(prefix[i:i+1])+"].*", begin)
	}
	return strings.Join(out, "|")
}

// headerNames matches headers by name; nil: there are no names.
func headerNames(names []string) *matcherv3.ListStringMatcher {
	if len(names) == 0 {
		return nil
	}
	list := &matcherv3.ListStringMatcher{}
	for _, name := range names {
		list.Patterns = append(list.Patterns, valueMatcher(ir.ValueMatch{Value: name}))
	}
	return list
}

// listenerPlaces are the places for filters of listeners in every chain. They hold no filter by themselves: a virtual host, which
// belongs to one listener, names the filters of its listener. So a filter that comes, goes or changes is a change of tables, and
// the connections of no other listener are drained for it (docs/adr/0045-listener-filters.md).
//
// One place runs one filter that waits (see authFilters), so there are as many as a listener may have filters. All have one name and so
// one configuration, in which stepHeader chooses: a table that has all of them left out says so once. Behind them the route is chosen
// anew. The first look-up has found the host, and with it the listener; neither can change, because no filter may change Host or the
// keys of the scope.
func listenerPlaces() (filters []namedFilter) {
	for range ir.MaxListenerFilters {
		filters = append(filters, namedFilter{listenerFilter, authorization()})
	}
	return append(filters, namedFilter{rematchFilter, script(rematchScript, model.Script)})
}

// hostFilters is the configuration with which a virtual host has the filters of its listener run. On a host that reads models they see
// none of the headers that clients may not say to it.
func hostFilters(h ir.Host) (map[string]*anypb.Any, error) {
	if h.Filters == nil || len(h.Filters.Auths) == 0 {
		return nil, nil
	}
	var removed []string
	again := &luav3.LuaPerRoute{Override: &luav3.LuaPerRoute_Name{Name: rematchScript}}
	if h.ReadsModels() {
		removed, again.FilterContext = model.Headers, model.Context(h, true)
	}
	steps, err := listenerSteps(h.Filters.Auths, removed)
	if err != nil {
		return nil, err
	}
	return perFilter(map[string]proto.Message{listenerFilter: steps, rematchFilter: again})
}

// listenerSteps has each place run the next filter, as long as there is one. The number of the next one is in stepHeader, which clients
// cannot say; it is missing at the first place. None of the filters sees the removed headers.
func listenerSteps(auths []*ir.Auth, removed []string) (proto.Message, error) {
	input, err := matcherExtension("step", &matcherv3.HttpRequestHeaderMatchInput{HeaderName: stepHeader})
	if err != nil {
		return nil, err
	}
	list := &xdsmatcher.Matcher_MatcherList{}
	for step, auth := range auths {
		mutations := []*mutationv3.HeaderMutation{addHeader(stepHeader, strconv.Itoa(step+1))}
		for _, name := range removed {
			mutations = append(mutations, removeHeader(name))
		}
		removed = nil
		next := namedFilter{"step", &headermutationv3.HeaderMutation{
			Mutations: &headermutationv3.Mutations{RequestMutations: mutations},
		}}
		action, err := runAll(append([]namedFilter{next}, authFilters(auth)...))
		if err != nil {
			return nil, err
		}
		list.Matchers = append(list.Matchers, &xdsmatcher.Matcher_MatcherList_FieldMatcher{
			Predicate: atStep(input, step),
			OnMatch:   &xdsmatcher.Matcher_OnMatch{OnMatch: &xdsmatcher.Matcher_OnMatch_Action{Action: action}},
		})
	}
	return &compositev3.CompositePerRoute{Matcher: &xdsmatcher.Matcher{MatcherType: &xdsmatcher.Matcher_MatcherList_{MatcherList: list}}}, nil
}

// atStep holds where the next filter is the one of a number.
func atStep(input *xdscore.TypedExtensionConfig, step int) *xdsmatcher.Matcher_MatcherList_Predicate {
	text := &xdsmatcher.StringMatcher{MatchPattern: &xdsmatcher.StringMatcher_Exact{Exact: strconv.Itoa(step)}}
	if step == 0 {
		text.MatchPattern = &xdsmatcher.StringMatcher_SafeRegex{SafeRegex: &xdsmatcher.RegexMatcher{
			EngineType: &xdsmatcher.RegexMatcher_GoogleRe2{GoogleRe2: &xdsmatcher.RegexMatcher_GoogleRE2{}}, Regex: ".*",
		}}
	}
	is := &xdsmatcher.Matcher_MatcherList_Predicate{MatchType: &xdsmatcher.Matcher_MatcherList_Predicate_SinglePredicate_{
		SinglePredicate: &xdsmatcher.Matcher_MatcherList_Predicate_SinglePredicate{
			Input:   input,
			Matcher: &xdsmatcher.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: text},
		},
	}}
	if step == 0 {
		return &xdsmatcher.Matcher_MatcherList_Predicate{MatchType: &xdsmatcher.Matcher_MatcherList_Predicate_NotMatcher{NotMatcher: is}}
	}
	return is
}
