package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HTTPScalerStatus is what became of the trigger.
type HTTPScalerStatus struct {
	// ObservedGeneration is the generation of the HTTPScaler that the conditions are about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Accepted (the trigger is valid), ResolvedRefs (its Service, pool, ConfigMap
	// and Secret exist), Served (requests that wait are answered; absent while none waited), Ready (these, and its
	// Gateway is programmed), and others that docs/kedify-http.md lists.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Route is the name of the generated HTTPRoute; empty when an existing route of a Gateway
	// of this product already leads to the backend.
	//
	// +optional
	Route string `json:"route,omitempty"`
	// Gateway is the name of the Gateway that serves the generated route.
	//
	// +optional
	Gateway string `json:"gateway,omitempty"`
	// Demand is a coarse and late copy of the demand, for people. It is absent while the demand is
	// unknown.
	//
	// +optional
	Demand *HTTPScalerDemand `json:"demand,omitempty"`
	// Wiring says where requests through wired Services go. It is absent while the backend has no
	// wired Service.
	//
	// +optional
	Wiring *HTTPScalerWiring `json:"wiring,omitempty"`
}

// ConditionServed is the type of the condition of an HTTPScaler that says whether requests that found no endpoint are
// answered. The leader writes it (controllers/served).
const ConditionServed = "Served"

// HTTPScalerDemand is the demand of a trigger with two significant digits, written at most every
// ten seconds. KEDA gets exact values from the scaler.
type HTTPScalerDemand struct {
	// Rate is requests per second over the window of the trigger.
	Rate string `json:"rate"`
	// InFlight is requests in flight and held.
	InFlight int64 `json:"inFlight"`
	// Held is requests that wait for an endpoint.
	Held int64 `json:"held"`
	// Tokens is what the requests are in tokens. It is absent unless the trigger scales by tokenRate, and while no
	// proxy has reported the work of its requests.
	//
	// +optional
	Tokens *HTTPScalerTokens `json:"tokens,omitempty"`
}

// WiringPath is where the requests of a wired Service go.
//
// +kubebuilder:validation:Enum=Proxy;Direct
type WiringPath string

const (
	// PathProxy leads through the proxies, which count and hold requests.
	PathProxy WiringPath = "Proxy"
	// PathDirect leads to the application past the proxies, while they or the controllers are ill.
	PathDirect WiringPath = "Direct"
)

// HTTPScalerWiring is the state of the wired Services of a trigger's backends. The command
// "kedify-gateway wiring" writes it; while Path is Direct, and for one cooldownPeriod after, the demand is
// unknown.
type HTTPScalerWiring struct {
	Path WiringPath `json:"path"`
	// Since is when Path changed.
	Since metav1.Time `json:"since"`
	// DirectUntil is when Path was Direct last. It is absent while Path is Direct, and when it never was.
	//
	// +optional
	DirectUntil *metav1.Time `json:"directUntil,omitempty"`
	// Services are the names of the wired Services.
	//
	// +optional
	// +listType=set
	Services []string `json:"services,omitempty"`
	// Objects are the foreign objects that lead to them, such as "Ingress shop/web"; at most 16, the
	// others are a number.
	//
	// +optional
	// +listType=set
	Objects []string `json:"objects,omitempty"`
}
