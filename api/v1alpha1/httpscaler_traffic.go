package v1alpha1

// HTTPScalerTraffic says whether the requests of the application come through the proxies, which
// count only what they see. While Bypass is not empty and Seen is false, the demand is unknown.
type HTTPScalerTraffic struct {
	// Bypass lists what leads to the application past the proxies: objects, such as
	// "Ingress shop/web", and the kinds that trafficAutowire names while no object is wired.
	//
	// +optional
	Bypass []string `json:"bypass,omitempty"`
	// Seen is set when a request came through a proxy while Bypass was not empty. It stays.
	//
	// +optional
	Seen bool `json:"seen"`
}

// AutowireKind is a value of trafficAutowire: a kind of foreign object that leads to applications,
// "service", "gloo" or "false".
//
// +kubebuilder:validation:Enum=httproute;ingress;virtualservice;route;service;gloo;"false"
type AutowireKind string

const (
	AutowireHTTPRoute      AutowireKind = "httproute"
	AutowireIngress        AutowireKind = "ingress"
	AutowireVirtualService AutowireKind = "virtualservice"
	AutowireRoute          AutowireKind = "route" // of OpenShift
	AutowireService        AutowireKind = "service"
	// AutowireGloo is the vendor's; it is accepted and never wired.
	AutowireGloo AutowireKind = "gloo"
	// AutowireNone switches wiring off.
	AutowireNone AutowireKind = "false"
)
