package trigger

import (
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// words say what a metric is and what its target may be.
type words struct{ meaning, target string }

var metricWords = map[v1alpha1.MetricType]words{
	v1alpha1.RequestRate: {"requests per second, retries not counted", "1 to 1000000000"},
	v1alpha1.Concurrency: {"requests in flight, held ones included", "1 to 1000000000"},
	v1alpha1.TokenRate:   {"weighted tokens per second that models need", "1 to 1000000000, required"},
	v1alpha1.QueueDepth:  {"requests that wait in model servers, and held ones", "1 to 1000000000, required"},
	v1alpha1.KVCache:     {"share of the key-value cache that is in use, the mean of ready Pods", "0.01 to 1, required"},
	v1alpha1.TTFT:        {"time to the first token, quantile 0.9", "duration, 1ms to 1h, required"},
}

// listed has a line for each metric that is served.
func listed(line func(words) string) string {
	var lines []string
	for _, kind := range servedTypes() {
		lines = append(lines, "`"+string(kind)+"`: "+line(metricWords[kind]))
	}
	return strings.Join(lines, "; ")
}

// metricKeys name the metrics that are served.
func metricKeys() []Key {
	names := make([]string, 0, len(kinds))
	for _, kind := range servedTypes() {
		names = append(names, "`"+string(kind)+"`")
	}
	return append([]Key{
		{Name: keyScalingMetric, Section: sectionMetric, Values: either(names), Envoy: true, Meaning: "Required, unless there are " +
			"`scalingMetrics`. " + listed(func(w words) string { return w.meaning }) + "."},
		{Name: keyScalingMetrics, Section: sectionMetric, Values: "comma-separated items `metric:target`", Envoy: true, Ours: true,
			Meaning: "Several metrics of one trigger, in place of `scalingMetric` and `targetValue`: `requestRate:100,concurrency:20`. " +
				"The HPA takes the one that asks for most replicas. Refused for `kedify-envoy-http`."},
		{Name: keyTargetValue, Section: sectionMetric, Values: listed(func(w words) string { return w.target }), Default: "100", Envoy: true,
			Meaning: "Target value of the metric per replica. The default is that of `requestRate` and `concurrency`."},
	}, metricSettings...)
}

var metricSettings = []Key{
	{Name: keyActivationTargetValue, Section: sectionMetric, Values: "0 to 1000000000", Default: "0", Envoy: true, Ours: true,
		Meaning: "The application is kept from zero while the metric exceeds this value. A held request starts it with any value: " +
			"nothing else would ever answer that request. With a value above 0, a few requests that are being answered do not keep it: " +
			"`cooldownPeriod` then begins although they run. Ignored with `scalingMetrics`."},
	{Name: keyWindow, Section: sectionMetric, Values: "duration, 100ms to 1h", Default: "1m", Envoy: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.RequestRate, v1alpha1.TokenRate, v1alpha1.TTFT},
		Meaning: "Time over which a rate is averaged; of metrics of models, at least 1s."},
	{Name: keyGranularity, Section: sectionMetric, Values: "duration, 100ms to `window`", Default: "1s", Envoy: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.RequestRate},
		Meaning: "Steps of the window, at most 3600 of them; the default is the window if that is shorter."},
	{Name: keyConcurrencyAggregation, Section: sectionMetric, Values: "`average`, `peak` or `instant`", Default: "average",
		Envoy: true, Ours: true, Metrics: []v1alpha1.MetricType{v1alpha1.Concurrency},
		Meaning: "How the concurrency of the last 15 s becomes one number: the average over time, the highest " +
			"average of a second, or the current value."},
	{Name: keyExternalProxyMetricKey, Section: sectionMetric, Values: "text", Envoy: true, Meaning: "Count the cluster of this " +
		"name (tag `envoy.cluster_name`) of an Envoy that you run, instead of the product's proxies. Required for `kedify-envoy-http`. " +
		"With `requestRate` and `concurrency` alone."},
}

var modelKeys = []Key{
	{Name: keyOutputTokenWeight, Section: sectionModels, Values: "0 to 1000", Default: string(defaultOutputTokenWeight), Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.TokenRate}, Meaning: "How many input tokens one output token counts as."},
	{Name: keyCachedTokenWeight, Section: sectionModels, Values: "0 to 1", Default: string(defaultCachedTokenWeight), Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.TokenRate}, Meaning: "How many input tokens one counts as that the prefix cache of the " +
			"model had."},
	{Name: keyBurstReserve, Section: sectionModels, Values: "0 to 10", Default: string(defaultBurstReserve), Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.TokenRate}, Meaning: "Standard deviations of the load, in steps of 10 s, that are added to " +
			"its mean. `0`: the mean alone."},
	{Name: keyBurstHistory, Section: sectionModels, Values: "duration, 1m to 1h", Default: "10m", Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.TokenRate}, Meaning: "Time that the standard deviation is taken over."},
	{Name: keyBacklogHorizon, Section: sectionModels, Values: "duration, 1s to 10m", Default: "30s", Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.TokenRate}, Meaning: "Time in which work that waits should be done; at zero replicas, the " +
			"work of held requests divided by it is the whole demand."},
	{Name: keyEngine, Section: sectionModels, Values: "`auto`, `vllm`, `sglang`, `trtllm` or `triton`", Default: "auto", Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.QueueDepth, v1alpha1.KVCache}, Meaning: "Model server, by the names of its metrics. " +
			"`auto`: the first of which an answer has a name."},
	{Name: keyMetricsPort, Section: sectionModels, Values: "1 to 65535", Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.QueueDepth, v1alpha1.KVCache}, Meaning: "Port of the Pods with their metrics. Default: the " +
			"target port of the pool or Service."},
	{Name: keyMetricsPath, Section: sectionModels, Values: "a path", Default: defaultMetricsPath, Ours: true,
		Metrics: []v1alpha1.MetricType{v1alpha1.QueueDepth, v1alpha1.KVCache}, Meaning: "Path of the metrics of Pods, in the text format of " +
			"Prometheus."},
}
