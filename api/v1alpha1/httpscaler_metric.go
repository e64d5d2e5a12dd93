package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetricType says what is counted. It names the block of HTTPScalerMetric that is set.
//
// +kubebuilder:validation:Enum=requestRate;concurrency;tokenRate;queueDepth;kvCache;ttft
type MetricType string

const (
	// RequestRate is requests per second, first attempts only.
	RequestRate MetricType = "requestRate"
	// Concurrency is requests in flight and held.
	Concurrency MetricType = "concurrency"
	// TokenRate is weighted tokens per second that models need, see TokenRateMetric.
	TokenRate MetricType = "tokenRate"
	// QueueDepth is requests that wait in model servers, and held ones.
	QueueDepth MetricType = "queueDepth"
	// KVCache is the share of the key-value cache of model servers that is in use.
	KVCache MetricType = "kvCache"
	// TTFT is the time to the first token.
	TTFT MetricType = "ttft"
)

// HTTPScalerMetric is a metric that KEDA gets: a union, of which Type names the block that is set.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'requestRate') == has(self.requestRate)",message="requestRate is set if and only if it is the type"
// +kubebuilder:validation:XValidation:rule="(self.type == 'concurrency') == has(self.concurrency)",message="concurrency is set if and only if it is the type"
// +kubebuilder:validation:XValidation:rule="(self.type == 'tokenRate') == has(self.tokenRate)",message="tokenRate is set if and only if it is the type"
// +kubebuilder:validation:XValidation:rule="(self.type == 'queueDepth') == has(self.queueDepth)",message="queueDepth is set if and only if it is the type"
// +kubebuilder:validation:XValidation:rule="(self.type == 'kvCache') == has(self.kvCache)",message="kvCache is set if and only if it is the type"
// +kubebuilder:validation:XValidation:rule="(self.type == 'ttft') == has(self.ttft)",message="ttft is set if and only if it is the type"
// +kubebuilder:validation:XValidation:rule="(self.type in ['kvCache', 'ttft']) != has(self.target)",message="target is set if and only if the block of the metric has none"
type HTTPScalerMetric struct {
	Type MetricType `json:"type"`
	// Target per replica: a whole number. The blocks of kvCache and ttft have targets of their own.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Target int64 `json:"target,omitempty"`
	// ActivationTarget must be exceeded for the workload to be active; 0 unless set.
	//
	// +optional
	ActivationTarget int64 `json:"activationTarget,omitempty"`
	// ExternalProxyMetricKey is the cluster_name tag of a user-run Envoy that is counted
	// instead of the proxies of Gateways.
	//
	// +optional
	ExternalProxyMetricKey string `json:"externalProxyMetricKey,omitempty"`
	// RequestRate is set with type requestRate.
	//
	// +optional
	RequestRate *RequestRateMetric `json:"requestRate,omitempty"`
	// Concurrency is set with type concurrency.
	//
	// +optional
	Concurrency *ConcurrencyMetric `json:"concurrency,omitempty"`
	// TokenRate is set with type tokenRate.
	//
	// +optional
	TokenRate *TokenRateMetric `json:"tokenRate,omitempty"`
	// QueueDepth is set with type queueDepth.
	//
	// +optional
	QueueDepth *QueueDepthMetric `json:"queueDepth,omitempty"`
	// KVCache is set with type kvCache.
	//
	// +optional
	KVCache *KVCacheMetric `json:"kvCache,omitempty"`
	// TTFT is set with type ttft.
	//
	// +optional
	TTFT *TTFTMetric `json:"ttft,omitempty"`
}

// RequestRateMetric is requests per second over a window that moves in steps.
type RequestRateMetric struct {
	// Window is how long a request counts. Texts that are no duration are refused by the API server: one object
	// that the controllers cannot read would end their list of all of them.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	Window metav1.Duration `json:"window"`
	// Granularity is the length of a step.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	Granularity metav1.Duration `json:"granularity"`
}

// ConcurrencyMetric is requests in flight and held, over the last 15 s in steps of 1 s.
type ConcurrencyMetric struct {
	Aggregation Aggregation `json:"aggregation"`
}

// Aggregation turns the concurrency of a window into one number.
//
// +kubebuilder:validation:Enum=average;peak;instant
type Aggregation string

const (
	// AggregationAverage is the average over time.
	AggregationAverage Aggregation = "average"
	// AggregationPeak is the highest of the averages of each step.
	AggregationPeak Aggregation = "peak"
	// AggregationInstant is the number of the moment.
	AggregationInstant Aggregation = "instant"
)

// Concurrency is taken over the sync period of the HPA, which sees no shorter peak otherwise. So are metrics without
// a window.
const (
	concurrencyWindow = 15 * time.Second
	concurrencyStep   = time.Second
)

// Window returns the span of time that the metric is taken over and the length of its steps; zero
// for a requestRate without its block.
func (m HTTPScalerMetric) Window() (span, step time.Duration) {
	switch {
	case m.RequestRate != nil:
		return m.RequestRate.Window.Duration, m.RequestRate.Granularity.Duration
	case m.TokenRate != nil:
		return m.TokenRate.Window.Duration, inferenceStep
	case m.TTFT != nil:
		return m.TTFT.Window.Duration, inferenceStep
	case m.Concurrency != nil, m.QueueDepth != nil, m.KVCache != nil:
		return concurrencyWindow, concurrencyStep
	}
	return 0, 0
}

// Aggregation returns how concurrency becomes one number; the average unless the block says
// otherwise.
func (m HTTPScalerMetric) Aggregation() Aggregation {
	if m.Concurrency == nil || m.Concurrency.Aggregation == "" {
		return AggregationAverage
	}
	return m.Concurrency.Aggregation
}

// TargetValue returns the target as a number in the unit of the metric: per second, requests, a share of 1, or seconds.
func (m HTTPScalerMetric) TargetValue() float64 {
	switch {
	case m.KVCache != nil:
		return m.KVCache.Target.Float()
	case m.TTFT != nil:
		return m.TTFT.Target.Seconds()
	}
	return float64(m.Target)
}

// Pods returns how the Pods of the backend are read, for queueDepth and kvCache; nil: the metric needs nothing of them.
func (m HTTPScalerMetric) Pods() *PodMetrics {
	switch {
	case m.QueueDepth != nil:
		return &m.QueueDepth.Pods
	case m.KVCache != nil:
		return &m.KVCache.Pods
	}
	return nil
}
