package translate

import (
	"net/http"
	"slices"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	prioritiesv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// unreachableInterval is how often replicas of the control plane are given another chance,
	// backendInterval how often endpoints of applications are: of those a proxy may have thousands.
	unreachableInterval = time.Second
	backendInterval     = 5 * time.Second
	// ejectionTime is how long an endpoint is left alone the first time; it grows by as much each time.
	ejectionTime    = 5 * time.Second
	maxEjectionTime = time.Minute
	// panicPercent keeps endpoints in use when no priority has any that takes connections.
	panicPercent = 1

	// failoverRetries are those of a rule without a policy of the user: from the endpoints to the
	// ClusterIP, and once more, because a Service may lead to a Pod that is ending.
	failoverRetries = 3
	failoverOn      = "connect-failure,refused-stream"
	// What the proxy keeps of a body to send it again. More of it makes no error: the request is sent
	// once. failoverBuffer is for the retries that every rule has, retryBuffer for those that a user
	// asks for. Where requests may be held it is less, because as much of a body is kept while it
	// waits: HeldBuffer and heldRetryBuffer.
	failoverBuffer  = 64 << 10
	retryBuffer     = 64 << 20
	heldRetryBuffer = 16 << 20

	otherPriorityName = "envoy.retry_priorities.previous_priorities"
)

// HeldBuffer is what the proxy keeps of the body of a held request, in bytes, unless HoldBuffer says another number.
const HeldBuffer = 256 << 10

// keptWhileHeld is what the proxy keeps of a body of the rule while it waits. overlaid: the Gateway asks for retries.
func keptWhileHeld(f *ir.Forward, overlaid bool) int {
	if overlaid || f.Retry != nil {
		return heldRetryBuffer
	}
	return HeldBuffer
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
	case waits(f):
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

// maxBackoffFactor bounds the exponential growth of the pause between attempts. A pause of longBackoff and
// more does not grow: ten times the longest that a route can ask for, 45 years, is no duration.
const (
	maxBackoffFactor = 10
	longBackoff      = 24 * time.Hour
)

// grown is the longest pause that follows from the first one.
func grown(pause time.Duration) time.Duration {
	if pause >= longBackoff {
		return pause
	}
	return maxBackoffFactor * pause
}

// Conditions of the retries of a rule (Gateway API GEP-1731). rejectedOn are those under which the backend has not
// processed the request, or says so with a code of the rule. Under brokenOn as well, it may have: the connection
// broke, or the attempt timed out.
const (
	rejectedOn = "connect-failure,refused-stream,reset-before-request,unavailable,retriable-status-codes"
	brokenOn   = rejectedOn + ",reset"
)

// idempotent are the methods of requests that may be processed twice (RFC 9110 9.2.2).
var idempotent = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodTrace}

// idempotentMethods is for the requests of a rule with retries whose methods are idempotent: these are repeated also
// when the backend may have processed them. A rule for one method alone needs no other route.
func idempotentMethods(r *rule, f *ir.Forward, method string) []*rule {
	switch {
	case f.Retry == nil:
		return nil
	case slices.Contains(idempotent, method):
		r.route.GetRoute().GetRetryPolicy().RetryOn = brokenOn
		return nil
	case method != "":
		return nil
	}
	route := proto.Clone(r.route).(*routev3.Route)
	route.Match.Headers = append(route.Match.Headers,
		headerMatch(ir.ValueMatch{Name: ":method", Value: strings.Join(idempotent, "|"), Regex: true}))
	route.GetRoute().GetRetryPolicy().RetryOn = brokenOn
	return []*rule{{path: r.path, route: route}}
}

// retryPolicy retries the listed codes and what a backend has not processed.
func retryPolicy(r *ir.Retry) (*routev3.RetryPolicy, error) {
	elsewhere, err := typedConfig(&previoushostsv3.PreviousHostsPredicate{})
	if err != nil {
		return nil, err
	}
	policy := &routev3.RetryPolicy{
		RetryOn:    rejectedOn,
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
			MaxInterval:  durationpb.New(grown(r.Backoff)),
		}
	}
	return policy, nil
}

