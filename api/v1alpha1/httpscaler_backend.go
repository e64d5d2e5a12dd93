package v1alpha1

import "slices"

// HTTPScalerBackend is where requests go. InferencePool wins over Service.
type HTTPScalerBackend struct {
	// +optional
	Service string `json:"service"`
	// Port of the Service; PortName otherwise. Exactly one is set for a Service.
	//
	// +optional
	Port *int32 `json:"port,omitempty"`
	// +optional
	PortName string `json:"portName,omitempty"`
	// +optional
	InferencePool string `json:"inferencePool,omitempty"`
	// +optional
	FallbackService string `json:"fallbackService,omitempty"`
	// LoadBalancing repeats what the trigger says. Requests are spread over Pods either way.
	//
	// +optional
	LoadBalancing LoadBalancing `json:"loadBalancing,omitempty"`
	// Weighted shares the requests among Services of the same namespace with the same port,
	// instead of sending them to Service (annotation http.kedify.io/weighted-backends).
	//
	// +optional
	Weighted []HTTPScalerWeight `json:"weighted,omitempty"`
}

// RequestService is the Service that requests go to while none is weighted and there is no pool. With in-cluster autowiring
// the Service that callers use leads to the proxy, and the fallback to the Pods.
func (s HTTPScalerSpec) RequestService() string {
	if s.Backend.FallbackService != "" && slices.Contains(s.Autowire, AutowireService) {
		return s.Backend.FallbackService
	}
	return s.Backend.Service
}

// HTTPScalerWeight is one of several Services and its share.
type HTTPScalerWeight struct {
	Service string `json:"service"`
	// Weight in relation to the sum of all weights.
	//
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight"`
}

// LoadBalancing is the vendor's name for how requests are spread.
//
// +kubebuilder:validation:Enum=dns;eds
type LoadBalancing string

const (
	LoadBalancingDNS LoadBalancing = "dns"
	LoadBalancingEDS LoadBalancing = "eds"
)
