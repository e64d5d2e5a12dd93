package translate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// idleMargin is the patience of the proxy beyond what ends a request otherwise, so that the answer is that of the nearer limit.
	idleMargin = 30 * time.Second
	// maxIdle is the longest silence that is counted. A limit beyond it is none.
	maxIdle = 365 * 24 * time.Hour
	// defaultPause is Envoy's longest pause between attempts unless it is told another.
	defaultPause = 250 * time.Millisecond
)

// ErrWeights says that no target has a weight, or that together they exceed 32 bits.
var ErrWeights = errors.New("sum of weights must be between 1 and 4294967295")

// forward fills a route that sends to weighted targets. It returns the clusters it names. kept is what the proxy keeps of a body
// while the request waits.
func forward(route *routev3.Route, f *ir.Forward, match ir.Match, kept int) ([]string, error) {
	action := &routev3.RouteAction{}
	split, clusters, err := targets(f, match, waiting{limit: value(f.Timeouts.Request), kept: kept})
	if err != nil {
		return nil, err
	}
	action.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: split}
	if slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return t.Invalid }) {
		// The share of an invalid target is sent to a cluster that never exists: 500, as
		// HTTPBackendRef demands, instead of Envoy's 503.
		action.ClusterNotFoundResponseCode = routev3.RouteAction_INTERNAL_SERVER_ERROR
	}
	if !rewritesApart(f) {
		if err := rewrite(action, f.Filters.Rewrite, match); err != nil {
			return nil, err
		}
	}
	mirrors, mirrored, err := mirrorPolicies(f.Filters.Mirrors)
	if err != nil {
		return nil, err
	}
	action.RequestMirrorPolicies = mirrors
	clusters = append(clusters, mirrored...)
	if err := retries(action, f); err != nil {
		return nil, err
	}
	timeouts(action, f)

	if route.TypedPerFilterConfig, err = ruleFilters(f.Filters); err != nil {
		return nil, err
	}
	if f.Filters.Auth != nil {
		clusters = append(clusters, ClusterName(f.Filters.Auth.Cluster))
	}
	route.Action = &routev3.Route_Route{Route: action}
	return clusters, nil
}

// ruleFilters turns the filters on that a rule needs before its backend is chosen.
func ruleFilters(filters ir.Filters) (_ map[string]*anypb.Any, err error) {
	configs := map[string]proto.Message{}
	if filters.CORS != nil {
		configs[corsFilter] = cors(filters.CORS)
	}
	if filters.Auth != nil {
		if configs[authFilter], err = authorized(filters.Auth); err != nil {
			return nil, err
		}
	}
	return perFilter(configs)
}

// targets renders the backends. One backend is a split as well: the configuration of a
// backend (picker, header changes) then always has the same home.
//
// Requests pass the filters of the rule, then those of the backend; responses the other way
// round.
func targets(f *ir.Forward, match ir.Match, wait waiting) (split *routev3.WeightedCluster, clusters []string, err error) {
	split = &routev3.WeightedCluster{}
	var sum uint64
	for i := range f.Targets {
		target := &f.Targets[i]
		sum += uint64(target.Weight)
		request := compose(f.Filters.RequestHeaders, target.Filters.RequestHeaders)
		response := compose(target.Filters.ResponseHeaders, f.Filters.ResponseHeaders)
		share := &routev3.WeightedCluster_ClusterWeight{
			Name:                    InvalidCluster,
			Weight:                  uint32Value(target.Weight),
			RequestHeadersToAdd:     request.add,
			RequestHeadersToRemove:  request.remove,
			ResponseHeadersToAdd:    response.add,
			ResponseHeadersToRemove: response.remove,
		}
		if target.Invalid {
			if share.TypedPerFilterConfig, err = because(target.Reason); err != nil {
				return nil, nil, err
			}
		} else {
			share.Name = ClusterName(target.Cluster)
			clusters = append(clusters, share.Name)
			var asked []string
			if share.TypedPerFilterConfig, asked, err = targetFilters(target, f.Timeouts, wait); err != nil {
				return nil, nil, err
			}
			if rewritesApart(f) {
				if err := targetRewrite(share, f.Filters.Rewrite, target.Filters.Rewrite, match); err != nil {
					return nil, nil, err
				}
			}
			if target.Hold != nil {
				share.ResponseHeadersToAdd = append(share.ResponseHeadersToAdd, coldStart())
			}
			clusters = append(clusters, asked...)
		}
		split.Clusters = append(split.Clusters, share)
	}
	if sum == 0 || sum > math.MaxUint32 {
		return nil, nil, fmt.Errorf("%w: %d", ErrWeights, sum)
	}
	return split, clusters, nil
}

