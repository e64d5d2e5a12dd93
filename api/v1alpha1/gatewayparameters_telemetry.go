package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Telemetry is what the proxies of a Gateway tell about their requests, in the words of Envoy Gateway's EnvoyProxy.
type Telemetry struct {
	// AccessLog configures the log of requests and connections, which goes to the standard output of each
	// proxy. A change drains the connections of the Gateway: streams that run for longer than drainTimeout and
	// 15s afterwards are cut.
	//
	// +optional
	AccessLog *AccessLog `json:"accessLog,omitempty"`
	// Metrics configures the numbers that each proxy keeps and serves. A change replaces the proxies.
	//
	// +optional
	Metrics *ProxyMetrics `json:"metrics,omitempty"`
	// Tracing sends spans of requests to a collector. A change drains the connections of the HTTP listeners of the Gateway,
	// as one of accessLog does. An XTelemetryPolicy for the Gateway, where that kind is served, replaces it.
	//
	// +optional
	Tracing *ProxyTracing `json:"tracing,omitempty"`
}

// AccessLog is one line for each request, and for each connection of layer 4.
type AccessLog struct {
	// Disable ends the log; false unless set.
	//
	// +optional
	Disable *bool `json:"disable,omitempty"`
	// Format of a line; a JSON object with the fields that docs/telemetry.md lists, unless set.
	//
	// +optional
	Format *AccessLogFormat `json:"format,omitempty"`
	// Filter chooses what is logged; everything unless set.
	//
	// +optional
	Filter *AccessLogFilter `json:"filter,omitempty"`
}

// AccessLogFormatType is how a line is written.
type AccessLogFormatType string

// The formats of a line.
const (
	AccessLogText AccessLogFormatType = "Text"
	AccessLogJSON AccessLogFormatType = "JSON"
)

// AccessLogFormat is the format of a line, with Envoy's command operators such as %RESPONSE_CODE%; those that may be used are in
// docs/telemetry.md.
//
// +kubebuilder:validation:XValidation:rule="has(self.text) != has(self.json)",message="set one of text and json"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || (self.type == 'Text') == has(self.text)",message="type Text goes with text, type JSON with json"
type AccessLogFormat struct {
	// Type of the format; that of the field which is set, unless set.
	//
	// +optional
	// +kubebuilder:validation:Enum=Text;JSON
	Type *AccessLogFormatType `json:"type,omitempty"`
	// Text of a line. A line ends with it: a line feed is added where it has none.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Text *string `json:"text,omitempty"`
	// JSON has the fields of an object, each with its format.
	//
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=128
	JSON map[string]string `json:"json,omitempty"`
}

// AccessLogFilter has reasons to log. A request is logged when one of them holds.
//
// +kubebuilder:validation:MinProperties=1
type AccessLogFilter struct {
	// MinStatusCode logs requests that are answered with this status code or a higher one, and those that are not
	// answered; of connections of layer 4, those that failed.
	//
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=599
	MinStatusCode *int32 `json:"minStatusCode,omitempty"`
	// MinDuration logs what takes this long or longer.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must be a duration such as 500ms or 1m30s"
	MinDuration *metav1.Duration `json:"minDuration,omitempty"`
	// SamplingRate logs this share of everything, in percent.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	SamplingRate *int32 `json:"samplingRate,omitempty"`
}

// ProxyMetrics are the statistics of a proxy.
type ProxyMetrics struct {
	// Prometheus configures port 19001, which serves /stats/prometheus and nothing else.
	//
	// +optional
	Prometheus *PrometheusListener `json:"prometheus,omitempty"`
	// EnableBackendStats adds, for each backend, a histogram of the time of answers (upstream_rq_time, in milliseconds) and a
	// counter for each class of status codes (upstream_rq_2xx and so on); false unless set. docs/telemetry.md says what it costs.
	//
	// +optional
	EnableBackendStats *bool `json:"enableBackendStats,omitempty"`
}

// PrometheusListener is the port for scrapes.
type PrometheusListener struct {
	// Disable closes the port; false unless set.
	//
	// +optional
	Disable *bool `json:"disable,omitempty"`
}
