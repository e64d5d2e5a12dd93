package translate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

// ErrWeights says that no target has a weight, or that together they exceed 32 bits.
var ErrWeights = errors.New("sum of weights must be between 1 and 4294967295")

// forward fills a route that sends to weighted targets. It returns the clusters it names.
func forward(route *routev3.Route, f *ir.Forward, match ir.Match) ([]string, error) {
	action := &routev3.RouteAction{}
	split, clusters, err := targets(f)
	if err != nil {
		return nil, err
	}
	action.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: split}
	if slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return t.Invalid }) {
		// The share of an invalid target is sent to a cluster that never exists: 500, as
		// HTTPBackendRef demands, instead of Envoy's 503.
		action.ClusterNotFoundResponseCode = routev3.RouteAction_INTERNAL_SERVER_ERROR
	}
	if err := rewrite(action, f.Filters.Rewrite, match); err != nil {
		return nil, err
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

	if f.Filters.CORS != nil {
		route.TypedPerFilterConfig, err = perFilter(map[string]proto.Message{corsFilter: cors(f.Filters.CORS)})
		if err != nil {
			return nil, err
		}
	}
	route.Action = &routev3.Route_Route{Route: action}
	return clusters, nil
}

// targets renders the backends. One backend is a split as well: the configuration of a
// backend (picker, header changes) then always has the same home.
//
// Requests pass the filters of the rule, then those of the backend; responses the other way
// round.
func targets(f *ir.Forward) (*routev3.WeightedCluster, []string, error) {
	split := &routev3.WeightedCluster{}
	var clusters []string
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
		if !target.Invalid {
			share.Name = ClusterName(target.Cluster)
			clusters = append(clusters, share.Name)
			overrides, asked, err := targetFilters(target)
			if err != nil {
				return nil, nil, err
			}
			share.TypedPerFilterConfig = overrides
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
func targetFilters(target *ir.Target) (overrides map[string]*anypb.Any, clusters []string, err error) {
	overrides = map[string]*anypb.Any{}
	if target.Hold != nil {
		if overrides[holdFilter], err = holdOverride(target); err != nil {
			return nil, nil, err
		}
		clusters = append(clusters, ClusterName(target.Hold.Cluster))
	}
	if target.Cluster.Kind == ir.BackendPool {
		if overrides[routingFilter], err = routingHeadersOverride(); err != nil {
			return nil, nil, err
		}
		if overrides[upgradeFilter], err = refuseUpgrade(); err != nil {
			return nil, nil, err
		}
	}
	if target.Picker != nil {
		if overrides[pickerFilter], err = pickerOverride(target.Picker); err != nil {
			return nil, nil, err
		}
		clusters = append(clusters, ClusterName(target.Picker.Cluster))
	}
	if len(overrides) == 0 {
		return nil, nil, nil
	}
	return overrides, clusters, nil
}

// retries renders the retries of a rule: those that the user asks for, or else those that find a
// Pod that comes and goes, or another way to it.
func retries(action *routev3.RouteAction, f *ir.Forward) (err error) {
	before := uint32(1) // attempts before the ClusterIP is tried
	switch {
	case f.Retry != nil:
		if action.RetryPolicy, err = retryPolicy(f.Retry); err != nil {
			return err
		}
		// The last one: the others go to another endpoint each.
		before = max(1, f.Retry.Attempts)
	case held(f) > 0:
		// Ejected Pods lead to the ClusterIP as well. With every other retry there, a request would
		// miss the Pod that comes next, until the Service leads to it.
		action.RetryPolicy = connectRetryPolicy()
		return nil
	case failsOver(f):
		action.RetryPolicy = failoverPolicy()
	default:
		return nil
	}
	if !sendsToService(f) {
		return nil
	}
	return retryElsewhere(action.RetryPolicy, before)
}

// timeouts renders the limits of a rule. Nothing said means no limit on the whole request
// (Envoy's own default of 15 s would cut every long answer); silence is bounded by the idle
// timeout of the connection manager or of the route.
func timeouts(action *routev3.RouteAction, f *ir.Forward) {
	request, attempt := value(f.Timeouts.Request), value(f.Timeouts.BackendRequest)
	if attempt > 0 && action.RetryPolicy != nil {
		action.RetryPolicy.PerTryTimeout = durationpb.New(attempt)
	} else if attempt > 0 && (request == 0 || attempt < request) {
		// There is one attempt: the limit of the attempt is that of the request.
		request = attempt
	}
	action.Timeout = durationpb.New(request)

	idle := f.Timeouts.Idle
	if idle == nil && slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return t.Picker != nil }) {
		limit := pickerIdle
		idle = &limit
	}
	if patience := held(f); patience > 0 && (idle == nil || *idle > 0 && *idle < patience) {
		// Nothing moves on a request that waits.
		patience = max(patience, streamIdle)
		idle = &patience
	}
	if idle != nil {
		action.IdleTimeout = durationpb.New(*idle)
	}
}

func value(limit *time.Duration) time.Duration {
	if limit == nil {
		return 0
	}
	return *limit
}

// maxBackoffFactor bounds the exponential growth of the pause between attempts.
const maxBackoffFactor = 10

// retryPolicy retries the listed codes and what never was an answer: refused or broken
// connections and attempts that timed out (Gateway API GEP-1731).
func retryPolicy(r *ir.Retry) (*routev3.RetryPolicy, error) {
	elsewhere, err := typedConfig(&previoushostsv3.PreviousHostsPredicate{})
	if err != nil {
		return nil, err
	}
	policy := &routev3.RetryPolicy{
		RetryOn:    "connect-failure,refused-stream,reset,retriable-status-codes",
		NumRetries: wrapperspb.UInt32(r.Attempts),
		// Another endpoint first: the one that just failed is the least promising. (Pools go down
		// the picker's list.)
		RetryHostPredicate: []*routev3.RetryPolicy_RetryHostPredicate{{
			Name:       "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: elsewhere},
		}},
		HostSelectionRetryMaxAttempts: 3,
	}
	policy.RetriableStatusCodes = append(policy.RetriableStatusCodes, r.Codes...)
	if r.Backoff > 0 {
		policy.RetryBackOff = &routev3.RetryPolicy_RetryBackOff{
			BaseInterval: durationpb.New(r.Backoff),
			MaxInterval:  durationpb.New(maxBackoffFactor * r.Backoff),
		}
	}
	return policy, nil
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
