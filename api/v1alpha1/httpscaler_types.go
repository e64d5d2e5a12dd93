package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HTTPScaler is one kedify-http trigger of a ScaledObject as the product understood it: what
// is counted, where requests go, and how they wait while nothing is ready. The product writes
// it, owned by the ScaledObject; a user reads it. Its namespace and name are the demand key.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=httpscaler,categories=gateway-api
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Rate",type=string,JSONPath=`.status.demand.rate`
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.demand.held`
// +kubebuilder:printcolumn:name="Tokens",type=integer,JSONPath=`.status.demand.tokens.weightedPerSecond`
// +kubebuilder:printcolumn:name="Gateway",type=string,JSONPath=`.status.gateway`
// +kubebuilder:printcolumn:name="Path",type=string,priority=1,JSONPath=`.status.wiring.path`
// +kubebuilder:printcolumn:name="Hosts",type=string,priority=1,JSONPath=`.spec.hosts`
// +kubebuilder:printcolumn:name="Metric",type=string,priority=1,JSONPath=`.spec.metric.type`
// +kubebuilder:printcolumn:name="Target",type=string,priority=1,JSONPath=`.spec.metric.target`
// +kubebuilder:printcolumn:name="Advised",type=integer,priority=1,JSONPath=`.status.demand.tokens.advisedTargetValue`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type HTTPScaler struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   HTTPScalerSpec   `json:"spec,omitempty"`
	Status HTTPScalerStatus `json:"status,omitempty"`
}

// HTTPScalerList is a list of HTTPScalers.
//
// +kubebuilder:object:root=true
type HTTPScalerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HTTPScaler `json:"items"`
}

// TriggerType is the type that the user wrote, before admission; of the native spelling
// (external-push with our scalerAddress) the type that it stands for.
type TriggerType string

const (
	// TriggerHTTP is served by our proxies.
	TriggerHTTP TriggerType = "kedify-http"
	// TriggerEnvoyHTTP is counted by an Envoy that the user runs.
	TriggerEnvoyHTTP TriggerType = "kedify-envoy-http"
)

// HTTPScalerSpec is a trigger after defaulting. scaler/trigger makes it and holds its rules.
//
// Every block has a field that is always written. A server-side apply that leaves a block without any
// field that it wrote before makes the block null, which the CRD refuses.
type HTTPScalerSpec struct {
	Type TriggerType `json:"type"`
	// ScaledObject is the name of the object with the trigger, in the same namespace; Trigger
	// is the trigger's name, or "0" when it has none, which only a lone trigger of this product may.
	ScaledObject string `json:"scaledObject"`
	Trigger      string `json:"trigger"`

	// Hosts are lower case: exact, "*.suffix" or "*".
	//
	// +optional
	Hosts []string `json:"hosts,omitempty"`
	// PathPrefixes compare whole segments; none ends with a slash but "/" itself.
	//
	// +optional
	PathPrefixes []string `json:"pathPrefixes,omitempty"`
	// Headers must all match.
	//
	// +optional
	Headers []HTTPScalerHeader `json:"headers,omitempty"`
	// Models that the JSON body of a request asks for, one of which must match: exact, or with an asterisk at the end for all names
	// that begin so. None: any model, and requests without one.
	//
	// +optional
	Models []string `json:"models,omitempty"`

	Backend HTTPScalerBackend `json:"backend"`
	Metric  HTTPScalerMetric  `json:"metric"`
	// MoreMetrics are further metrics of the trigger, in its order. The HPA takes the one that asks for most replicas.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=5
	// +listType=map
	// +listMapKey=type
	MoreMetrics []HTTPScalerMetric `json:"moreMetrics,omitempty"`
	// +optional
	TLS HTTPScalerTLS `json:"tls,omitempty"`
	// +optional
	Hold HTTPScalerHold `json:"hold,omitempty"`
	// +optional
	HealthCheck HTTPScalerHealthCheck `json:"healthCheck,omitempty"`
	// +optional
	Maintenance HTTPScalerPage `json:"maintenance,omitempty"`
	// Autowire lists kinds of foreign objects that may be pointed at the proxy. "false" alone means
	// none. Empty means the default.
	//
	// +optional
	Autowire []AutowireKind `json:"autowire,omitempty"`
	// WiredService asks for a wired Service although no foreign object is rewritten (annotation
	// gateway.kedify.io/wired-service of the ScaledObject).
	//
	// +optional
	WiredService bool `json:"wiredService,omitempty"`
	// Traffic says whether the requests of the application come through the proxies.
	//
	// +optional
	Traffic HTTPScalerTraffic `json:"traffic,omitempty"`
	// Scale repeats what the ScaledObject says about replicas.
	Scale HTTPScalerScale `json:"scale"`
}

// Metrics returns all metrics of the trigger, in its order.
func (s HTTPScalerSpec) Metrics() []HTTPScalerMetric {
	return append([]HTTPScalerMetric{s.Metric}, s.MoreMetrics...)
}

// Window returns the span of time, and the length of its steps, in which requests are counted for all metrics: those of
// requestRate if it is one of them, otherwise the longest.
func (s HTTPScalerSpec) Window() (span, step time.Duration) {
	if rate, has := s.MetricOf(RequestRate); has {
		return rate.Window()
	}
	for _, metric := range s.Metrics() {
		if other, steps := metric.Window(); other > span {
			span, step = other, steps
		}
	}
	return span, step
}

// MetricOf returns the metric of a type; false: the trigger does not have it.
func (s HTTPScalerSpec) MetricOf(kind MetricType) (HTTPScalerMetric, bool) {
	for _, metric := range s.Metrics() {
		if metric.Type == kind {
			return metric, true
		}
	}
	return HTTPScalerMetric{}, false
}

// HTTPScalerHeader is one header to match: by at most one of Value, ValueWildcard and
// ValueRegex; by none of them when the header must only be there.
type HTTPScalerHeader struct {
	// Name is in lower case.
	Name string `json:"name"`
	// Value is compared exactly.
	//
	// +optional
	Value *string `json:"value,omitempty"`
	// ValueWildcard is compared with the whole value in any case: * stands for any characters
	// and ? for one.
	//
	// +optional
	ValueWildcard *string `json:"valueWildcard,omitempty"`
	// ValueRegex is an RE2 expression for the whole value in any case.
	//
	// +optional
	ValueRegex *string `json:"valueRegex,omitempty"`
}

// TLSMode is how the way from the proxy to the application is encrypted.
//
// +kubebuilder:validation:Enum=plaintext;reencrypt;passthrough
type TLSMode string

const (
	TLSPlaintext TLSMode = "plaintext"
	// TLSReencrypt ends TLS at the proxy and opens it again to the application.
	TLSReencrypt TLSMode = "reencrypt"
	// TLSPassthrough leaves the TLS of the client to the application.
	TLSPassthrough TLSMode = "passthrough"
)

// HTTPScalerTLS is TLS between client, proxy and application.
type HTTPScalerTLS struct {
	// Mode of the way to the application; empty means plaintext.
	//
	// +optional
	Mode TLSMode `json:"mode,omitempty"`
	// SecretName of the certificate that the proxy presents to clients; with plaintext, too.
	//
	// +optional
	SecretName string `json:"secretName"`
}

// HealthCheckResponse is how health checks are answered.
//
// +kubebuilder:validation:Enum=passthrough;static;pathEmbeddedHost
type HealthCheckResponse string

const (
	// HealthPassthrough lets the application answer, and the proxy while there is none.
	HealthPassthrough HealthCheckResponse = "passthrough"
	// HealthStatic has the proxy answer.
	HealthStatic HealthCheckResponse = "static"
	// HealthPathEmbeddedHost routes requests below PathPrefix, for any host, to the application.
	HealthPathEmbeddedHost HealthCheckResponse = "pathEmbeddedHost"
)

// HTTPScalerHealthCheck is how probes are answered; they never count as demand.
type HTTPScalerHealthCheck struct {
	// Path is compared exactly.
	//
	// +optional
	Path string `json:"path"`
	// Response is empty without a health check.
	//
	// +optional
	Response HealthCheckResponse `json:"response,omitempty"`
	// PathPrefix of mode pathEmbeddedHost.
	//
	// +optional
	PathPrefix string `json:"pathPrefix,omitempty"`
}
