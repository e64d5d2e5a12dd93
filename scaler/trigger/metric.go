package trigger

import (
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	defaultTarget = 100
	// maxTarget keeps every sum of metrics far from where floats lose units.
	maxTarget = 1_000_000_000

	defaultWindow      = time.Minute
	maxWindow          = time.Hour
	defaultGranularity = time.Second
	minGranularity     = 100 * time.Millisecond
	// maxSteps bounds the memory of a window.
	maxSteps = 3600

	maxExternalKey = 256
)

// ParseMetadata takes the metrics of scalerMetadata, the whole metadata of a trigger as KEDA
// hands it to its scaler, so that KEDA can be answered before the object is known. It looks at
// no other key. There is at least one metric; with an error among the problems none is usable.
func ParseMetadata(metadata map[string]string) ([]v1alpha1.HTTPScalerMetric, []Problem) {
	r := metadataReader(metadata)
	metrics := r.metrics()
	return metrics, r.problems
}

// metadataReader reads metadata without an object around it.
func metadataReader(metadata map[string]string) *reader {
	return newReader(Object{Triggers: []Trigger{{Type: typeExternalPush, Metadata: metadata}}}, 0, "")
}

// metrics returns those of the trigger, in its order, at least one.
func (r *reader) metrics() []v1alpha1.HTTPScalerMetric {
	var metrics []v1alpha1.HTTPScalerMetric
	if r.text(r.metricsKey()) == "" {
		r.refuse(keyScalingMetric, "scalingMetric is missing; use %s", either(texts(servedTypes())))
		metrics = []v1alpha1.HTTPScalerMetric{{Target: r.whole(keyTargetValue, 1, maxTarget, defaultTarget)}}
	} else if r.metricsKey() == keyScalingMetrics {
		metrics = r.several()
	} else {
		metrics = []v1alpha1.HTTPScalerMetric{r.single()}
	}
	metrics[0].ActivationTarget = r.activationTarget(metrics)
	metrics[0].ExternalProxyMetricKey = r.externalKey()
	if r.refused(keyScalingMetric, keyScalingMetrics) {
		return metrics
	}
	r.ignoreKeysOfOthers(metrics)
	if metrics[0].ExternalProxyMetricKey != "" || r.kind == v1alpha1.TriggerEnvoyHTTP {
		r.countedElsewhere(metrics)
	}
	return metrics
}

// metricsKey is the key that names the metrics.
func (r *reader) metricsKey() string {
	if r.text(keyScalingMetrics) != "" {
		return keyScalingMetrics
	}
	return keyScalingMetric
}

// single reads scalingMetric with targetValue.
func (r *reader) single() v1alpha1.HTTPScalerMetric {
	word := r.text(keyScalingMetric)
	metric := r.metricOf(r.metricType(keyScalingMetric, word))
	if target := r.at(keyTargetValue); metric.Type != "" || !isMetric(v1alpha1.MetricType(word)) {
		r.target(&metric, target)
	}
	return metric
}

// several reads scalingMetrics.
func (r *reader) several() []v1alpha1.HTTPScalerMetric {
	for _, key := range []string{keyScalingMetric, keyTargetValue} {
		if r.text(key) != "" {
			r.refuse(key, "%s does not go with scalingMetrics, which has names and targets of its own; remove one of the two", key)
		}
	}
	var metrics []v1alpha1.HTTPScalerMetric
	has := map[v1alpha1.MetricType]bool{}
	for _, item := range r.list(keyScalingMetrics, len(kinds), func(item string) string { return item }) {
		name, target, _ := strings.Cut(item, ":")
		name, target = strings.TrimSpace(name), strings.TrimSpace(target)
		kind := r.metricType(keyScalingMetrics, name)
		switch {
		case kind == "":
			continue
		case has[kind]:
			r.refuse(keyScalingMetrics, "scalingMetrics names %s twice; remove one", kind)
			continue
		case target == "":
			r.refuse(keyScalingMetrics, "scalingMetrics item %s has no target; write %s:target", quote(item), kind)
		}
		has[kind] = true
		metric := r.metricOf(kind)
		r.target(&metric, value{key: keyScalingMetrics, name: keyScalingMetrics + " " + name, text: target})
		metrics = append(metrics, metric)
	}
	if len(metrics) == 0 {
		return []v1alpha1.HTTPScalerMetric{{Target: defaultTarget}}
	}
	return metrics
}

// metricType returns one that is served; empty: the word is none.
func (r *reader) metricType(key, word string) v1alpha1.MetricType {
	kind := v1alpha1.MetricType(word)
	switch {
	case served(kind):
		return kind
	case isMetric(kind):
		r.refuse(key, "%s %s is not served by this version; use %s", key, quote(word), either(texts(servedTypes())))
	default:
		r.refuse(key, "%s %s is not known; use %s", key, quote(word), either(texts(servedTypes())))
	}
	return ""
}

