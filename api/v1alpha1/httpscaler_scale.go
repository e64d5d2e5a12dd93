package v1alpha1

// HTTPScalerScale is what the ScaledObject says about replicas, with KEDA's defaults.
type HTTPScalerScale struct {
	Target HTTPScalerTarget `json:"target"`
	Min    int32            `json:"min"`
	Max    int32            `json:"max"`
	// +optional
	Idle *int32 `json:"idle,omitempty"`
	// CooldownSeconds and PollingSeconds of the ScaledObject.
	CooldownSeconds int32 `json:"cooldownSeconds"`
	PollingSeconds  int32 `json:"pollingSeconds"`
	// Fallback is the number of replicas of the ScaledObject's fallback; nil: it has none.
	//
	// +optional
	Fallback *int32 `json:"fallback,omitempty"`
	// Formula: the ScaledObject has a formula in its scalingModifiers, and KEDA's polls decide by its value alone
	// whether the workload is to run.
	//
	// +optional
	Formula bool `json:"formula,omitempty"`
	// ScaleInPaused and ScaleOutPaused follow KEDA's pause annotations.
	//
	// +optional
	ScaleInPaused bool `json:"scaleInPaused,omitempty"`
	// +optional
	ScaleOutPaused bool `json:"scaleOutPaused,omitempty"`
	// StaysAtZero: a pause annotation keeps KEDA from starting a target that has no replica. With ScaleOutPaused alone it
	// starts those of paused-replicas, or of the minimum.
	//
	// +optional
	StaysAtZero bool `json:"staysAtZero,omitempty"`
	// BurstScaling raises the replicas every two seconds, in addition to the HPA (opt-in).
	//
	// +optional
	BurstScaling bool `json:"burstScaling,omitempty"`
	// OneStep scales from zero to what the held requests need at once, instead of to one
	// (opt-in).
	//
	// +optional
	OneStep bool `json:"oneStep,omitempty"`
}

// MayStop reports whether KEDA stops the target, or scales it to the idle replicas, while no trigger is active.
func (s HTTPScalerScale) MayStop() bool { return s.Min == 0 || s.Idle != nil }

// StartedByMinimum reports whether KEDA starts a target without replicas while no trigger is active, and does not while one is:
// paused-scale-out holds up what triggers ask for, and not the minimum.
func (s HTTPScalerScale) StartedByMinimum() bool {
	return s.ScaleOutPaused && !s.StaysAtZero && s.Min > 0 && s.Idle == nil
}

// HTTPScalerTarget is the workload.
type HTTPScalerTarget struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}
