package resolve

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Source is the provenance of what the listener becomes.
func (l Listener) Source() ir.Source {
	return ir.Source{
		Kind:      string(l.ID.Parent.Kind),
		Namespace: l.ID.Parent.Key.Namespace,
		Name:      l.ID.Parent.Key.Name,
		Section:   l.ID.Name,
	}
}

// OwnDomain reports whether a prefix of an option is of this product.
func OwnDomain(prefix string) bool { return prefix == v1alpha1.GroupName || prefix == "kedify.io" }

// Accepted reports whether the Gateway as a whole is accepted. While it is not, its data plane
// is to be left as it is, made for none and taken from none: Infrastructure is then what could
// be understood, not what the user meant.
func (g GatewayResult) Accepted() bool {
	return FindCondition(g.Conditions, gwv1.GatewayConditionAccepted).Status == metav1.ConditionTrue
}

// ParametersInvalid reports whether the Gateway is not accepted because of its GatewayParameters.
func (g GatewayResult) ParametersInvalid() bool {
	accepted := FindCondition(g.Conditions, gwv1.GatewayConditionAccepted)
	return accepted.Status == metav1.ConditionFalse && accepted.Reason == string(gwv1.GatewayReasonInvalidParameters)
}

// ListenersOf returns the listeners that one object declares.
func (g GatewayResult) ListenersOf(parent Object) []Listener {
	var listeners []Listener
	for _, l := range g.Listeners {
		if l.ID.Parent == parent {
			listeners = append(listeners, l)
		}
	}
	return listeners
}

// Object identifies an object whose status this controller writes.
type Object struct {
	Kind store.Kind
	Key  types.NamespacedName
}

// GatewayResult is what one Gateway with its ListenerSets asks for. The zero value (Owned
// false) is a Gateway that is missing or of a class of another controller.
type GatewayResult struct {
	Key        types.NamespacedName
	Owned      bool
	Generation int64
	// Listeners: the Gateway's own in its order, then those of accepted ListenerSets by age
	// and name. Invalid ones are listed too, for their status.
	Listeners    []Listener
	ListenerSets []ListenerSetResult
	// Conditions except Programmed, which follows the data plane (GatewayStatus).
	Conditions []metav1.Condition
	// Addresses the user asked for.
	Addresses []gwv1.GatewaySpecAddress
	// ClientCertificate is the name of the ir.Secret presented to backends; empty: none.
	ClientCertificate string
	// Secrets that listeners and the client certificate need.
	Secrets        []ir.Secret
	Infrastructure Infrastructure
	// RouteFields and ClusterFields are fields of Envoy's messages that the parameters set for all
	// routes and all backends (xds/fields).
	RouteFields, ClusterFields string
	// RefuseHTTP10 is what the parameters say about clients of HTTP/1.0.
	RefuseHTTP10 bool
	// AccessLog is what the parameters say about the log of requests and connections; nil: nothing.
	AccessLog *ir.AccessLog
	// Tracing is how requests are traced; nil: they are not. An XTelemetryPolicy says so, or the parameters. Clusters has the collector
	// when it can be called.
	Tracing           *ir.Tracing
	TracingParameters TracingParameters
	// Client and ProxyProtocol are what they say about all clients.
	Client        ir.Client
	ProxyProtocol ir.ProxyProtocol
	// IPv6: its proxies have IPv6 addresses, and bind ports for both families.
	IPv6 bool
	// Clusters of the authorization services of listeners, and of the collector of spans, sorted.
	Clusters  []ir.ClusterKey
	ClassName string
	UID       string // owner of the data plane's objects
}

// TracingParameters is what parameters say about tracing, in the namespace of the object that has it; no Spec: nothing.
type TracingParameters struct {
	Spec      *v1alpha1.ProxyTracing
	Namespace string
}

// Infrastructure is how the data plane of a Gateway is to be run.
type Infrastructure struct {
	Labels, Annotations map[string]string
	// Parameters are those of the Gateway merged over those of its class.
	Parameters v1alpha1.GatewayParametersSpec
	// Ports to expose, sorted: those of the accepted listeners, served already or not, so that
	// a late certificate does not take a port from the load balancer and bring it back.
	Ports []Port
}

// Port is one port of the data plane's Service.
type Port struct {
	Port     uint32
	Protocol corev1.Protocol
}

// ListenerSetResult is one ListenerSet of a Gateway.
type ListenerSetResult struct {
	Key        types.NamespacedName
	Generation int64
	Accepted   bool
	Conditions []metav1.Condition // except Programmed
}

// ListenerID is the identity of a listener of the user.
type ListenerID struct {
	// Parent is the Gateway or the ListenerSet that declares the listener.
	Parent Object
	Name   string
}

// Listener is one listener of the user after all checks.
type Listener struct {
	ID       ListenerID
	Port     uint32
	Protocol gwv1.ProtocolType
	Hostname string // lower case; empty: all
	// Chain is the ir.Chain that serves the listener; empty when it cannot serve.
	Chain string
	// TLS of the chain; nil for cleartext and passthrough.
	TLS         *ir.ServerTLS
	Passthrough bool
	// Kinds of routes that may attach (status.supportedKinds).
	Kinds []gwv1.RouteGroupKind
	// Namespaces whose routes may attach, relative to the namespace of Parent.
	Namespaces gwv1.RouteNamespaces
	// Filters that each request passes before a route is chosen; nil: none.
	Filters *ListenerFilters
	// Closed: the listener does not serve, and it has filters. No other listener serves the requests for its hostname: the filters were
	// to stop some of them.
	Closed bool
	// Serving is true when the listener accepts traffic: accepted, no conflict, and its
	// references resolved.
	Serving    bool
	Conditions []metav1.Condition // except Programmed
}

