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

// ParseMetadata takes the metric of scalerMetadata, the whole metadata of a trigger as KEDA
// hands it to its scaler, so that KEDA can be answered before the object is known. It looks at
// no other key. With an error among the problems the metric is not usable.
func ParseMetadata(metadata map[string]string) (v1alpha1.HTTPScalerMetric, []Problem) {
	r := metadataReader(metadata)
	metric := r.metric()
	return metric, r.problems
}

// metadataReader reads metadata without an object around it.
func metadataReader(metadata map[string]string) *reader {
	return newReader(Object{Triggers: []Trigger{{Type: typeExternalPush, Metadata: metadata}}}, 0, "")
}

func (r *reader) metric() v1alpha1.HTTPScalerMetric {
	metric := v1alpha1.HTTPScalerMetric{
		Target:                 r.whole(keyTargetValue, 1, maxTarget, defaultTarget),
		ActivationTarget:       r.whole(keyActivationTargetValue, 0, maxTarget, 0),
		ExternalProxyMetricKey: r.externalKey(),
	}
	if r.text(keyScalingMetric) == "" {
		r.refuse(keyScalingMetric, "scalingMetric is missing; use %s or %s", v1alpha1.RequestRate, v1alpha1.Concurrency)
	}
	metric.Type = choice(r, keyScalingMetric, "", v1alpha1.RequestRate, v1alpha1.Concurrency)
	switch metric.Type {
	case v1alpha1.RequestRate:
		r.ignore(keyConcurrencyAggregation, "with scalingMetric requestRate")
		metric.RequestRate = r.requestRate()
	case v1alpha1.Concurrency:
		r.ignore(keyWindow, "with scalingMetric concurrency")
		r.ignore(keyGranularity, "with scalingMetric concurrency")
		metric.Concurrency = &v1alpha1.ConcurrencyMetric{Aggregation: choice(r, keyConcurrencyAggregation,
			v1alpha1.AggregationAverage, v1alpha1.AggregationAverage, v1alpha1.AggregationPeak, v1alpha1.AggregationInstant)}
	}
	return metric
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

func unprintable(c rune) bool { return c == unicode.ReplacementChar || !unicode.IsPrint(c) }