// targetFilters turns the filters on that a target needs, and returns the clusters they ask.
func targetFilters(target *ir.Target, limits ir.Timeouts, wait waiting) (
	overrides map[string]*anypb.Any, clusters []string, err error,
) {
	overrides = map[string]*anypb.Any{}
	if target.Filters.Auth != nil {
		asked, err := authorized(target.Filters.Auth)
		if err != nil {
			return nil, nil, err
		}
		if overrides[authFilter], err = typedConfig(asked); err != nil {
			return nil, nil, err
		}
		clusters = append(clusters, ClusterName(target.Filters.Auth.Cluster))
	}
	if target.Hold != nil {
		if overrides[holdFilter], err = holdOverride(target, wait); err != nil {
			return nil, nil, err
		}
		clusters = append(clusters, ClusterName(target.Hold.Cluster))
	}
	switch headers, err := headersOverride(target, value(limits.BackendRequest)); {
	case err != nil:
		return nil, nil, err
	case headers != nil:
		overrides[routingFilter] = headers
	}
	if target.Cluster.Kind == ir.BackendPool {
		if overrides[upgradeFilter], err = refuseUpgrade(); err != nil {
			return nil, nil, err
		}
	}
	if target.Picker != nil {
		if overrides[pickerFilter], err = pickerOverride(target.Picker); err != nil {
			return nil, nil, err
		}
		if overrides[trailersFilter], err = refuseTrailers(); err != nil {
			return nil, nil, err
		}
		if clusters = append(clusters, ClusterName(target.Picker.Cluster)); target.Picker.Timeout > 0 {
			clusters = append(clusters, ClusterName(target.Picker.AskedBy()))
		}
	}
	if len(overrides) == 0 {
		return nil, nil, nil
	}
	return overrides, clusters, nil
}

// timeouts renders the limits of a rule. The one of the request is that of the whole stream: what
// holds it, picks for it and answers it shares the time (docs/adr/0029-one-deadline.md). The one of an
// attempt begins when an endpoint has the request. What is rendered here for it ends with the first byte of an
// answer, and decides about retries; headersOverride ends the answer. Nothing said means no limit: Envoy's own
// default of 15 s would cut every long answer. What silence may last, fitIdle decides.
func timeouts(action *routev3.RouteAction, f *ir.Forward) {
	// Beside max_stream_duration Envoy does not look at it.
	action.Timeout = durationpb.New(0)
	if limit := value(f.Timeouts.Request); limit > 0 {
		action.MaxStreamDuration = &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: durationpb.New(limit)}
	}
	if attempt := value(f.Timeouts.BackendRequest); attempt > 0 {
		if action.RetryPolicy == nil {
			action.RetryPolicy = &routev3.RetryPolicy{} // that retries nothing
		}
		action.RetryPolicy.PerTryTimeout = durationpb.New(attempt)
	}
	if f.Timeouts.Idle != nil {
		action.IdleTimeout = durationpb.New(*f.Timeouts.Idle)
	}
}

