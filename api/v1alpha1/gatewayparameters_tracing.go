package v1alpha1

import gwv1 "sigs.k8s.io/gateway-api/apis/v1"

// ProxyTracing has the requests of HTTP listeners traced: spans go to a collector by OTLP over gRPC. Tracing of the
// parameters of a Gateway replaces that of its class as a whole.
//
// +kubebuilder:validation:XValidation:rule="!has(self.samplingRate) || !has(self.samplingFraction)",message="set one of samplingRate and samplingFraction"
type ProxyTracing struct {
	// SamplingRate is the share of requests that is traced, in percent; 100 unless set here or in samplingFraction. With 0
	// nothing is traced, unless clientSamplingFraction is set.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	SamplingRate *int32 `json:"samplingRate,omitempty"`
	// SamplingFraction is the same as a fraction, to the millionth.
	//
	// +optional
	SamplingFraction *gwv1.Fraction `json:"samplingFraction,omitempty"`
	// ClientSamplingFraction is the share of the requests with a traceparent whose sampled flag is set that is traced, to the
	// millionth; of those with a traceparent without the flag none is. Unless set, what a client says about its own trace decides
	// nothing: such requests are traced like all others.
	//
	// +optional
	ClientSamplingFraction *gwv1.Fraction `json:"clientSamplingFraction,omitempty"`
	// CustomTags are attributes of each span, by name.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	CustomTags map[string]CustomTag `json:"customTags,omitempty"`
	// Tags are attributes of each span, by name, with Envoy's command operators such as %RESPONSE_CODE%; those that may be used
	// are in docs/telemetry.md. One of the name of a custom tag replaces it.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Tags map[string]string `json:"tags,omitempty"`
	// SpanName has the names of spans, with the same operators.
	//
	// +optional
	SpanName *TracingSpanName `json:"spanName,omitempty"`
	// Provider gets the spans.
	//
	// +required
	Provider TracingProvider `json:"provider"`
}

// TracingSpanName names spans.
type TracingSpanName struct {
	// Client is the name of the span of a request of a client.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Client string `json:"client"`
	// Server is the name of the span of a request to a backend, below it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Server string `json:"server"`
}

// TracingProviderType is a protocol for spans.
type TracingProviderType string

// TracingOpenTelemetry is OTLP over gRPC.
const TracingOpenTelemetry TracingProviderType = "OpenTelemetry"

// TracingProvider is a collector.
type TracingProvider struct {
	// Type of the provider: OpenTelemetry.
	//
	// +optional
	// +kubebuilder:validation:Enum=OpenTelemetry
	// +kubebuilder:default=OpenTelemetry
	Type TracingProviderType `json:"type,omitempty"`
	// BackendRefs has the one Service that takes OTLP over gRPC, with its port. A Service of another namespace than that of these
	// parameters needs a ReferenceGrant there, from kind GatewayParameters of group gateway.kedify.io.
	//
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1
	// +listType=atomic
	BackendRefs []gwv1.BackendObjectReference `json:"backendRefs"`
	// ServiceName is the resource attribute service.name of the spans; name.namespace of the Gateway unless set.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ServiceName *string `json:"serviceName,omitempty"`
	// OpenTelemetry is about the protocol.
	//
	// +optional
	OpenTelemetry *OpenTelemetryTracingProvider `json:"openTelemetry,omitempty"`
}

// OpenTelemetryTracingProvider is about OTLP.
type OpenTelemetryTracingProvider struct {
	// Headers go with each export, as metadata of the gRPC call. A value is of visible ASCII without percent signs.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	Headers []gwv1.HTTPHeader `json:"headers,omitempty"`
}

// CustomTagType is where the value of an attribute comes from.
type CustomTagType string

// The sources of values.
const (
	CustomTagLiteral       CustomTagType = "Literal"
	CustomTagRequestHeader CustomTagType = "RequestHeader"
)

// CustomTag is the value of an attribute.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'Literal') == has(self.literal)",message="literal goes with type Literal, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'RequestHeader') == has(self.requestHeader)",message="requestHeader goes with type RequestHeader, and with no other"
type CustomTag struct {
	// Type of the value.
	//
	// +optional
	// +kubebuilder:validation:Enum=Literal;RequestHeader
	// +kubebuilder:default=Literal
	Type CustomTagType `json:"type,omitempty"`
	// Literal is the same value on each span.
	//
	// +optional
	Literal *LiteralCustomTag `json:"literal,omitempty"`
	// RequestHeader takes the value of a header of the request.
	//
	// +optional
	RequestHeader *RequestHeaderCustomTag `json:"requestHeader,omitempty"`
}

// LiteralCustomTag is a text.
type LiteralCustomTag struct {
	// Value of the attribute.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Value string `json:"value"`
}

// RequestHeaderCustomTag is a header.
type RequestHeaderCustomTag struct {
	// Name of the header.
	//
	// +required
	Name gwv1.HTTPHeaderName `json:"name"`
	// DefaultValue where the request has no such header; no attribute unless set.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	DefaultValue *string `json:"defaultValue,omitempty"`
}
