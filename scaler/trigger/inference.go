package trigger

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// Defaults and bounds of metrics of models. The figures are those of the simulation (docs/adr/0058).
const (
	// Envoys report once a second.
	minInferenceWindow = time.Second

	defaultOutputTokenWeight = v1alpha1.Decimal("7")
	maxOutputTokenWeight     = 1000
	defaultCachedTokenWeight = v1alpha1.Decimal("0.1")
	defaultBurstReserve      = v1alpha1.Decimal("1")
	maxBurstReserve          = 10
	defaultBurstHistory      = 10 * time.Minute
	minBurstHistory          = time.Minute
	defaultBacklogHorizon    = 30 * time.Second
	minBacklogHorizon        = time.Second
	maxBacklogHorizon        = 10 * time.Minute

	minShare = 0.01
	minTTFT  = time.Millisecond
	maxTTFT  = time.Hour
	// quantile of the time to the first token.
	quantile = v1alpha1.Decimal("0.9")

	defaultMetricsPath = "/metrics"
	maxMetricsPath     = 256
)

// targetHints say how to find a target, for metrics of which no default is right.
var targetHints = map[v1alpha1.MetricType]string{
	v1alpha1.TokenRate:  "write the weighted tokens per second that one replica manages",
	v1alpha1.QueueDepth: "write how many requests may wait in one replica",
	v1alpha1.KVCache:    "write the share of the cache that may be in use, like 0.7",
	v1alpha1.TTFT:       "write the time that a first token may take, like 2s",
}

// tokenRate has the weights of tokens, and the reserves for bursts and for work that waits.
func (r *reader) tokenRate() *v1alpha1.TokenRateMetric {
	return &v1alpha1.TokenRateMetric{
		Window:            r.inferenceWindow(),
		OutputTokenWeight: r.decimal(keyOutputTokenWeight, 0, maxOutputTokenWeight, defaultOutputTokenWeight),
		CachedTokenWeight: r.decimal(keyCachedTokenWeight, 0, 1, defaultCachedTokenWeight),
		BurstReserve:      r.decimal(keyBurstReserve, 0, maxBurstReserve, defaultBurstReserve),
		BurstHistory:      metav1.Duration{Duration: r.duration(keyBurstHistory, minBurstHistory, maxWindow, defaultBurstHistory)},
		BacklogHorizon: metav1.Duration{
			Duration: r.duration(keyBacklogHorizon, minBacklogHorizon, maxBacklogHorizon, defaultBacklogHorizon)},
	}
}

func (r *reader) ttft() *v1alpha1.TTFTMetric {
	return &v1alpha1.TTFTMetric{Quantile: quantile, Window: r.inferenceWindow()}
}

func (r *reader) inferenceWindow() metav1.Duration {
	return metav1.Duration{Duration: r.duration(keyWindow, minInferenceWindow, maxWindow, defaultWindow)}
}

// podMetrics says how model servers are read.
func (r *reader) podMetrics() v1alpha1.PodMetrics {
	pods := v1alpha1.PodMetrics{
		Engine: choice(r, keyEngine, v1alpha1.EngineAuto,
			v1alpha1.EngineAuto, v1alpha1.EngineVLLM, v1alpha1.EngineSGLang, v1alpha1.EngineTRTLLM, v1alpha1.EngineTriton),
		Path: r.metricsPath(),
	}
	if port := int32(r.whole(keyMetricsPort, 1, 65535, 0)); port != 0 {
		pods.Port = &port
	}
	return pods
}

func (r *reader) metricsPath() string {
	path := r.text(keyMetricsPath)
	switch {
	case path == "":
		return defaultMetricsPath
	case len(path) > maxMetricsPath:
		r.refuse(keyMetricsPath, "metricsPath %s is longer than %d bytes; use a path like %s", quote(path), maxMetricsPath, defaultMetricsPath)
	case path[0] != '/' || strings.ContainsAny(path, "?#%\\") || strings.IndexFunc(path, notOfPath) >= 0:
		r.refuse(keyMetricsPath, "metricsPath %s is not a path; use one like %s, of printable ASCII without ?, #, %% and \\",
			quote(path), defaultMetricsPath)
	default:
		return path
	}
	return defaultMetricsPath
}

func notOfPath(c rune) bool { return c <= ' ' || c > '~' }

// lonely warns of metrics that are no good without another one.
func (r *reader) lonely(spec v1alpha1.HTTPScalerSpec) {
	if len(spec.MoreMetrics) > 0 || r.refused(keyScalingMetric, keyScalingMetrics) {
		return
	}
	key := r.metricsKey()
	switch minimum := spec.Scale.Min; {
	case spec.Metric.Type == v1alpha1.QueueDepth && minimum < 2:
		r.warn(key, "%s queueDepth alone with minReplicaCount %d: no request waits while there are enough replicas, so they go to the "+
			"minimum, and then requests wait until new ones have started; add tokenRate with scalingMetrics, or set minReplicaCount to 2 or more",
			key, minimum)
	case spec.Metric.Type == v1alpha1.TTFT:
		r.warn(key, "%s ttft alone: replicas are added only after answers were late; add tokenRate with scalingMetrics", key)
	}
}

// countable refuses levels of targets whose ready replicas are not known: KEDA gets a level times their number.
func (r *reader) countable(spec v1alpha1.HTTPScalerSpec) {
	if _, is := scaler.Counted(spec.Scale.Target); is {
		return
	}
	for _, of := range spec.Metrics() {
		if metric.KindOf(of.Type).Level {
			r.refuse(r.metricsKey(), "%s %s does not go with a target of kind %s: KEDA gets it times the ready replicas, which are known of "+
				"Deployments, StatefulSets and Argo Rollouts; use another metric", r.metricsKey(), of.Type, spec.Scale.Target.Kind)
		}
	}
}

// oneForFormula refuses several metrics beside a formula. KEDA 2.21 hands a formula one value for each trigger, under the trigger's
// name (pkg/scaling/modifiers, GetPairTriggerAndMetric): of several metrics it would be that of any of them.
func (r *reader) oneForFormula(spec v1alpha1.HTTPScalerSpec) {
	if spec.Scale.Formula && len(spec.MoreMetrics) > 0 {
		r.refuse(keyScalingMetrics, "scalingMetrics of %d metrics does not go with a formula in scalingModifiers: KEDA hands a formula one "+
			"value for each trigger, which would be that of any of them; use scalingMetric, or remove the formula", len(spec.Metrics()))
	}
}

// readable refuses metrics of what TLS hides from the proxy.
func (r *reader) readable(spec v1alpha1.HTTPScalerSpec) {
	if spec.TLS.Mode != v1alpha1.TLSPassthrough {
		return
	}
	for _, metric := range spec.Metrics() {
		if metric.Type == v1alpha1.TokenRate || metric.Type == v1alpha1.TTFT {
			r.refuse(keyTLSMode, "tlsMode passthrough does not go with %s %s: the proxy sees encrypted bytes; use reencrypt or another metric",
				r.metricsKey(), metric.Type)
		}
	}
}
