package ir

// Transport is the layer 4 protocol of a listener.
type Transport string

const (
	TCP Transport = "tcp"
	UDP Transport = "udp"
)

// Listener is one bound port of a gateway. All listeners of the user that share the port
// are merged into it.
type Listener struct {
	Port      uint32
	Transport Transport
	// Chains are sorted by ID. A cleartext HTTP port has exactly one; a TLS port has one per
	// server name; a TCP or UDP port has exactly one.
	Chains []Chain
	// ProxyProtocol of the connections; not of UDP.
	ProxyProtocol ProxyProtocol
	// IPv6 binds the port for both families, otherwise for IPv4 alone.
	IPv6    bool
	Sources []Source
}

// Chain is how the connections of one server name are served.
//
// ID is the identity of the chain within the gateway ("80", "443/*.example.com",
// "443/*" for connections without or with an unclaimed server name). It is the first
// fragment of the scope key, so hosts of one chain are invisible to another.
type Chain struct {
	ID string
	// SNI is the server name this chain claims: exact, "*.suffix", or "" for all others.
	SNI string
	// TLS terminates TLS. Nil means cleartext, or passthrough when Forward is set.
	TLS *ServerTLS
	// Forward is set for layer 4 chains; nil means HTTP with hosts delivered by scope.
	Forward *L4Forward
	// RefuseHTTP10 answers requests of HTTP/1.0 with 426.
	RefuseHTTP10 bool
	// Log of requests or connections; nil: the product's, of all.
	Log *AccessLog
	// Tracing of the requests of an HTTP chain; nil: none.
	Tracing *Tracing
	// Client of an HTTP chain.
	Client Client
	Source Source
}

// ServerTLS is what terminates TLS in front of a chain.
type ServerTLS struct {
	// Certificates are names of Secrets, in the order of the user.
	Certificates []string
	// ClientCA is the name of the Secret with the CA bundle that client certificates are
	// verified with; empty means that no client certificate is requested.
	ClientCA string
	// ClientOptional requests a certificate but accepts none or one that does not verify
	// (AllowInsecureFallback of Gateway API).
	ClientOptional bool
}

// L4Forward sends connections (TCP, TLS passthrough) or sessions (UDP) to weighted targets.
// Without a target, as on a listener that no route has attached to yet, the port is bound all
// the same: connections are closed, datagrams dropped, and the other chains of the port serve.
type L4Forward struct {
	Targets []L4Target
	Source  Source
}

// L4Target is one weighted backend of a layer 4 route. Invalid targets have no cluster: their
// share of the connections is closed (Gateway API TCPRouteRule.backendRefs).
type L4Target struct {
	Cluster ClusterKey
	Invalid bool
	Weight  uint32
}

// Secret is key material the proxy needs. Exactly one of the certificate pair or CA is set,
// all PEM.
type Secret struct {
	Name        string
	Certificate []byte
	PrivateKey  []byte
	CA          []byte
	Source      Source
}
