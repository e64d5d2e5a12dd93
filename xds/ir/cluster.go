package ir

import (
	"cmp"
	"net"
	"strconv"
)

// BackendKind is what a cluster stands for.
type BackendKind string

const (
	BackendService BackendKind = "service"
	BackendPool    BackendKind = "pool"   // the endpoints of an InferencePool
	BackendPicker  BackendKind = "picker" // the endpoint picker Service of a pool
)

// ClusterKey is the identity of a backend as one kind of use sees it. The fields after Port split
// what is configured or counted apart while the endpoints stay shared (Endpoints).
type ClusterKey struct {
	Kind      BackendKind
	Namespace string
	Name      string
	Port      uint32 // the Service port; zero for pools
	// Route is the kind of the routes that use the cluster.
	Route RouteProtocol
	// FailOpen: the picker of pools that fail open. Its endpoints become visible later than those
	// of a picker whose pools fail closed, so they travel apart.
	FailOpen bool
	// Relay: the relay of calls to a picker, in front of it. It has no endpoints of its own.
	Relay bool
	// Hold: the cluster that the proxy asks whether a request to the backend may go on. Its
	// endpoints are replicas of the control plane, or none.
	Hold bool
	// Demand is the name of the HTTPScaler, in Namespace, that the requests count for; empty: they
	// are not counted.
	Demand string
}

// RouteProtocol is what the proxy forwards to a backend because of the kind of the route.
type RouteProtocol string

// The protocols of kinds of routes.
const (
	RouteHTTP RouteProtocol = ""     // HTTPRoute: HTTP in the version that the backend speaks
	RouteGRPC RouteProtocol = "grpc" // GRPCRoute: HTTP/2, with any appProtocol of the Service
	RouteTCP  RouteProtocol = "tcp"  // TCPRoute, TLSRoute with passthrough: bytes as they come
	RouteTLS  RouteProtocol = "tls"  // TLSRoute with termination: bytes, in TLS where a policy asks for it
	RouteUDP  RouteProtocol = "udp"  // UDPRoute: datagrams
	// RouteTraces is of no route: spans of the proxy itself, by OTLP over gRPC.
	RouteTraces RouteProtocol = "traces"
)

// The last part of the name of a cluster that is no plain route's.
const (
	variantFailOpen = "open"
	variantHold     = "hold"
	variantRelay    = "relay"
)

// Endpoints returns the key under which the endpoints of the cluster travel. A UDP port is
// another port than the TCP port with its number.
func (k ClusterKey) Endpoints() ClusterKey {
	if k.Route != RouteUDP {
		k.Route = RouteHTTP
	}
	k.Relay, k.Demand = false, ""
	return k
}

// HoldCluster returns the cluster that is asked about requests to the backend. All clusters of one
// backend share it.
func (k ClusterKey) HoldCluster() ClusterKey {
	k.Route, k.FailOpen, k.Hold, k.Demand = RouteHTTP, false, true, ""
	return k
}

// HoldBackend returns the backend that a HoldCluster is asked about.
func (k ClusterKey) HoldBackend() ClusterKey {
	k.Hold = false
	return k.Endpoints()
}

// Application reports whether requests of clients go to the cluster: it is not one that the proxy
// asks about them, or tells of them.
func (k ClusterKey) Application() bool {
	return k.Kind != BackendPicker && !k.Hold && k.Route != RouteTraces
}

// SpeaksGRPC reports whether nothing but gRPC is sent to the cluster.
func (k ClusterKey) SpeaksGRPC() bool { return k.Route == RouteGRPC || k.Route == RouteTraces }

// variant is the part of the name that tells clusters of one backend apart. At most one of the
// three fields is set.
func (k ClusterKey) variant() string {
	switch {
	case k.Hold:
		return variantHold
	case k.FailOpen:
		return variantFailOpen
	default:
		return string(k.Route)
	}
}

func (k ClusterKey) String() string {
	text := string(k.Kind) + "/" + k.Namespace + "/" + k.Name
	if k.Port != 0 {
		text += "/" + strconv.FormatUint(uint64(k.Port), 10)
	}
	if variant := k.variant(); variant != "" {
		text += "/" + variant
	}
	if k.Relay {
		text += "/" + variantRelay
	}
	if k.Demand != "" {
		text += "@" + k.Demand
	}
	return text
}

// Compare orders keys by their fields.
func (k ClusterKey) Compare(other ClusterKey) int {
	return cmp.Or(
		cmp.Compare(k.Kind, other.Kind), cmp.Compare(k.Namespace, other.Namespace), cmp.Compare(k.Name, other.Name),
		cmp.Compare(k.Port, other.Port), cmp.Compare(k.variant(), other.variant()), cmp.Compare(k.Demand, other.Demand),
		cmp.Compare(bit(k.Relay), bit(other.Relay)),
	)
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
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
	Pool *Pool
	// ScaledObject is the name of the object, in the namespace of the backend, that the requests are counted for (ClusterKey.Demand).
	ScaledObject string
	// CountWork has the proxy count bytes, tokens and times to the first token of the requests, for ClusterKey.Demand.
	CountWork bool
	// Fields of Envoy's Cluster that the user sets for all backends (xds/fields, ClusterText).
	Fields string
	Source Source
}

// CountsWork reports whether the work of the requests is counted: of HTTP, for a trigger that asks.
func (c Cluster) CountsWork() bool { return c.CountWork && c.Key.Demand != "" && c.Protocol != TCPRaw }

// Pool says how a pool cluster chooses when its picker named no usable endpoint.
type Pool struct {
	// FailOpen takes any ready endpoint; otherwise the answer is 503.
	FailOpen bool
	// Picker is the cluster of the endpoint picker; zero: the pool names none. The proxy learns it from each rule (Target.Picker).
	Picker ClusterKey
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
	// ClusterIP is the address of the Service itself. Kubernetes leads it to the Pods that are ready
	// now, also when no control plane says so to the proxy. Zero: it may not stand in for Addresses.
	ClusterIP Endpoint
}

// Endpoint is one address that may take requests now.
type Endpoint struct {
	Address string // IPv4 or IPv6, no brackets
	Port    uint32
}

func (e Endpoint) String() string {
	return net.JoinHostPort(e.Address, strconv.FormatUint(uint64(e.Port), 10))
}

// Compare orders by address and port.
func (e Endpoint) Compare(other Endpoint) int {
	return cmp.Or(cmp.Compare(e.Address, other.Address), cmp.Compare(e.Port, other.Port))
}
