package debug

import "time"

// Gateway is what one replica knows about the Envoys of a Gateway.
type Gateway struct {
	Gateway Key `json:"gateway"`
	// Connected counts the Envoys with an open stream.
	Connected int `json:"connected"`
	// Listeners says of every desired listener, by resource name, whether a connected Envoy
	// accepted its desired version and none rejected it.
	Listeners map[string]bool `json:"listeners"`
	// Versions are the desired versions of the same listeners.
	Versions map[string]string `json:"versions"`
	// Synced: there are Envoys, and all of them accepted everything that is desired.
	Synced bool `json:"synced"`
	// Rejected is sorted by resource.
	Rejected []Rejection `json:"rejected,omitempty"`
	// Ready: the first complete state of the Gateway was published.
	Ready     bool       `json:"ready"`
	Resources []Resource `json:"resources"`
	Proxies   []Proxy    `json:"proxies"`
	// Elsewhere is what other replicas report about Envoys that are connected to them.
	Elsewhere []PeerState `json:"elsewhere,omitempty"`
}

// ResourceKey identifies an xDS resource.
type ResourceKey struct {
	// Type is the type URL.
	Type string `json:"type"`
	Name string `json:"name"`
}

// Rejection is the NACK of one resource.
type Rejection struct {
	Resource ResourceKey `json:"resource"`
	Version  string      `json:"version"`
	// Message is the reason that Envoy gave.
	Message string `json:"message"`
	// Sources are the objects that shaped the resource.
	Sources []Source `json:"sources,omitempty"`
	// Node is the Envoy that rejected the version first.
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
}

// Resource is one desired resource.
type Resource struct {
	// Type is the type URL.
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// StandIn is the version sent instead while Version is quarantined.
	StandIn string   `json:"standIn,omitempty"`
	Bytes   int      `json:"bytes"`
	Sources []Source `json:"sources,omitempty"`
}

// Proxy is one connected Envoy.
type Proxy struct {
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
	// Behind counts desired resources that the Envoy has not accepted yet.
	Behind    int             `json:"behind"`
	Resources []ProxyResource `json:"resources"`
}

// ProxyResource is what one Envoy has of one resource. Empty versions: nothing.
type ProxyResource struct {
	// Type is the type URL.
	Type    string `json:"type"`
	Name    string `json:"name"`
	Desired string `json:"desired,omitempty"`
	// Sent is the newest version on the way or in the Envoy, Acked the newest it accepted.
	Sent  string `json:"sent,omitempty"`
	Acked string `json:"acked,omitempty"`
	// Waiting says why nothing newer is sent.
	Waiting  string `json:"waiting,omitempty"`
	Rejected string `json:"rejected,omitempty"`
}

// PeerState is what another replica reports about a Gateway.
type PeerState struct {
	Replica string `json:"replica"`
	// Connected: it has Envoys of the Gateway. Synced: they accepted all that it desires.
	Connected bool `json:"connected"`
	Synced    bool `json:"synced"`
}
