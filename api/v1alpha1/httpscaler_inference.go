package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inferenceStep is the length of the steps in which tokens and first tokens are counted: Envoys report once a second.
const inferenceStep = time.Second

// TokenRateMetric is the weighted tokens per second that all replicas together need: the mean of a window, and reserves for
// bursts and for work that waits. An input token weighs 1.
type TokenRateMetric struct {
	// Window of the mean.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	Window metav1.Duration `json:"window"`
	// OutputTokenWeight is how many input tokens one output token counts as.
	OutputTokenWeight Decimal `json:"outputTokenWeight"`
	// CachedTokenWeight is how many input tokens one counts as that the prefix cache of the model had.
	CachedTokenWeight Decimal `json:"cachedTokenWeight"`
	// BurstReserve is how many standard deviations, of the load in steps of 10 s, are added to the mean.
	BurstReserve Decimal `json:"burstReserve"`
	// BurstHistory is the time that the standard deviation is taken over.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	BurstHistory metav1.Duration `json:"burstHistory"`
	// BacklogHorizon is the time in which work that waits should be done.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	BacklogHorizon metav1.Duration `json:"backlogHorizon"`
}

// QueueDepthMetric is the requests that wait in the ready Pods of the backend, and those that Envoys hold.
type QueueDepthMetric struct {
	Pods PodMetrics `json:"pods"`
}

// KVCacheMetric is the mean share of the key-value cache that is in use, over the ready Pods of the backend.
type KVCacheMetric struct {
	// Target share, above 0 and up to 1.
	Target Decimal    `json:"target"`
	Pods   PodMetrics `json:"pods"`
}

// TTFTMetric is a quantile of the time from the arrival of a request, at an Envoy, to the first byte of its answer's body.
type TTFTMetric struct {
	// Target is the time that the quantile should not exceed.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 500ms or 2s"
	Target metav1.Duration `json:"target"`
	// Quantile of the answers of the window, between 0 and 1.
	Quantile Decimal `json:"quantile"`
	// Window of the answers that count.
	//
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	Window metav1.Duration `json:"window"`
}

// PodMetrics is where model servers say how busy they are, in the text format of Prometheus.
type PodMetrics struct {
	Engine Engine `json:"engine"`
	// Port of the Pods. Nil: the target port of the pool or Service.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
	Path string `json:"path"`
}

// Engine is a model server, by the names of its metrics.
//
// +kubebuilder:validation:Enum=auto;vllm;sglang;trtllm;triton
type Engine string

const (
	// EngineAuto takes the first engine of which an answer has a name.
	EngineAuto   Engine = "auto"
	EngineVLLM   Engine = "vllm"
	EngineSGLang Engine = "sglang"
	EngineTRTLLM Engine = "trtllm" // trtllm-serve
	EngineTriton Engine = "triton" // with the TensorRT-LLM backend
)