// unreachable leaves endpoints that take no connection to others and to the next priority, before
// the control plane has noticed. Answers do not count: an application may answer 503 for reasons
// of its own, and a replica of the control plane that stops, or does not serve this proxy, sends
// calls away with Unavailable on purpose.
func unreachable(interval time.Duration) *clusterv3.OutlierDetection {
	return &clusterv3.OutlierDetection{
		SplitExternalLocalOriginErrors:         true,
		ConsecutiveLocalOriginFailure:          uint32Value(2),
		EnforcingConsecutiveLocalOriginFailure: uint32Value(100),
		EnforcingConsecutive_5Xx:               uint32Value(0),
		EnforcingConsecutiveGatewayFailure:     uint32Value(0),
		EnforcingSuccessRate:                   uint32Value(0),
		EnforcingLocalOriginSuccessRate:        uint32Value(0),
		Interval:                               durationpb.New(interval),
		BaseEjectionTime:                       durationpb.New(ejectionTime),
		MaxEjectionTime:                        durationpb.New(maxEjectionTime),
		MaxEjectionPercent:                     uint32Value(100),
	}
}

// hasClusterIP reports whether the endpoints of a cluster may have the ClusterIP of a Service behind
// them (ir.Endpoints). Not pools: their picker decides which Pod gets a request, and there is no
// Service. Not pickers: they have health checks. Not UDP: no datagram tells whether it was taken.
func hasClusterIP(key ir.ClusterKey) bool {
	return key.Kind == ir.BackendService && !key.Hold && key.Route != ir.RouteUDP
}

// sendsToService reports whether a target of a rule may have a ClusterIP.
func sendsToService(f *ir.Forward) bool {
	return slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return !t.Invalid && hasClusterIP(t.Cluster) })
}

// failsOver reports whether the retries of a rule are those of failoverPolicy.
func failsOver(f *ir.Forward) bool {
	picked := slices.ContainsFunc(f.Targets, func(t ir.Target) bool { return t.Picker != nil })
	return f.Retry == nil && !waits(f) && !picked && sendsToService(f)
}

// failoverPolicy retries what no endpoint has got, at the ClusterIP.
func failoverPolicy() *routev3.RetryPolicy {
	return &routev3.RetryPolicy{
		RetryOn:    failoverOn,
		NumRetries: wrapperspb.UInt32(failoverRetries),
	}
}

// fitRetries fits a route to its retries, after the fields of the user were laid over it. Retries of the
// user go to other Pods first, and the last one to the ClusterIP.
func fitRetries(route *routev3.Route, f *ir.Forward, overlaid bool) error {
	policy := route.GetRoute().GetRetryPolicy()
	switch {
	case policy.GetRetryOn() == "":
		return nil
	case waits(f):
		route.RequestBodyBufferLimit = wrapperspb.UInt64(uint64(keptWhileHeld(f, overlaid)))
	case overlaid || f.Retry != nil:
		route.RequestBodyBufferLimit = wrapperspb.UInt64(retryBuffer)
	default:
		route.RequestBodyBufferLimit = wrapperspb.UInt64(failoverBuffer)
	}
	if !overlaid || !failsOver(f) {
		return nil
	}
	return retryElsewhere(policy, max(1, policy.GetNumRetries().GetValue()))
}

// retryElsewhere has retries use another priority than the attempts before them, after as many of them.
func retryElsewhere(policy *routev3.RetryPolicy, attempts uint32) error {
	config, err := typedConfig(otherPriority(attempts))
	if err != nil {
		return err
	}
	policy.RetryPriority = &routev3.RetryPolicy_RetryPriority{
		Name: otherPriorityName, ConfigType: &routev3.RetryPolicy_RetryPriority_TypedConfig{TypedConfig: config},
	}
	return nil
}

func otherPriority(attempts uint32) *prioritiesv3.PreviousPrioritiesConfig {
	return &prioritiesv3.PreviousPrioritiesConfig{UpdateFrequency: int32(attempts)}
}