// ListenerFilters are the filters of a listener.
type ListenerFilters struct {
	ir.ListenerFilters
	// Unresolved: the service of one cannot be asked, and all requests get 500.
	Unresolved bool
}

// RouteResult is what one route of any kind contributes.
type RouteResult struct {
	Object     Object
	Generation int64
	Parents    []RouteParent
	// Fragments are the HTTP rules, one per effective hostname of each attached listener.
	Fragments []Fragment
	// Forwards are the layer 4 attachments (TLSRoute, TCPRoute, UDPRoute).
	Forwards []ForwardFragment
	// Clusters that the route may send to, pickers and mirrors included, for each Gateway it
	// is attached to, sorted.
	Clusters []ir.ClusterKey
	// Pools the route refers to that exist, sorted.
	Pools []types.NamespacedName
	// XBackends the route refers to and may refer to, sorted. They are not supported.
	XBackends []types.NamespacedName
	// Backends that the rules of an HTTPRoute or GRPCRoute refer to and may refer to, in their order
	// and unique.
	Backends []BackendRef
	// Generated: the product made the route, for a trigger.
	Generated bool
}

// RouteParent is the status of one parentRef that points to a Gateway of this controller.
type RouteParent struct {
	Ref     gwv1.ParentReference
	Gateway types.NamespacedName
	// Attached listeners; empty when not accepted.
	Attached   []ListenerID
	Conditions []metav1.Condition
}

// Fragment is the rules of one route for one hostname of one listener.
type Fragment struct {
	Gateway  types.NamespacedName
	Listener ListenerID
	// Hostname is the intersection of route and listener: exact, "*.suffix", or "*".
	Hostname string
	// RouteHostname is the one of the route that it comes from (hostname.Shared): of two routes with the same
	// intersection, the rules of the more specific one are asked first.
	RouteHostname string
	// Rules are shared by all fragments of the route.
	Rules *[]Rule
}

// Rule is a route of the IR with what decides its precedence among the rules of other routes
// for the same request (Gateway API HTTPRouteMatch): compared by Compare.
type Rule struct {
	Route ir.Route
	// Created (Unix seconds), Owner and Index break ties: oldest, then namespace/name, then
	// the order in the route.
	Created int64
	Owner   types.NamespacedName
	Index   int
}

// ForwardFragment is a layer 4 route on one listener.
type ForwardFragment struct {
	Gateway  types.NamespacedName
	Listener ListenerID
	// SNI for TLSRoutes: exact, "*.suffix" or "*".
	SNI string
	// RouteHostname is the one of the route that it comes from, as in Fragment; "*" for other routes.
	RouteHostname string
	Forward       ir.L4Forward
	Created       int64
	Owner         types.NamespacedName
}

// PoolResult is what one InferencePool means.
type PoolResult struct {
	Key        types.NamespacedName
	Exists     bool
	Generation int64
	// Picker is nil when the pool has none that can be asked; Cluster is then still valid.
	Picker *ir.Picker
	// Unpicked is why there is none and what requests get; empty: there is one. Routes repeat it.
	Unpicked string
	// Cluster of the pool's endpoints.
	Cluster  ir.ClusterKey
	FailOpen bool
	// Conditions of the pool for any Gateway that refers to it.
	Conditions []metav1.Condition
}

// ClusterResult is one backend for one Gateway.
type ClusterResult struct {
	Exists  bool
	Cluster ir.Cluster
	Secrets []ir.Secret
	// Policy is the BackendTLSPolicy in force; zero when there is none.
	Policy types.NamespacedName
}

// ServesHTTP reports whether requests, rather than connections, are routed on the listener.
func (l Listener) ServesHTTP() bool {
	return l.Protocol == gwv1.HTTPProtocolType || l.Protocol == gwv1.HTTPSProtocolType
}

// HasHostnames reports whether the protocol tells hostnames apart.
func (l Listener) HasHostnames() bool {
	return l.Protocol != gwv1.TCPProtocolType && l.Protocol != gwv1.UDPProtocolType
}

// Takes reports whether routes of the kind may attach.
func (l Listener) Takes(kind gwv1.Kind) bool {
	return slices.ContainsFunc(l.Kinds, func(k gwv1.RouteGroupKind) bool { return k.Kind == kind })
}

// Rejected is configuration that is not in force because a proxy refused it or the control plane
// failed to render it, and the object of the user that it came from.
type Rejected struct {
	Source  ir.Source
	Message string
	// RenderFailed: no proxy has seen the configuration.
	RenderFailed bool
	// Kept: the proxies keep the version before.
	Kept bool
	// Rule that the proxy refuses and that alone is withheld; empty: all of the resource is. Absent: the rule is
	// left out; otherwise it answers 500.
	Rule   string
	Absent bool
}
