package fields

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kedify/inference-gateway/xds/ir/check"
)

const (
	// longest is more than a duration ever has to be, and less than Envoy can count.
	longest = 365 * 24 * time.Hour
	// maxRetries is that of HTTPRoutes, maxChoices a bound on the work of one request.
	maxRetries = 1000
	maxChoices = 100
)

// checkNumbers refuses durations and fractions that Envoy's rules of validation let pass, and Envoy
// itself does not.
func checkNumbers(message protoreflect.Message, path string) (err error) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := path + string(field.Name())
		switch {
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				if err = checkNumbers(value.List().Get(i).Message(), fmt.Sprintf("%s[%d].", name, i)); err != nil {
					return false
				}
			}
		case field.IsList() || field.IsMap():
		case field.Message() != nil:
			if duration, ok := value.Message().Interface().(*durationpb.Duration); ok {
				err = checkDuration(name, duration)
			} else {
				err = checkNumbers(value.Message(), name+".")
			}
		case field.Kind() == protoreflect.DoubleKind && (math.IsNaN(value.Float()) || math.IsInf(value.Float(), 0)):
			err = fmt.Errorf("%s: is not a number", name)
		}
		return err == nil
	})
	return err
}

func checkDuration(name string, duration *durationpb.Duration) error {
	if d := duration.AsDuration(); !duration.IsValid() || d < 0 || d > longest {
		return fmt.Errorf("%s: is not a duration from 0s to %ds", name, int(longest.Seconds()))
	}
	return nil
}

// validated is what Envoy itself requires of a message (its rules of validation).
func validated(message interface{ Validate() error }) error {
	if err := message.Validate(); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "embedded message failed validation | caused by: ", ""))
	}
	return nil
}

func checkRoute(message proto.Message, _ map[string]any) error {
	route := proto.Clone(message).(*routev3.RouteAction)
	if err := checkRetry(route.RetryPolicy); err != nil {
		return fmt.Errorf("retry_policy.%w", err)
	}
	for i, policy := range route.HashPolicy {
		if err := checkHash(policy); err != nil {
			return fmt.Errorf("hash_policy[%d].%w", i, err)
		}
	}
	route.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: "any"} // required, and the product's
	return validated(route)
}

// retryReasons of retry_on. Envoy ignores other words without saying so.
var retryReasons = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx",
	"refused-stream", "retriable-status-codes",
	"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
}

const retriableStatusCodes = "retriable-status-codes"

func checkRetry(policy *routev3.RetryPolicy) error {
	if policy == nil {
		return nil
	}
	reasons := strings.Split(policy.RetryOn, ",")
	for _, reason := range reasons {
		if !slices.Contains(retryReasons, reason) {
			return fmt.Errorf("retry_on: %q is not one of %s", reason, strings.Join(retryReasons, ", "))
		}
	}
	if coded := slices.Contains(reasons, retriableStatusCodes); coded != (len(policy.RetriableStatusCodes) > 0) {
		return fmt.Errorf("retriable_status_codes: and the word %s of retry_on need each other", retriableStatusCodes)
	}
	for _, code := range policy.RetriableStatusCodes {
		if code < 100 || code > 599 {
			return fmt.Errorf("retriable_status_codes: %d is not a status code", code)
		}
	}
	if n := policy.GetNumRetries().GetValue(); n > maxRetries {
		return fmt.Errorf("num_retries: %d is more than %d", n, maxRetries)
	}
	if n := policy.HostSelectionRetryMaxAttempts; n < 0 || n > maxRetries {
		return fmt.Errorf("host_selection_retry_max_attempts: %d is not 0 to %d", n, maxRetries)
	}
	off := policy.RetryBackOff
	if off.GetMaxInterval() != nil && off.MaxInterval.AsDuration() < off.GetBaseInterval().AsDuration() {
		return errors.New("retry_back_off.max_interval: is less than base_interval")
	}
	return nil
}

