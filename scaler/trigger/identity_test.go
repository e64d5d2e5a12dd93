package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

func TestScalerName(t *testing.T) {
	long := strings.Repeat("a", 60)
	for _, c := range []struct{ object, trigger, want string }{
		{"shop", "", "shop-0"},
		{"shop", "alpha", "shop-alpha"},
		{"shop.v2", "alpha", "shop.v2-alpha"},
		{"shop", "blue-green", "shop-blue-green-" + hashOf(t, "shop", "blue-green")},
		{"shop", "Alpha", "shop-alpha-" + hashOf(t, "shop", "Alpha")},
		{"shop", "a_b c", "shop-a-b-c-" + hashOf(t, "shop", "a_b c")},
		{"shop", "ü", "shop-" + hashOf(t, "shop", "ü")},
		{long, "ab", long + "-ab"},
		{long, "abc", long[:52] + "-" + hashOf(t, long, "abc")},
		{long[:51] + ".b", "abcdefghijkl", long[:51] + "-" + hashOf(t, long[:51]+".b", "abcdefghijkl")},
	} {
		if got := ScalerName(c.object, c.trigger); got != c.want {
			t.Errorf("ScalerName(%q, %q) = %q, want %q", c.object, c.trigger, got, c.want)
		}
	}
}

// hashOf is the hash that a name ends with; the test above says where it is, the one below
// that it differs.
func hashOf(t *testing.T, object, trigger string) string {
	t.Helper()
	name := ScalerName(object, trigger)
	if len(name) < hashDigits {
		t.Fatalf("name %q has no hash", name)
	}
	return name[len(name)-hashDigits:]
}

// TestNamesDiffer: no two triggers of a namespace share a name.
func TestNamesDiffer(t *testing.T) {
	long := strings.Repeat("a", 253)
	of := map[string][2]string{}
	for _, object := range []string{"a", "a-b", "a-b-c", "a.b", "b", "a-0", "a0", long, long[:252] + "b"} {
		for _, trigger := range []string{"", "a", "b", "c", "b-c", "b_c", "B-C", "B_C", "-", "_", "0-0", "A", "ä", "ö", "a.b", long, long + "b"} {
			name := ScalerName(object, trigger)
			if other, found := of[name]; found {
				t.Errorf("%q is the name of %q and %q", name, other, [2]string{object, trigger})
			}
			of[name] = [2]string{object, trigger}
		}
	}
}

// FuzzScalerName: every name is one that objects and labels may have.
func FuzzScalerName(f *testing.F) {
	f.Add("shop", "")
	f.Add("", "")
	f.Add("shop.v2", "blue-green")
	f.Add(strings.Repeat("a.", 40), strings.Repeat("Ä", 40))
	f.Fuzz(func(t *testing.T, object, trigger string) {
		name := ScalerName(object, trigger)
		if len(validation.IsDNS1123Subdomain(name)) > 0 || len(validation.IsValidLabelValue(name)) > 0 {
			t.Errorf("ScalerName(%q, %q) = %q", object, trigger, name)
		}
		if again := ScalerName(object, trigger); again != name {
			t.Errorf("%q and %q", name, again)
		}
	})
}

// TestIdentity: KEDA's metadata finds the trigger among those of its object, and no other.
func TestIdentity(t *testing.T) {
	object := shop(
		named("a", httpTrigger(changes{"hosts": "a.test,B.test", "pathPrefixes": "/y/,/x"})),
		named("b", httpTrigger(changes{"hosts": "a.test"})),
		named("c", httpTrigger(changes{"headers": "[{name: A, value: x}, {name: b}]"})),
		named("d", httpTrigger(changes{"headers": "[{name: a, valueRegex: x}]"})),
		named("e", envoyTrigger("edge")),
		named("f", httpTrigger(changes{"hosts": "a.test", "model": "red,blue-*"})),
		named("g", httpTrigger(changes{"hosts": "a.test", "model": "green"})),
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

// TestIdentityOfBefore: the identity of a trigger without the newer keys is what it was, so that what KEDA asked for before an upgrade is found.
func TestIdentityOfBefore(t *testing.T) {
	const want = `kedify-http ["a.test" "b.test"] ["/x"] a="1"`
	got := IdentityOf(metadata(changes{"hosts": "b.test,a.test", "pathPrefixes": "/x", "headers": "[{name: a, value: '1'}]"}))
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestParseMetadata: the metric alone is read, in spite of mistakes in other keys.
func TestParseMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		metadata map[string]string
		want     v1alpha1.HTTPScalerMetric
		problems []string
	}{
		"whole trigger": {
			metadata(changes{"targetValue": "5", "window": "10s", "scalerAddress": ourAddress, "originalType": "kedify-http"}),
			v1alpha1.HTTPScalerMetric{Type: "requestRate", Target: 5,
				RequestRate: &v1alpha1.RequestRateMetric{Window: seconds(10), Granularity: seconds(1)}}, nil,
		},
		"other keys are not looked at": {
			map[string]string{"scalingMetric": "concurrency", "hosts": "a:b", "port": "x", "foo": ""},
			v1alpha1.HTTPScalerMetric{Type: "concurrency", Target: 100, Concurrency: &v1alpha1.ConcurrencyMetric{Aggregation: "average"}}, nil,
		},
		"nothing": {
			nil, v1alpha1.HTTPScalerMetric{Target: 100},
			[]string{"trigger 0: scalingMetric is missing; use requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft"},
		},
		"wrong": {
			map[string]string{"scalingMetric": "requestRate", "targetValue": "0"},
			v1alpha1.HTTPScalerMetric{Type: "requestRate", Target: 100,
				RequestRate: &v1alpha1.RequestRateMetric{Window: seconds(60), Granularity: seconds(1)}},
			[]string{`trigger 0: targetValue "0" is out of range; use 1 to 1000000000`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := ParseMetadata(c.metadata)
			wantMessages(t, problems, c.problems...)
			if diff := cmp.Diff([]v1alpha1.HTTPScalerMetric{c.want}, got); diff != "" {
				t.Errorf("metric (- want, + got):\n%s", diff)
			}
		})
	}
}