// metricOf returns a metric with its block and without its target.
func (r *reader) metricOf(kind v1alpha1.MetricType) v1alpha1.HTTPScalerMetric {
	metric := v1alpha1.HTTPScalerMetric{Type: kind}
	switch kind {
	case v1alpha1.RequestRate:
		metric.RequestRate = r.requestRate()
	case v1alpha1.Concurrency:
		metric.Concurrency = &v1alpha1.ConcurrencyMetric{Aggregation: choice(r, keyConcurrencyAggregation,
			v1alpha1.AggregationAverage, v1alpha1.AggregationAverage, v1alpha1.AggregationPeak, v1alpha1.AggregationInstant)}
	case v1alpha1.TokenRate:
		metric.TokenRate = r.tokenRate()
	case v1alpha1.QueueDepth:
		metric.QueueDepth = &v1alpha1.QueueDepthMetric{Pods: r.podMetrics()}
	case v1alpha1.KVCache:
		metric.KVCache = &v1alpha1.KVCacheMetric{Pods: r.podMetrics()}
	case v1alpha1.TTFT:
		metric.TTFT = r.ttft()
	}
	return metric
}

// target sets that of a metric. Only the metrics of requests have a default.
func (r *reader) target(of *v1alpha1.HTTPScalerMetric, v value) {
	hint := targetHints[of.Type]
	if v.text == "" && hint != "" && !r.refused(v.key) {
		r.refuse(v.key, "%s is missing: %s has no default; %s", v.name, of.Type, hint)
	}
	switch of.Type {
	case v1alpha1.KVCache:
		of.KVCache.Target = r.decimalOf(v, minShare, 1, "")
	case v1alpha1.TTFT:
		of.TTFT.Target = metav1.Duration{Duration: r.durationOf(v, minTTFT, maxTTFT, 0)}
	default:
		of.Target = r.wholeOf(v, 1, maxTarget, defaultTarget)
	}
}

// activationTarget is compared with traffic alone, so metrics of other sources have none.
func (r *reader) activationTarget(metrics []v1alpha1.HTTPScalerMetric) int64 {
	switch metrics[0].Type {
	case v1alpha1.QueueDepth, v1alpha1.KVCache, v1alpha1.TTFT:
		r.ignore(keyActivationTargetValue, "with "+r.chosen(metrics))
		return 0
	default:
	}
	if len(metrics) > 1 {
		r.ignore(keyActivationTargetValue, "with "+r.chosen(metrics))
		return 0
	}
	return r.whole(keyActivationTargetValue, 0, maxTarget, 0)
}

// ignoreKeysOfOthers warns of keys that none of the metrics reads.
func (r *reader) ignoreKeysOfOthers(metrics []v1alpha1.HTTPScalerMetric) {
	for _, key := range Keys() {
		if len(key.Metrics) > 0 && key.readBy(r.kind) && !key.readWith(metrics) {
			r.ignore(key.Name, "with "+r.chosen(metrics))
		}
	}
}

// chosen are the metrics as messages call them.
func (r *reader) chosen(metrics []v1alpha1.HTTPScalerMetric) string {
	var names []string
	for _, metric := range metrics {
		names = append(names, string(metric.Type))
	}
	return r.metricsKey() + " " + strings.Join(names, " and ")
}

// requestRate has a window and its steps. A default never contradicts what is written.
func (r *reader) requestRate() *v1alpha1.RequestRateMetric {
	window := r.duration(keyWindow, minGranularity, maxWindow, defaultWindow)
	granularity := r.duration(keyGranularity, minGranularity, maxWindow, min(defaultGranularity, window))
	switch {
	case r.refused(keyWindow, keyGranularity):
	case granularity > window:
		r.refuse(keyGranularity, "granularity %q is longer than window %q; make it %s or shorter",
			short(granularity), short(window), short(window))
	case window/granularity > maxSteps:
		r.refuse(keyGranularity, "granularity %q cuts window %q into more than %d steps; make it 1s or longer",
			short(granularity), short(window), maxSteps)
	}
	return &v1alpha1.RequestRateMetric{Window: metav1.Duration{Duration: window}, Granularity: metav1.Duration{Duration: granularity}}
}

// externalKey is a name that another Envoy gives to a cluster.
func (r *reader) externalKey() string {
	key := r.text(keyExternalProxyMetricKey)
	switch {
	case len(key) > maxExternalKey:
		r.refuse(keyExternalProxyMetricKey, "externalProxyMetricKey %s is longer than %d bytes; use the name of a cluster of your Envoy",
			quote(key), maxExternalKey)
	case strings.IndexFunc(key, unprintable) >= 0:
		r.refuse(keyExternalProxyMetricKey, "externalProxyMetricKey %s has characters that cannot be printed; "+
			"use the name of a cluster of your Envoy",
			quote(key))
	case key == "" && r.kind == v1alpha1.TriggerEnvoyHTTP:
		r.refuse(keyExternalProxyMetricKey, "externalProxyMetricKey is missing; write the tag envoy.cluster_name of the cluster to count")
	}
	return key
}

// countedElsewhere refuses what an Envoy of the user does not count.
func (r *reader) countedElsewhere(metrics []v1alpha1.HTTPScalerMetric) {
	if r.kind == v1alpha1.TriggerEnvoyHTTP && r.metricsKey() == keyScalingMetrics {
		r.refuse(keyScalingMetrics, "scalingMetrics does not go with %s; write a trigger with scalingMetric for each metric", r.kind)
	}
	for _, metric := range metrics {
		if metric.Type != v1alpha1.RequestRate && metric.Type != v1alpha1.Concurrency {
			r.refuse(r.metricsKey(), "%s %s does not go with externalProxyMetricKey: an Envoy of your own counts requests alone; use %s or %s",
				r.metricsKey(), metric.Type, v1alpha1.RequestRate, v1alpha1.Concurrency)
		}
	}
}

func unprintable(c rune) bool { return c == unicode.ReplacementChar || !unicode.IsPrint(c) }
