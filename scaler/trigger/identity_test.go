package trigger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestIdentity: KEDA's metadata finds the trigger among those of its object, and no other.
func TestIdentity(t *testing.T) {
	object := shop(
		named("a", httpTrigger(changes{"hosts": "a.test,B.test", "pathPrefixes": "/y/,/x"})),
		named("b", httpTrigger(changes{"hosts": "a.test"})),
		named("c", httpTrigger(changes{"headers": "[{name: A, value: x}, {name: b}]"})),
		named("d", httpTrigger(changes{"headers": "[{name: a, valueRegex: x}]"})),
		named("e", envoyTrigger("edge")),
	)
	object.Min = ptr[int32](1)
	result := Parse(object, ourAddress)
	wantMessages(t, result.Problems)
	for i, parsed := range result.Triggers {
		for j, trigger := range object.Triggers {
			metadata := map[string]string{"scalerAddress": ourAddress, "originalType": trigger.Type}
			for key, value := range trigger.Metadata {
				metadata[key] = value
			}
			if same := Identity(parsed.Spec) == IdentityOf(metadata); same != (i == j) {
				t.Errorf("triggers %d and %d: same %v", i, j, same)
			}
		}
	}
	if a, b := IdentityOf(metadata(changes{"hosts": "a.test,b.test"})), IdentityOf(metadata(changes{"hosts": "b.test, A.test"})); a != b {
		t.Errorf("order matters: %s, %s", a, b)
	}
}

// TestParseMetadata: the metric alone, whatever else is wrong.
func TestParseMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		metadata map[string]string
		want     v1alpha1.HTTPScalerMetric
		problems []string
	}{
		"whole trigger": {
			metadata(changes{"targetValue": "5", "window": "10s", "scalerAddress": ourAddress, "originalType": "kedify-http"}),
			v1alpha1.HTTPScalerMetric{Type: "requestRate", Target: 5, RequestRate: &v1alpha1.RequestRateMetric{Window: seconds(10), Granularity: seconds(1)}}, nil,
		},
		"other keys are not looked at": {
			map[string]string{"scalingMetric": "concurrency", "hosts": "a:b", "port": "x", "foo": ""},
			v1alpha1.HTTPScalerMetric{Type: "concurrency", Target: 100, Concurrency: &v1alpha1.ConcurrencyMetric{Aggregation: "average"}}, nil,
		},
		"nothing": {
			nil, v1alpha1.HTTPScalerMetric{Target: 100},
			[]string{"trigger 0: scalingMetric is missing; use requestRate or concurrency"},
		},
		"wrong": {
			map[string]string{"scalingMetric": "requestRate", "targetValue": "0"},
			v1alpha1.HTTPScalerMetric{Type: "requestRate", Target: 100, RequestRate: &v1alpha1.RequestRateMetric{Window: seconds(60), Granularity: seconds(1)}},
			[]string{`trigger 0: targetValue "0" is out of range; use 1 to 1000000000`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := ParseMetadata(c.metadata)
			wantMessages(t, problems, c.problems...)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("metric (- want, + got):\n%s", diff)
			}
		})
	}
}