// fitIdle keeps silence from ending a request whose limits let it go on. What nearer to the request is
// written wins: the limits of its rule, then the idle timeout of the Gateway, then the product's.
func fitIdle(action *routev3.RouteAction, f *ir.Forward) {
	if f.Timeouts.Idle == nil && limitsOff(f.Timeouts) {
		action.IdleTimeout = durationpb.New(0)
		return
	}
	idle, limits := streamIdle, time.Duration(0)
	if action.IdleTimeout != nil {
		idle = action.IdleTimeout.AsDuration()
	}
	if action.IdleTimeout == nil || f.Timeouts.Idle == nil && statesLimit(f.Timeouts) {
		limits = longest(action)
	}
	if value(f.Timeouts.Request) == 0 {
		limits += held(f) // the request limit is that of the wait as well
	}
	switch {
	case idle == 0 || limits == 0 || limits+idleMargin <= idle:
	case limits > maxIdle:
		action.IdleTimeout = durationpb.New(0)
	default:
		action.IdleTimeout = durationpb.New(limits + idleMargin)
	}
}

// limitsOff reports whether a rule turns the limits of its requests off; silence is one of them.
func limitsOff(t ir.Timeouts) bool {
	if t.Request != nil {
		return *t.Request == 0
	}
	return t.BackendRequest != nil && *t.BackendRequest == 0
}

func statesLimit(t ir.Timeouts) bool { return t.Request != nil || t.BackendRequest != nil }

// longest is how long the limits of a rendered rule let a request go on once it does not wait any more;
// zero: they do not end it.
func longest(action *routev3.RouteAction) time.Duration {
	if limit := action.GetMaxStreamDuration().GetMaxStreamDuration().AsDuration(); limit > 0 {
		return limit
	}
	if limit := action.GetTimeout().AsDuration(); limit > 0 {
		return limit
	}
	policy := action.GetRetryPolicy()
	attempt := policy.GetPerTryTimeout().AsDuration()
	if attempt == 0 {
		return 0
	}
	retries := float64(0)
	if on := policy.GetRetryOn(); on != "" && on != failoverOn && on != connectRetryOn { // these retry no attempt that took time
		retries = float64(policy.GetNumRetries().GetValue())
	}
	pause := longestPause(policy.GetRetryBackOff())
	// In seconds: a thousand attempts of a year each are more than a Duration holds.
	return time.Duration(min((retries+1)*attempt.Seconds()+retries*pause.Seconds(), 2*maxIdle.Seconds()) * float64(time.Second))
}

// longestPause is the longest pause between two attempts.
func longestPause(backoff *routev3.RetryPolicy_RetryBackOff) time.Duration {
	switch {
	case backoff.GetMaxInterval() != nil:
		return backoff.MaxInterval.AsDuration()
	case backoff.GetBaseInterval() != nil:
		return grown(backoff.BaseInterval.AsDuration())
	default:
		return defaultPause
	}
}

func value(limit *time.Duration) time.Duration {
	if limit == nil {
		return 0
	}
	return *limit
}

// mirrorPolicies copies requests to further clusters; their answers are ignored.
func mirrorPolicies(mirrors []ir.Mirror) ([]*routev3.RouteAction_RequestMirrorPolicy, []string, error) {
	var out []*routev3.RouteAction_RequestMirrorPolicy
	var clusters []string
	for _, mirror := range mirrors {
		unit, ok := map[uint32]typev3.FractionalPercent_DenominatorType{
			100:       typev3.FractionalPercent_HUNDRED,
			10_000:    typev3.FractionalPercent_TEN_THOUSAND,
			1_000_000: typev3.FractionalPercent_MILLION,
		}[mirror.Denominator]
		if !ok {
			return nil, nil, fmt.Errorf("mirror denominator %d", mirror.Denominator)
		}
		name := ClusterName(mirror.Cluster)
		clusters = append(clusters, name)
		out = append(out, &routev3.RouteAction_RequestMirrorPolicy{
			Cluster: name,
			RuntimeFraction: &corev3.RuntimeFractionalPercent{
				DefaultValue: &typev3.FractionalPercent{Numerator: mirror.Numerator, Denominator: unit},
			},
			// The copy keeps its Host: backends route and log by it.
			DisableShadowHostSuffixAppend: true,
		})
	}
	return out, clusters, nil
}
