package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClientParameters says which proxies before those of the Gateway are believed about their clients, and what requests
// may take. The words are those of Envoy Gateway's ClientTrafficPolicy where it has them.
type ClientParameters struct {
	// ClientIPDetection says where the address of a client is read: from its connection unless set.
	//
	// +optional
	ClientIPDetection *ClientIPDetection `json:"clientIPDetection,omitempty"`
	// ProxyProtocol reads a PROXY header (version 1 or 2) at the beginning of each connection of all listeners but those
	// of UDP; "{}" refuses connections without one. The address in it is that of the connection for all else.
	//
	// +optional
	ProxyProtocol *ProxyProtocol `json:"proxyProtocol,omitempty"`
	// Headers limits the headers of requests.
	//
	// +optional
	Headers *ClientHeaders `json:"headers,omitempty"`
	// MaxRequestBodyLimit is the largest body of a request in bytes, such as 10Mi; none unless set. A larger one is
	// answered 413: at once if it says its size, otherwise when it exceeds the limit. Bodies are not kept for it. It does
	// not hold for WebSocket.
	//
	// +optional
	MaxRequestBodyLimit *resource.Quantity `json:"maxRequestBodyLimit,omitempty"`
	// MaxModelBodyLimit is the largest JSON body, in bytes, that is read for the model that it asks for, from 64Ki to 64Mi; 16Mi unless
	// set. A larger one is answered 413. It holds for requests that a rule with a model could take, and these bodies are kept whole
	// before a rule is chosen.
	//
	// +optional
	MaxModelBodyLimit *resource.Quantity `json:"maxModelBodyLimit,omitempty"`
	// Timeout limits how long clients may take.
	//
	// +optional
	Timeout *ClientTimeout `json:"timeout,omitempty"`
}

// ClientIPDetection says where the address of a client is read.
//
// +kubebuilder:validation:XValidation:rule="has(self.xForwardedFor) != has(self.directSourceIP)",message="set one of xForwardedFor and directSourceIP"
type ClientIPDetection struct {
	// XForwardedFor reads it from X-Forwarded-For, and keeps X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port and
	// Forwarded, of trusted proxies.
	//
	// +optional
	XForwardedFor *XForwardedFor `json:"xForwardedFor,omitempty"`
	// DirectSourceIP reads it from the connection, as when nothing is set: for a Gateway whose class says otherwise.
	//
	// +optional
	DirectSourceIP *DirectSourceIP `json:"directSourceIP,omitempty"`
}

// DirectSourceIP has no fields.
type DirectSourceIP struct{}

// XForwardedFor says which proxies are trusted.
//
// +kubebuilder:validation:XValidation:rule="has(self.numTrustedHops) != has(self.trustedCIDRs)",message="set one of numTrustedHops and trustedCIDRs"
type XForwardedFor struct {
	// NumTrustedHops is how many proxies each request passes before it comes to the Gateway: the address of the client is
	// the one at this place of X-Forwarded-For, counted from its end. Every peer of the Gateway is taken for the last of
	// these proxies, so nothing else may reach it.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	NumTrustedHops *uint32 `json:"numTrustedHops,omitempty"`
	// TrustedCIDRs are the addresses of proxies, such as 10.0.0.0/8 or 2001:db8::/32. Connections from others are served as if nothing
	// was set. The address of the client is the last one of X-Forwarded-For that is not among them.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=64
	TrustedCIDRs []string `json:"trustedCIDRs,omitempty"`
}

// ProxyProtocol says whether a PROXY header may be missing.
type ProxyProtocol struct {
	// Optional serves connections without a PROXY header, too. A client that may leave it out may also write one: set it
	// only where nothing but proxies of yours reaches the Gateway.
	//
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// ClientHeaders limits the headers of requests. Requests beyond are answered 431.
type ClientHeaders struct {
	// MaxRequestHeaderLimit is the size of all headers of a request with its path and query, in bytes rounded up to KiB,
	// up to 8192Ki; 60Ki unless set. The parameters of a Gateway may set up to 256Ki.
	//
	// +optional
	MaxRequestHeaderLimit *resource.Quantity `json:"maxRequestHeaderLimit,omitempty"`
	// MaxRequestHeaders is the number of headers of a request; 1000 unless set. The parameters of a Gateway may set up to
	// 4000.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxRequestHeaders *int32 `json:"maxRequestHeaders,omitempty"`
}

// ClientTimeout limits how long clients may take.
type ClientTimeout struct {
	// HTTP is about connections of HTTP.
	//
	// +optional
	HTTP *HTTPClientTimeout `json:"http,omitempty"`
}

// HTTPClientTimeout limits how long clients of HTTP may take.
type HTTPClientTimeout struct {
	// RequestHeadersReceivedTimeout is how long the headers of a request may take from their first byte on, at least 1s;
	// 30s unless set.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be a duration of at least 1s, such as 30s"
	RequestHeadersReceivedTimeout *metav1.Duration `json:"requestHeadersReceivedTimeout,omitempty"`
	// IdleTimeout is how long a connection without a request stays open, at least 1s; 1h unless set.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be a duration of at least 1s, such as 5m"
	IdleTimeout *metav1.Duration `json:"idleTimeout,omitempty"`
}
