package trigger

import (
	"strings"
	"testing"
)

// TestMetricRules: what KEDA is told (T02, T15, decisions 16 and 18).
func TestMetricRules(t *testing.T) {
	wantRules(t, []rule{
		{changes{"scalingMetric": "-"}, []string{
			`trigger 0: scalingMetric is missing; use requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft`,
		}},
		{changes{"scalingMetric": "rps"}, []string{
			`trigger 0: scalingMetric "rps" is not known; use requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft`,
		}},
		{changes{"targetValue": "0"}, []string{
			`trigger 0: targetValue "0" is out of range; use 1 to 1000000000`,
		}},
		{changes{"targetValue": "5.5"}, []string{
			`trigger 0: targetValue "5.5" is not a whole number; use 1 to 1000000000`,
		}},
		{changes{"targetValue": "+5"}, []string{
			`trigger 0: targetValue "+5" is not a whole number; use 1 to 1000000000`,
		}},
		{changes{"targetValue": "1000000001"}, []string{
			`trigger 0: targetValue "1000000001" is out of range; use 1 to 1000000000`,
		}},
		{changes{"targetValue": "99999999999999999999"}, []string{
			`trigger 0: targetValue "99999999999999999999" is not a whole number; use 1 to 1000000000`,
		}},
		{changes{"activationTargetValue": "-1"}, []string{
			`trigger 0: activationTargetValue "-1" is out of range; use 0 to 1000000000`,
		}},
		{changes{"window": "60"}, []string{
			`trigger 0: window "60" is not a duration; add the unit, like "60s"`,
		}},
		{changes{"window": "soon"}, []string{
			`trigger 0: window "soon" is not a duration; use a number with a unit, like 500ms, 30s or 1m30s`,
		}},
		{changes{"window": "2h"}, []string{
			`trigger 0: window "2h" is out of range; use 100ms to 1h`,
		}},
		{changes{"window": "50ms"}, []string{
			`trigger 0: window "50ms" is out of range; use 100ms to 1h`,
		}},
		{changes{"granularity": "10ms"}, []string{
			`trigger 0: granularity "10ms" is out of range; use 100ms to 1h`,
		}},
		{changes{"granularity": "2m"}, []string{
			`trigger 0: granularity "2m" is longer than window "1m"; make it 1m or shorter`,
		}},
		{changes{"window": "1h", "granularity": "100ms"}, []string{
			`trigger 0: granularity "100ms" cuts window "1h" into more than 3600 steps; make it 1s or longer`,
		}},
		{changes{"scalingMetric": "concurrency", "window": "junk", "granularity": "1s"}, []string{
			`warning: trigger 0: window has no effect with scalingMetric concurrency; remove it`,
			`warning: trigger 0: granularity has no effect with scalingMetric concurrency; remove it`,
		}},
		{changes{"concurrencyAggregation": "peak"}, []string{
			`warning: trigger 0: concurrencyAggregation has no effect with scalingMetric requestRate; remove it`,
		}},
		{changes{"scalingMetric": "concurrency", "concurrencyAggregation": "max"}, []string{
			`trigger 0: concurrencyAggregation "max" is not known; use average, peak or instant`,
		}},
		{changes{"externalProxyMetricKey": "a\u0001"}, []string{
			`trigger 0: externalProxyMetricKey "a\x01" has characters that cannot be printed; use the name of a cluster of your Envoy`,
		}},
		{changes{"externalProxyMetricKey": strings.Repeat("a", 257)}, []string{
			`trigger 0: externalProxyMetricKey "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"... ` +
				`is longer than 256 bytes; use the name of a cluster of your Envoy`,
		}},
	})
}
