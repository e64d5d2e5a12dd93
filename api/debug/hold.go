package debug

import "time"

// Hold describes the held backends of a Gateway.
type Hold struct {
	Gateway Key `json:"gateway"`
	// Ready: the first complete state of the Gateway was applied.
	Ready bool `json:"ready"`
	// Memory of each of its Envoys for everything, in bytes; zero: not known.
	Memory   uint64        `json:"memory,omitempty"`
	Backends []HoldBackend `json:"backends,omitempty"`
}

// HoldBackend is one backend.
type HoldBackend struct {
	// Name of its endpoints.
	Name    string `json:"name"`
	Demands []Key  `json:"demands,omitempty"`
	// State as in the table of the package comment of scaler/hold.
	State string `json:"state"`
	// Armed: Envoys ask before they route.
	Armed bool `json:"armed"`
	// Endpoints that the engine wants, "address:port". Stale: it wants none, and Envoys still have
	// these, until StaleUntil; nil: until every Envoy asks.
	Endpoints  []string    `json:"endpoints,omitempty"`
	Stale      []string    `json:"stale,omitempty"`
	StaleUntil *time.Time  `json:"staleUntil,omitempty"`
	Proxies    []HoldProxy `json:"proxies,omitempty"`
	// Held requests over all Envoys, and answers that an Envoy may not have read.
	Held        int `json:"held,omitempty"`
	Unconfirmed int `json:"unconfirmed,omitempty"`
}

// HoldProxy is one Envoy that is connected to this replica or has requests held here.
type HoldProxy struct {
	// Node id; "": Envoys that did not send one.
	Node      string `json:"node"`
	Connected bool   `json:"connected"`
	// Ready: its requests pass.
	Ready bool `json:"ready"`
	Held  int  `json:"held,omitempty"`
	// Oldest is how long the first of them is held, such as "1.5s".
	Oldest string `json:"oldest,omitempty"`
}
