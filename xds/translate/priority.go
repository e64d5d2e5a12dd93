package translate

import (
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	prioritiesv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"
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
	// failoverBuffer bounds what the proxy keeps of a body to send it again. The retries of a user
	// have no bound but that of the connection (1 MiB).
	failoverBuffer = 64 << 10

	otherPriorityName = "envoy.retry_priorities.previous_priorities"
)

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
	return f.Retry == nil && held(f) == 0 && !picked && sendsToService(f)
}

// failoverPolicy retries what no endpoint has got, at the ClusterIP.
func failoverPolicy() *routev3.RetryPolicy {
	return &routev3.RetryPolicy{
		RetryOn:    failoverOn,
		NumRetries: wrapperspb.UInt32(failoverRetries),
	}
}

// fitRetries fits a route to its retries, after the fields of the user were laid over it. Of a body no
// more is kept than the proxy's own retries need; retries of the user go to other Pods first, and the
// last one to the ClusterIP.
func fitRetries(route *routev3.Route, f *ir.Forward) error {
	policy := route.GetRoute().GetRetryPolicy()
	if !failsOver(f) {
		return nil
	}
	if policy.GetRetryOn() == failoverOn {
		route.RequestBodyBufferLimit = wrapperspb.UInt64(failoverBuffer)
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
