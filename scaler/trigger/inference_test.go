package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// TestServed: a metric is accepted that is served and refused by name otherwise, alone and among several, and its keys are known
// then and not before.
func TestServed(t *testing.T) {
	fields := map[v1alpha1.MetricType]string{v1alpha1.KVCache: "0.7", v1alpha1.TTFT: "2s"}
	for _, kind := range metric.Kinds() {
		name, target := string(kind.Type), fields[kind.Type]
		if target == "" {
			target = "5"
		}
		for _, c := range []changes{
			{"scalingMetric": name, "targetValue": target},
			{"scalingMetric": "-", "scalingMetrics": name + ":" + target},
		} {
			errors := messages(Errors(Parse(shop(httpTrigger(c)), ourAddress).Problems))
			switch {
			case kind.Served && len(errors) > 0:
				t.Errorf("%v is served and refused: %q", c, errors)
			case !kind.Served && (len(errors) != 1 || !strings.Contains(errors[0], `"`+name+`" is not served by this version; use requestRate`)):
				t.Errorf("%v is not served: %q", c, errors)
			}
		}
	}
}

// TestInferenceRules: what triggers are told about metrics of models.
func TestInferenceRules(t *testing.T) {
	serveAll(t)
	const all = "requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft"
	tokens := func(c changes) changes {
		if c["scalingMetric"] == "" {
			c["scalingMetric"], c["targetValue"] = "tokenRate", "3500"
		}
		return c
	}
	wantRules(t, []rule{
		{changes{"scalingMetric": "tokens"}, []string{`trigger 0: scalingMetric "tokens" is not known; use ` + all}},
		{changes{"scalingMetric": "tokenRate"}, []string{
			`trigger 0: targetValue is missing: tokenRate has no default; write the weighted tokens per second that one replica manages`,
		}},
		{changes{"scalingMetric": "kvCache"}, []string{
			`trigger 0: targetValue is missing: kvCache has no default; write the share of the cache that may be in use, like 0.7`,
		}},
		{changes{"scalingMetric": "kvCache", "targetValue": "70"}, []string{`trigger 0: targetValue "70" is out of range; use 0.01 to 1`}},
		{changes{"scalingMetric": "kvCache", "targetValue": "0.001"}, []string{
			`trigger 0: targetValue "0.001" is out of range; use 0.01 to 1`,
		}},
		{changes{"scalingMetric": "kvCache", "targetValue": "7e-1"}, []string{
			`trigger 0: targetValue "7e-1" is not a decimal number; use 0.01 to 1, with at most six digits after the point`,
		}},
		{changes{"scalingMetric": "kvCache", "targetValue": "0.7", "activationTargetValue": "1", "window": "9s"}, []string{
			`warning: trigger 0: activationTargetValue has no effect with scalingMetric kvCache; remove it`,
			`warning: trigger 0: window has no effect with scalingMetric kvCache; remove it`,
		}},
		{tokens(changes{"activationTargetValue": "50", "engine": "vllm", "granularity": "2s"}), []string{
			`warning: trigger 0: granularity has no effect with scalingMetric tokenRate; remove it`,
			`warning: trigger 0: engine has no effect with scalingMetric tokenRate; remove it`,
		}},
		{changes{"burstReserve": "1"}, []string{`warning: trigger 0: burstReserve has no effect with scalingMetric requestRate; remove it`}},
		{tokens(changes{"outputTokenWeight": "-1"}), []string{
			`trigger 0: outputTokenWeight "-1" is not a decimal number; use 0 to 1000, with at most six digits after the point`,
		}},
		{tokens(changes{"cachedTokenWeight": "1.1"}), []string{`trigger 0: cachedTokenWeight "1.1" is out of range; use 0 to 1`}},
		{tokens(changes{"burstReserve": "11"}), []string{`trigger 0: burstReserve "11" is out of range; use 0 to 10`}},
		{tokens(changes{"burstHistory": "30s"}), []string{`trigger 0: burstHistory "30s" is out of range; use 1m to 1h`}},
		{tokens(changes{"backlogHorizon": "0s"}), []string{`trigger 0: backlogHorizon "0s" is out of range; use 1s to 10m`}},
		{tokens(changes{"window": "500ms"}), []string{`trigger 0: window "500ms" is out of range; use 1s to 1h`}},
		{tokens(changes{"externalProxyMetricKey": "edge"}), []string{
			`trigger 0: scalingMetric tokenRate does not go with externalProxyMetricKey: an Envoy of your own counts requests alone; ` +
				`use requestRate or concurrency`,
		}},
		{tokens(changes{"tlsMode": "passthrough"}), []string{
			`trigger 0: tlsMode passthrough does not go with scalingMetric tokenRate: the proxy sees encrypted bytes; ` +
				`use reencrypt or another metric`,
		}},
		{changes{"scalingMetric": "ttft", "targetValue": "2"}, []string{
			`trigger 0: targetValue "2" is not a duration; add the unit, like "2s"`,
			`warning: trigger 0: scalingMetric ttft alone: replicas are added only after answers were late; add tokenRate with scalingMetrics`,
		}},
		{changes{"scalingMetric": "queueDepth", "targetValue": "5", "metricsPort": "0", "metricsPath": "m", "engine": "llama"}, []string{
			`trigger 0: engine "llama" is not known; use auto, vllm, sglang, trtllm or triton`,
			`trigger 0: metricsPath "m" is not a path; use one like /metrics, of printable ASCII without ?, #, % and \`,
			`trigger 0: metricsPort "0" is out of range; use 1 to 65535`,
			`warning: trigger 0: scalingMetric queueDepth alone with minReplicaCount 0: no request waits while there are enough replicas, ` +
				`so they go to the minimum, and then requests wait until new ones have started; add tokenRate with scalingMetrics, ` +
				`or set minReplicaCount to 2 or more`,
		}},
		{changes{"scalingMetric": "kvCache", "targetValue": "1", "metricsPath": "/" + strings.Repeat("a", 256)}, []string{
			`trigger 0: metricsPath "/` + strings.Repeat("a", 79) + `"... is longer than 256 bytes; use a path like /metrics`,
		}},
	})
}

// TestSeveralRules: what triggers are told about several metrics.
func TestSeveralRules(t *testing.T) {
	serveAll(t)
	several := func(list string, more changes) changes {
		c := changes{"scalingMetric": "-", "scalingMetrics": list}
		for key, value := range more {
			c[key] = value
		}
		return c
	}
	wantRules(t, []rule{
		{changes{"scalingMetrics": "ttft:2s", "targetValue": "5"}, []string{
			`trigger 0: scalingMetric does not go with scalingMetrics, which has names and targets of its own; remove one of the two`,
			`trigger 0: targetValue does not go with scalingMetrics, which has names and targets of its own; remove one of the two`,
		}},
		{several("tokenRate:1,tokens:2", nil), []string{
			`trigger 0: scalingMetrics "tokens" is not known; use requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft`,
		}},
		{several("tokenRate:1,tokenRate:2", nil), []string{`trigger 0: scalingMetrics names tokenRate twice; remove one`}},
		{several("tokenRate,kvCache:0.7", nil), []string{`trigger 0: scalingMetrics item "tokenRate" has no target; write tokenRate:target`}},
		{several("tokenRate:0.5,ttft:0s", nil), []string{
			`trigger 0: scalingMetrics tokenRate "0.5" is not a whole number; use 1 to 1000000000`,
			`trigger 0: scalingMetrics ttft "0s" is out of range; use 1ms to 1h`,
		}},
		{several("kvCache:0.7,queueDepth:5", changes{"window": "1m", "activationTargetValue": "5", "engine": "triton"}), []string{
			`warning: trigger 0: activationTargetValue has no effect with scalingMetrics kvCache and queueDepth; remove it`,
			`warning: trigger 0: window has no effect with scalingMetrics kvCache and queueDepth; remove it`,
		}},
		{several("kvCache:0.7,queueDepth:5", changes{"metricsPort": "x"}), []string{
			`trigger 0: metricsPort "x" is not a whole number; use 1 to 65535`,
		}},
		{several("requestRate:5,tokenRate:50", changes{"externalProxyMetricKey": "edge"}), []string{
			`trigger 0: scalingMetrics tokenRate does not go with externalProxyMetricKey: an Envoy of your own counts requests alone; ` +
				`use requestRate or concurrency`,
		}},
		{several("requestRate:5,concurrency:2", changes{"externalProxyMetricKey": "edge"}), nil},
	})
	envoy := shop(envoyTrigger("edge"))
	envoy.Min = ptr[int32](1)
	delete(envoy.Triggers[0].Metadata, "scalingMetric")
	delete(envoy.Triggers[0].Metadata, "targetValue")
	envoy.Triggers[0].Metadata["scalingMetrics"] = "requestRate:5,concurrency:5"
	wantMessages(t, Parse(envoy, ourAddress).Problems,
		`trigger 0: scalingMetrics does not go with kedify-envoy-http; write a trigger with scalingMetric for each metric`)
}

// TestMetricType: a level is given to KEDA times the ready replicas, so HPAs may not multiply it once more.
func TestMetricType(t *testing.T) {
	serveAll(t)
	object := shop(httpTrigger(changes{"scalingMetric": "-", "scalingMetrics": "tokenRate:3500,kvCache:0.7"}))
	object.Triggers[0].MetricType = "Value"
	wantMessages(t, Parse(object, ourAddress).Problems, `trigger 0: metricType "Value" does not go with kvCache: KEDA gets it times the `+
		`ready replicas, because the metrics of a trigger have one metricType; use AverageValue, or leave it out`)
}

// TestLevelsOfOtherKinds: the ready replicas of a target of any kind are not known.
func TestLevelsOfOtherKinds(t *testing.T) {
	serveAll(t)
	object := shop(httpTrigger(changes{"scalingMetric": "-", "scalingMetrics": "tokenRate:3500,kvCache:0.7,ttft:2s"}))
	object.Target.APIVersion, object.Target.Kind = "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"
	const why = ` does not go with a target of kind LeaderWorkerSet: KEDA gets it times the ready replicas, which are known of ` +
		`Deployments, StatefulSets and Argo Rollouts; use another metric`
	wantMessages(t, Parse(object, ourAddress).Problems, "trigger 0: scalingMetrics kvCache"+why, "trigger 0: scalingMetrics ttft"+why)
	object.Triggers[0].Metadata["scalingMetrics"] = "tokenRate:3500,queueDepth:5"
	wantMessages(t, Parse(object, ourAddress).Problems)
	object.Triggers[0].Metadata["scalingMetrics"] = "kvCache:0.7,queueDepth:5"
	for _, known := range []v1alpha1.HTTPScalerTarget{{}, {APIVersion: "apps/v1", Kind: "StatefulSet"},
		{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout"}} {
		object.Target = known
		wantMessages(t, Parse(object, ourAddress).Problems)
	}
}

// TestSeveralMetricsUnderAFormula: KEDA has one value for each trigger there.
func TestSeveralMetricsUnderAFormula(t *testing.T) {
	object := shop(named("web", httpTrigger(changes{"scalingMetric": "-", "scalingMetrics": "requestRate:5,concurrency:2"})))
	object.Formula = true
	wantMessages(t, Parse(object, ourAddress).Problems, `trigger "web": scalingMetrics of 2 metrics does not go with a formula in `+
		`scalingModifiers: KEDA hands a formula one value for each trigger, which would be that of any of them; use scalingMetric, `+
		`or remove the formula`)
	object.Triggers[0].Metadata["scalingMetrics"] = "requestRate:5"
	wantMessages(t, Parse(object, ourAddress).Problems)
}

// TestQueueDepthFloor: two replicas that never go are a queue that is short enough to see.
func TestQueueDepthFloor(t *testing.T) {
	serveAll(t)
	object := shop(httpTrigger(changes{"scalingMetric": "queueDepth", "targetValue": "5"}))
	object.Min = ptr[int32](2)
	wantMessages(t, Parse(object, ourAddress).Problems)
}

// TestInferenceSpec: what metadata of models turn into.
func TestInferenceSpec(t *testing.T) {
	serveAll(t)
	tokens := func() *v1alpha1.TokenRateMetric {
		return &v1alpha1.TokenRateMetric{Window: seconds(60), OutputTokenWeight: "7", CachedTokenWeight: "0.1", BurstReserve: "1",
			BurstHistory: seconds(600), BacklogHorizon: seconds(30)}
	}
	pods := v1alpha1.PodMetrics{Engine: "auto", Path: "/metrics"}
	for name, c := range map[string]struct {
		metadata changes
		want     []v1alpha1.HTTPScalerMetric
	}{
		"tokens": {changes{"scalingMetric": "tokenRate", "targetValue": "3500"},
			[]v1alpha1.HTTPScalerMetric{{Type: "tokenRate", Target: 3500, TokenRate: tokens()}}},
		"a point without digits": {
			changes{"scalingMetric": "tokenRate", "targetValue": "1", "outputTokenWeight": "06.70", "cachedTokenWeight": "0.0",
				"burstReserve": "2.", "activationTargetValue": "9"}, nil},
		"weights": {
			changes{"scalingMetric": "tokenRate", "targetValue": "1", "outputTokenWeight": "06.70", "cachedTokenWeight": "0.0",
				"burstReserve": "10", "activationTargetValue": "9", "burstHistory": "1h", "backlogHorizon": "5s", "window": "30s"},
			[]v1alpha1.HTTPScalerMetric{{Type: "tokenRate", Target: 1, ActivationTarget: 9, TokenRate: &v1alpha1.TokenRateMetric{
				Window: seconds(30), OutputTokenWeight: "6.7", CachedTokenWeight: "0", BurstReserve: "10",
				BurstHistory: seconds(3600), BacklogHorizon: seconds(5)}}}},
		"several": {
			changes{"scalingMetric": "-", "scalingMetrics": "tokenRate: 3500, kvCache:0.70,ttft:1.5s,queueDepth:4", "metricsPort": "8000"},
			[]v1alpha1.HTTPScalerMetric{
				{Type: "tokenRate", Target: 3500, TokenRate: tokens()},
				{Type: "kvCache", KVCache: &v1alpha1.KVCacheMetric{Target: "0.7",
					Pods: v1alpha1.PodMetrics{Engine: "auto", Path: "/metrics", Port: ptr[int32](8000)}}},
				{Type: "ttft", TTFT: &v1alpha1.TTFTMetric{Target: seconds(1.5), Quantile: "0.9", Window: seconds(60)}},
				{Type: "queueDepth", Target: 4, QueueDepth: &v1alpha1.QueueDepthMetric{
					Pods: v1alpha1.PodMetrics{Engine: "auto", Path: "/metrics", Port: ptr[int32](8000)}}},
			}},
		"queue": {changes{"scalingMetric": "queueDepth", "targetValue": "5"},
			[]v1alpha1.HTTPScalerMetric{{Type: "queueDepth", Target: 5, QueueDepth: &v1alpha1.QueueDepthMetric{Pods: pods}}}},
	} {
		t.Run(name, func(t *testing.T) {
			object := shop(httpTrigger(c.metadata))
			if c.want == nil {
				if len(Errors(Parse(object, ourAddress).Problems)) == 0 {
					t.Error("accepted")
				}
				return
			}
			spec := accepted(t, object)
			if diff := cmp.Diff(c.want, spec.Metrics()); diff != "" {
				t.Errorf("metrics (- want, + got):\n%s", diff)
			}
		})
	}
}