func checkHash(policy *routev3.RouteAction_HashPolicy) error {
	switch by := policy.PolicySpecifier.(type) {
	case *routev3.RouteAction_HashPolicy_Header_:
		if err := check.HeaderName(by.Header.HeaderName); err != nil {
			return fmt.Errorf("header.header_name: %w", err)
		}
	case *routev3.RouteAction_HashPolicy_Cookie_:
		// A cookie with a ttl is set by the proxy.
		if err := check.HeaderName(by.Cookie.Name); err != nil {
			return fmt.Errorf("cookie.name: %w", err)
		}
		if path := by.Cookie.Path; path != "" && (check.Path(path) != nil || strings.ContainsAny(path, ";,")) {
			return fmt.Errorf("cookie.path: %q is not a path", path)
		}
	case *routev3.RouteAction_HashPolicy_QueryParameter_:
		if by.QueryParameter.Name == "" {
			return errors.New("query_parameter.name: is missing")
		}
	case *routev3.RouteAction_HashPolicy_ConnectionProperties_:
		if !by.ConnectionProperties.SourceIp {
			return errors.New("connection_properties.source_ip: is not true")
		}
	default:
		return errors.New("header, cookie, query_parameter or connection_properties: one is missing")
	}
	return nil
}

func checkCluster(message proto.Message, values map[string]any) error {
	cluster := proto.Clone(message).(*clusterv3.Cluster)
	if _, err := balancing(cluster, values); err != nil {
		return err
	}
	if n := cluster.GetLeastRequestLbConfig().GetChoiceCount().GetValue(); n > maxChoices {
		return fmt.Errorf("least_request_lb_config.choice_count: %d is more than %d", n, maxChoices)
	}
	if ring := cluster.GetRingHashLbConfig(); ring.GetMinimumRingSize() != nil || ring.GetMaximumRingSize() != nil {
		low, high := uint64(1024), uint64(8<<20) // Envoy's defaults
		if ring.MinimumRingSize != nil {
			low = ring.MinimumRingSize.Value
		}
		if ring.MaximumRingSize != nil {
			high = ring.MaximumRingSize.Value
		}
		if low > high {
			return fmt.Errorf("ring_hash_lb_config.minimum_ring_size: %d is more than maximum_ring_size %d", low, high)
		}
	}
	if size := cluster.GetMaglevLbConfig().GetTableSize(); size != nil && !new(big.Int).SetUint64(size.Value).ProbablyPrime(0) {
		return fmt.Errorf("maglev_lb_config.table_size: %d is not a prime number", size.Value)
	}
	if err := checkKeepalive(cluster); err != nil {
		return err
	}
	if err := checkOutliers(cluster.OutlierDetection); err != nil {
		return fmt.Errorf("outlier_detection.%w", err)
	}
	cluster.Name = "any" // required, and the product's
	return validated(cluster)
}

// checkKeepalive refuses what Linux refuses: connections would then fail, one by one.
func checkKeepalive(cluster *clusterv3.Cluster) error {
	keepalive := cluster.GetUpstreamConnectionOptions().GetTcpKeepalive()
	for _, option := range []struct {
		name  string
		value uint32
		most  uint32
	}{
		{"keepalive_probes", keepalive.GetKeepaliveProbes().GetValue(), 127},
		{"keepalive_time", keepalive.GetKeepaliveTime().GetValue(), 32767},
		{"keepalive_interval", keepalive.GetKeepaliveInterval().GetValue(), 32767},
	} {
		if option.value > option.most {
			return fmt.Errorf("upstream_connection_options.tcp_keepalive.%s: %d is more than %d", option.name, option.value, option.most)
		}
	}
	return nil
}

// checkOutliers holds a longest ejection against the shortest, which is 30 s unless set.
func checkOutliers(outliers *clusterv3.OutlierDetection) error {
	base := 30 * time.Second
	if outliers.GetBaseEjectionTime() != nil {
		base = outliers.BaseEjectionTime.AsDuration()
	}
	if most := outliers.GetMaxEjectionTime(); most != nil && most.AsDuration() < base {
		return fmt.Errorf("max_ejection_time: %s is less than base_ejection_time %s", most.AsDuration(), base)
	}
	return nil
}
