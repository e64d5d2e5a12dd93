package trigger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

func envoyTrigger(key string) Trigger {
	return Trigger{Type: "kedify-envoy-http", Metadata: map[string]string{
		"scalingMetric": "requestRate", "targetValue": "10", "externalProxyMetricKey": key,
	}}
}

// TestEnvoyHTTP: an Envoy of the user is counted and nothing else (T70).
func TestEnvoyHTTP(t *testing.T) {
	object := shop(envoyTrigger("edge"))
	object.Min = ptr[int32](1)
	want := v1alpha1.HTTPScalerSpec{
		Type: "kedify-envoy-http", ScaledObject: "shop", Trigger: "0", Scale: plain().Scale,
		Metric: v1alpha1.HTTPScalerMetric{
			Type: "requestRate", Target: 10, RequestRate: &v1alpha1.RequestRateMetric{Window: seconds(60), Granularity: seconds(1)},
			ExternalProxyMetricKey: "edge",
		},
	}
	want.Scale.Min = 1
	if diff := cmp.Diff(want, accepted(t, object)); diff != "" {
		t.Errorf("spec (- want, + got):\n%s", diff)
	}
}

func TestEnvoyHTTPRules(t *testing.T) {
	const held = "needs 1 or more, because no request is held in an Envoy of your own"
	for name, c := range map[string]struct {
		change func(*Object)
		want   []string
	}{
		"accepted":   {func(*Object) {}, nil},
		"no minimum": {func(o *Object) { o.Min = nil }, []string{"trigger 0: minReplicaCount is missing; kedify-envoy-http " + held}},
		"minimum 0":  {func(o *Object) { o.Min = ptr[int32](0) }, []string{"trigger 0: minReplicaCount 0 is too low; kedify-envoy-http " + held}},
		"idle 0": {func(o *Object) { o.Idle = ptr[int32](0) }, []string{
			"warning: trigger 0: idleReplicaCount 0 stops the application, and no request is held in an Envoy of your own; remove it",
		}},
		"idle 1": {func(o *Object) { o.Min, o.Idle = ptr[int32](2), ptr[int32](1) }, nil},
		"no key": {func(o *Object) { o.Triggers[0].Metadata["externalProxyMetricKey"] = " " }, []string{
			"trigger 0: externalProxyMetricKey is missing; write the tag envoy.cluster_name of the cluster to count",
		}},
		"no keys": {func(o *Object) { o.Triggers = []Trigger{named("a", envoyTrigger("")), named("b", envoyTrigger(""))} }, []string{
			`trigger "a": externalProxyMetricKey is missing; write the tag envoy.cluster_name of the cluster to count`,
			`trigger "b": externalProxyMetricKey is missing; write the tag envoy.cluster_name of the cluster to count`,
		}},
		"keys of routing": {func(o *Object) {
			o.Triggers[0].Metadata["hosts"], o.Triggers[0].Metadata["holdTimeout"] = "not even:valid", "1m"
		}, []string{
			"warning: trigger 0: holdTimeout has no effect with kedify-envoy-http; remove it",
			"warning: trigger 0: hosts has no effect with kedify-envoy-http; remove it",
		}},
		"one cluster twice": {func(o *Object) {
			o.Triggers = []Trigger{named("a", envoyTrigger("edge")), named("b", envoyTrigger("edge"))}
		}, []string{
			`trigger "b": externalProxyMetricKey: trigger "a" has the requestRate of cluster "edge" already; ` +
				`count another cluster or metric, or remove one`,
		}},
		"one cluster, two metrics": {func(o *Object) {
			b := envoyTrigger("edge")
			b.Metadata["scalingMetric"] = "concurrency"
			o.Triggers = []Trigger{named("a", envoyTrigger("edge")), named("b", b)}
		}, nil},
		"both types": {func(o *Object) {
			o.Triggers = []Trigger{named("a", envoyTrigger("edge")), named("b", httpTrigger(nil))}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			object := shop(envoyTrigger("edge"))
			object.Min = ptr[int32](1)
			c.change(&object)
			wantMessages(t, Parse(object, ourAddress).Problems, c.want...)
		})
	}
}
