package debug

// Streams is what one replica knows about the streams of Envoys, for the command "wiring". It has names of
// Gateways and counts, and nothing that a tenant wrote.
type Streams struct {
	// Ready: the replica has read the cluster, so that a Gateway without a proxy here has none.
	Ready    bool           `json:"ready"`
	Gateways []ProxyStreams `json:"gateways"`
}

// ProxyStreams counts the Envoys of a Gateway that are connected to one replica.
type ProxyStreams struct {
	Gateway Key `json:"gateway"`
	// Ready: the first complete state of the Gateway was published.
	Ready     bool `json:"ready"`
	Connected int  `json:"connected"`
	// Accepting Envoys have accepted or rejected all that they were sent more than 5 s ago.
	Accepting int `json:"accepting"`
}
