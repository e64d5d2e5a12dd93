package trigger

import "github.com/kedify/inference-gateway/api/v1alpha1"

// Kinds of objects with triggers.
const (
	ScaledObject = "ScaledObject"
	ScaledJob    = "ScaledJob"
)

// Object is what the rules need of a ScaledObject or ScaledJob (keda.sh/v1alpha1). Nil means
// that the field is not set.
type Object struct {
	// Kind is ScaledObject or ScaledJob; empty means ScaledObject.
	Kind string
	Name string
	// Annotations of the object: KEDA's pause annotations and WeightsAnnotation are read.
	Annotations map[string]string

	// Target is spec.scaleTargetRef as written; empty fields get KEDA's defaults.
	Target v1alpha1.HTTPScalerTarget
	// Min, Max and Idle are spec.minReplicaCount, maxReplicaCount and idleReplicaCount.
	Min, Max, Idle *int32
	// CooldownSeconds and PollingSeconds are spec.cooldownPeriod and pollingInterval.
	CooldownSeconds, PollingSeconds *int32
	// FallbackReplicas is spec.fallback.replicas; nil without spec.fallback.
	FallbackReplicas *int32

	// Triggers are all triggers of the object, in order, also those of other scalers.
	Triggers []Trigger
}

// Trigger is one item of spec.triggers.
type Trigger struct {
	Type, Name       string
	Metadata         map[string]string
	MetricType       string
	UseCachedMetrics bool
	// Authentication is what it refers to; nil: nothing.
	Authentication *Reference
}
