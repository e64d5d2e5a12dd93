package v1alpha1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GatewayParameters says how the data plane of a Gateway runs. A Gateway points at one in its
// own namespace with spec.infrastructure.parametersRef, a GatewayClass at one in any namespace
// with spec.parametersRef; fields of the Gateway's win over fields of the class's. Those of a Gateway
// may not set what would give their author more than a Gateway.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=gwparams,categories=gateway-api
type GatewayParameters struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec GatewayParametersSpec `json:"spec,omitempty"`
}

// GatewayParametersList is a list of GatewayParameters.
//
// +kubebuilder:object:root=true
type GatewayParametersList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []GatewayParameters `json:"items"`
}

// GatewayParametersSpec is the wish for a data plane; every field is optional.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.replicas) && has(self.autoscaling))",message="replicas and autoscaling exclude each other"
type GatewayParametersSpec struct {
	// Replicas of the Envoy Deployment; 1 unless set. Not together with autoscaling.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Replicas *int32 `json:"replicas,omitempty"`

	// Autoscaling makes a HorizontalPodAutoscaler for the Envoy Deployment.
	//
	// +optional
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`

	// Envoy configures the Envoy container.
	//
	// +optional
	Envoy *EnvoyParameters `json:"envoy,omitempty"`

	// Service configures the Service in front of the Envoys.
	//
	// +optional
	Service *ServiceParameters `json:"service,omitempty"`

	// Client says what the proxies believe and take of their clients.
	//
	// +optional
	Client *ClientParameters `json:"client,omitempty"`

	// PodTemplate is a strategic merge patch that is applied to the pod template last. The
	// Envoy container is the init container "envoy" with restartPolicy Always. Only the parameters of
	// a GatewayClass may set it, unless the installation is unrestricted.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	PodTemplate *apiextensionsv1.JSON `json:"podTemplate,omitempty"`

	// Telemetry configures the access log and the metrics of the Envoys.
	//
	// +optional
	Telemetry *Telemetry `json:"telemetry,omitempty"`
}

// Autoscaling of the Envoy Deployment.
type Autoscaling struct {
	// +optional
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// +kubebuilder:validation:Minimum=1
	MaxReplicas int32 `json:"maxReplicas"`
	// Metrics as in a HorizontalPodAutoscaler; 80 % CPU unless set.
	//
	// +optional
	Metrics []autoscalingv2.MetricSpec `json:"metrics,omitempty"`
}

// EnvoyParameters configures the Envoy container.
type EnvoyParameters struct {
	// Image of Envoy; the product's own choice unless set. Only the parameters of a GatewayClass may
	// set it, unless the installation is unrestricted.
	//
	// +optional
	Image *string `json:"image,omitempty"`
	// LogLevel of Envoy; warning unless set.
	//
	// +optional
	// +kubebuilder:validation:Enum=trace;debug;info;warning;error;critical;off
	LogLevel *string `json:"logLevel,omitempty"`
	// Concurrency is the number of worker threads; the CPU limit decides unless set. The parameters
	// of a Gateway may set up to 128.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Concurrency *int32 `json:"concurrency,omitempty"`
	// Resources of the Envoy container. The parameters of a Gateway may set cpu, memory and
	// ephemeral-storage.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// DrainTimeout is how long a stopping Envoy waits for its requests; 60s unless set. The
	// parameters of a Gateway may set up to 1h.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 30s or 1m30s"
	DrainTimeout *metav1.Duration `json:"drainTimeout,omitempty"`
	// AcceptHTTP10 serves requests of HTTP/1.0 that name a host; true unless set. Others get 426.
	//
	// +optional
	AcceptHTTP10 *bool `json:"acceptHTTP10,omitempty"`
	// Bootstrap is merged into Envoy's bootstrap (envoy.config.bootstrap.v3.Bootstrap, JSON
	// form) by field: lists are appended, scalars replaced. Only the parameters of a GatewayClass may
	// set it, unless the installation is unrestricted.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Bootstrap *apiextensionsv1.JSON `json:"bootstrap,omitempty"`
	// Route has fields of Envoy's RouteAction (envoy.config.route.v3.RouteAction) for all routes of
	// the Gateway that do not say the same themselves; docs/gateway.md lists those that may be set.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Route *apiextensionsv1.JSON `json:"route,omitempty"`
	// Cluster has fields of Envoy's Cluster (envoy.config.cluster.v3.Cluster) for all backends of the
	// Gateway; docs/gateway.md lists those that may be set.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Cluster *apiextensionsv1.JSON `json:"cluster,omitempty"`
}

// ServiceParameters configures the Service in front of the Envoys.
type ServiceParameters struct {
	// Type of the Service; LoadBalancer unless set.
	//
	// +optional
	// +kubebuilder:validation:Enum=LoadBalancer;NodePort;ClusterIP
	Type *corev1.ServiceType `json:"type,omitempty"`
	// LoadBalancerClass of the Service.
	//
	// +optional
	LoadBalancerClass *string `json:"loadBalancerClass,omitempty"`
	// ExternalTrafficPolicy of the Service.
	//
	// +optional
	// +kubebuilder:validation:Enum=Cluster;Local
	ExternalTrafficPolicy *corev1.ServiceExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`
	// IPFamilyPolicy of the Service; the cluster's default, SingleStack, unless set.
	//
	// +optional
	// +kubebuilder:validation:Enum=SingleStack;PreferDualStack;RequireDualStack
	IPFamilyPolicy *corev1.IPFamilyPolicy `json:"ipFamilyPolicy,omitempty"`
	// IPFamilies of the Service, in the order of preference.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=IPv4;IPv6
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || self[0] != self[1]",message="the families differ"
	IPFamilies []corev1.IPFamily `json:"ipFamilies,omitempty"`
	// Annotations of the Service, besides those of spec.infrastructure.
	//
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}
