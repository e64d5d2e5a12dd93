package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HTTPScalerHold is how requests wait while no endpoint is ready.
type HTTPScalerHold struct {
	// Timeout after which a held request is answered 504. Nil: the default of the install.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// MaxPending bounds the held requests of the trigger; more are answered 503. Nil: the
	// default of the install.
	//
	// +optional
	MaxPending *int32 `json:"maxPending,omitempty"`
	// WaitingPage answers browsers at once instead of holding them.
	//
	// +optional
	WaitingPage HTTPScalerPage `json:"waitingPage,omitempty"`
}

// HTTPScalerPage is an answer of the proxy's own.
type HTTPScalerPage struct {
	// +optional
	Enabled bool `json:"enabled"`
	// ConfigMap in the same namespace with the body, status code and Retry-After.
	//
	// +optional
	ConfigMap string `json:"configMap,omitempty"`
}
