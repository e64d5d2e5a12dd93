package ir

import (
	"strconv"
)

// BackendKind is what a cluster stands for.
type BackendKind string

const (
	BackendService BackendKind = "service"
	BackendPool    BackendKind = "pool"   // the endpoints of an InferencePool
	BackendPicker  BackendKind = "picker" // the endpoint picker Service of a pool
)

// ClusterKey is the identity of a backend. Scope splits what is counted or held apart while
// the endpoints stay shared.
type ClusterKey struct {
	Kind      BackendKind
	Namespace string
	Name      string
	Port      uint32 // the Service port; zero for pools
	Scope     string
	// Demand is the name of the HTTPScaler, in Namespace, that the requests count for; empty:
	// nobody counts them.
	Demand string
}

// Scopes of clusters. The protocol of the first four follows from the kind of route that uses
// them.
const (
	ScopeGRPC = "grpc" // GRPCRoute: HTTP/2 whatever the backend says of itself
	ScopeTCP  = "tcp"  // TCPRoute, TLSRoute with passthrough: bytes as they come
	ScopeTLS  = "tls"  // TLSRoute with termination: bytes, in TLS where a policy asks for it
	ScopeUDP  = "udp"  // UDPRoute
	// ScopeOpen: the picker of pools that fail open. Its endpoints join later than those of
	// pools that fail closed (xds/settle), so they travel apart.
	ScopeOpen = "open"
	// ScopeHold: who is asked whether a request to the backend may go on (Hold). Its endpoints
	// are replicas of the control plane, or none.
	ScopeHold = "hold"
)

// Endpoints returns the key under which the endpoints of the cluster travel. A UDP port is
// another port than the TCP port with its number; of a picker that fails open, see ScopeOpen.
func (k ClusterKey) Endpoints() ClusterKey {
	switch k.Scope {
	case ScopeUDP, ScopeOpen, ScopeHold:
	default:
		k.Scope = ""
	}
	k.Demand = ""
	return k
}

// Hold returns the cluster that is asked about requests to the backend. All clusters of one
// backend share it.
func (k ClusterKey) Hold() ClusterKey {
	k.Scope, k.Demand = ScopeHold, ""
	return k
}

func (k ClusterKey) String() string {
	text := string(k.Kind) + "/" + k.Namespace + "/" + k.Name
	if k.Port != 0 {
		text += "/" + strconv.FormatUint(uint64(k.Port), 10)
	}
	if k.Scope != "" {
		text += "/" + k.Scope
	}
	if k.Demand != "" {
		text += "@" + k.Demand
	}
	return text
}

// Protocol is what the proxy speaks to the endpoints of a cluster.
type Protocol string

const (
	HTTP1  Protocol = "http1"
	HTTP2  Protocol = "http2" // cleartext prior knowledge, or ALPN h2 under TLS
	TCPRaw Protocol = "tcp"
	// HTTPAny is HTTP/2 or HTTP/1.1, as the backend chooses (ALPN): under TLS only.
	HTTPAny Protocol = "http"
)

// Cluster is a backend as the proxy sees it. Its endpoints travel apart (Endpoints).
type Cluster struct {
	Key      ClusterKey
	Protocol Protocol
	TLS      *UpstreamTLS
	// Pool is set for BackendPool clusters.
	Pool   *Pool
	Source Source
}

// Pool says how a pool cluster chooses when its picker named no usable endpoint.
type Pool struct {
	// FailOpen takes any ready endpoint; otherwise the answer is 503.
	FailOpen bool
}

// UpstreamTLS is TLS towards the endpoints (BackendTLSPolicy, a picker's own, or tlsMode
// reencrypt).
type UpstreamTLS struct {
	SNI string
	// HostSNI is the host of each request as its server name, in place of SNI.
	HostSNI bool
	// CA is the name of the Secret with the CA bundle; SystemCA uses the proxy's trust store.
	CA       string
	SystemCA bool
	// Insecure verifies nothing (picker Services and the applications of kedify-http, whose
	// certificates are self-signed).
	Insecure bool
	// Names the certificate must carry one of; empty: SNI.
	Names []SubjectAltName
	// Certificate is the name of the Secret presented to the backend; empty: none.
	Certificate string
	// ControlPlane is mutual TLS with a replica of the control plane, with what the proxy
	// connects to it with anyway. No other field is set then.
	ControlPlane bool
}

// SubjectAltName is one acceptable name of a backend certificate.
type SubjectAltName struct {
	URI  bool // otherwise DNS
	Name string
}

// Endpoints are the addresses of a cluster, sorted by address and port.
type Endpoints struct {
	Key       ClusterKey
	Addresses []Endpoint
}

// Endpoint is one address that may take requests now.
type Endpoint struct {
	Address string // IPv4 or IPv6, no brackets
	Port    uint32
}
