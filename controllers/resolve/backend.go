package resolve

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// backend is what a reference to a backend resolves to.
type backend struct {
	cluster  ir.ClusterKey
	portName string // of the Service port
	picker   *ir.Picker
}

// targets resolves the backendRefs of a rule. A reference that does not resolve becomes an
// invalid target, whose share of the requests gets 500, and is reported with the references
// of the route. Faults are of the rule itself.
func (r *routeResolver) targets(rule rule) (targets []ir.Target, faults []refusal) {
	for i, ref := range rule.backends {
		path := fmt.Sprintf("%s.backendRefs[%d]", rule.path, i)
		target := ir.Target{Weight: 1}
		if ref.Weight != nil {
			target.Weight = uint32(max(*ref.Weight, 0))
		}
		filters, filterFaults := r.targetFilters(path, ref.Filters)
		faults = append(faults, filterFaults...)
		found, fault := r.backend(path, ref.BackendObjectReference)
		if fault.none() {
			target.Cluster, target.Picker, target.Filters = found.cluster, found.picker, filters
			r.demand(&target, found.portName)
		} else {
			r.refs = append(r.refs, fault)
			target.Invalid = true
		}
		if target.Invalid && target.Weight == 0 {
			continue // takes nothing and leads nowhere
		}
		targets = append(targets, target)
	}
	return targets, faults
}

// backend resolves one reference of an HTTPRoute or GRPCRoute.
func (r *routeResolver) backend(path string, ref gwv1.BackendObjectReference) (backend, refusal) {
	to, fault := r.reference(path, ref)
	if !fault.none() {
		return backend{}, fault
	}
	key := types.NamespacedName{Namespace: to.Namespace, Name: to.Name}
	if to.Kind == "Service" {
		return r.serviceBackend(path, key, ref.Port)
	}
	return r.poolBackend(path, key)
}

// reference checks the kind of a reference and then the permission, before anything is said
// about the object: what is not permitted says nothing.
func (r *routeResolver) reference(path string, ref gwv1.BackendObjectReference) (grantTo, refusal) {
	to := grantTo{Kind: "Service", Namespace: r.object.Key.Namespace, Name: string(ref.Name)}
	if ref.Group != nil {
		to.Group = string(*ref.Group)
	}
	if ref.Kind != nil {
		to.Kind = string(*ref.Kind)
	}
	if ref.Namespace != nil && *ref.Namespace != "" {
		to.Namespace = string(*ref.Namespace)
	}
	isService := to.Group == "" && to.Kind == "Service"
	if isPool := to.Group == inferencev1.GroupName && to.Kind == "InferencePool"; !isService && !isPool {
		return to, refuse(gwv1.RouteReasonInvalidKind,
			"%s: kind %q of group %q is not supported; use a Service, or an InferencePool of group %s.",
			path, to.Kind, to.Group, inferencev1.GroupName)
	}
	from := grantFrom{Group: gwv1.GroupName, Kind: string(r.object.Kind), Namespace: r.object.Key.Namespace}
	if !granted(r.view, from, to) {
		return to, refuse(gwv1.RouteReasonRefNotPermitted,
			"%s: %s %s/%s is in another namespace; create a ReferenceGrant in namespace %s that allows %s of namespace %s to refer to it.",
			path, to.Kind, to.Namespace, to.Name, to.Namespace, from.Kind, from.Namespace)
	}
	return to, refusal{}
}

// service finds the port of a Service that a reference means.
func (r *routeResolver) service(path string, key types.NamespacedName, number *gwv1.PortNumber, protocol corev1.Protocol) (*corev1.Service, *corev1.ServicePort, refusal) {
	if number == nil {
		return nil, nil, refuse(gwv1.RouteReasonBackendNotFound,
			"%s.port is missing; name the port of Service %s.", path, key)
	}
	service := r.view.Service(key)
	if service == nil {
		return nil, nil, refuse(gwv1.RouteReasonBackendNotFound,
			"%s: Service %s does not exist; create it or correct the name.", path, key)
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil, nil, refuse(gwv1.RouteReasonInvalidKind,
			"%s: Service %s has type ExternalName, which is not supported; use a Service with endpoints in the cluster.", path, key)
	}
	port := servicePort(service, uint32(*number), protocol)
	if port == nil {
		return nil, nil, refuse(gwv1.RouteReasonBackendNotFound,
			"%s.port: Service %s has no %s port %d; it has %s.", path, key, protocol, *number, portNumbers(service))
	}
	return service, port, refusal{}
}

func (r *routeResolver) serviceBackend(path string, key types.NamespacedName, number *gwv1.PortNumber) (backend, refusal) {
	service, port, fault := r.service(path, key, number, corev1.ProtocolTCP)
	if !fault.none() {
		return backend{}, fault
	}
	cluster := ir.ClusterKey{Kind: ir.BackendService, Namespace: key.Namespace, Name: key.Name, Port: uint32(port.Port)}
	if r.grpc {
		cluster.Route = ir.RouteGRPC
	}
	return backend{cluster: cluster, portName: port.Name}, r.checkProtocol(path, service, port, cluster)
}

// checkProtocol refuses ports that speak something the route cannot send.
func (r *routeResolver) checkProtocol(path string, service *corev1.Service, port *corev1.ServicePort, cluster ir.ClusterKey) refusal {
	spoken := protocolOf(port)
	switch {
	case !spoken.known:
		return refuse(gwv1.RouteReasonUnsupportedProtocol,
			"%s: port %d of Service %s has appProtocol %q, which is not supported; use http, %s, kubernetes.io/ws, or leave it out.",
			path, port.Port, store.KeyOf(service), *port.AppProtocol, appProtocolH2C)
	case spoken.tls && len(policiesOf(r.view, store.KeyOf(service), port.Name)) == 0 && !r.reencrypts(cluster, port.Name):
		return refuse(gwv1.RouteReasonUnsupportedProtocol,
			"%s: port %d of Service %s has appProtocol %q, which is TLS; create a BackendTLSPolicy for the Service, or set tlsMode reencrypt in its kedify-http trigger.",
			path, port.Port, store.KeyOf(service), *port.AppProtocol)
	case r.grpc && spoken.stated && spoken.http == ir.HTTP1 && !spoken.tls:
		return refuse(gwv1.RouteReasonUnsupportedProtocol,
			"%s: port %d of Service %s has appProtocol %q, over which gRPC cannot be sent; use %s or leave it out.",
			path, port.Port, store.KeyOf(service), *port.AppProtocol, appProtocolH2C)
	}
	return refusal{}
}

const appProtocolH2C = "kubernetes.io/h2c"

// spokenProtocol is what a Service port says about itself in appProtocol.
type spokenProtocol struct {
	known, stated bool // stated: the version of HTTP is
	http          ir.Protocol
	tls           bool // cannot be spoken without a BackendTLSPolicy or tlsMode reencrypt
}

// protocolOf reads appProtocol: the names of KEP-3726, "http", "https", and "grpc", which is
// common. WebSocket needs nothing beyond HTTP/1.1.
func protocolOf(port *corev1.ServicePort) spokenProtocol {
	if port.AppProtocol == nil || *port.AppProtocol == "" {
		return spokenProtocol{known: true, http: ir.HTTP1}
	}
	switch strings.ToLower(*port.AppProtocol) {
	case "http", "kubernetes.io/ws":
		return spokenProtocol{known: true, stated: true, http: ir.HTTP1}
	case appProtocolH2C, "grpc":
		return spokenProtocol{known: true, stated: true, http: ir.HTTP2}
	case "https":
		return spokenProtocol{known: true, http: ir.HTTP1, tls: true}
	case "kubernetes.io/wss":
		return spokenProtocol{known: true, stated: true, http: ir.HTTP1, tls: true}
	}
	return spokenProtocol{}
}

func (r *routeResolver) poolBackend(path string, key types.NamespacedName) (backend, refusal) {
	pool := Pool(r.view, key)
	if !pool.Exists {
		return backend{}, refuse(gwv1.RouteReasonBackendNotFound,
			"%s: InferencePool %s does not exist; create it or correct the name.", path, key)
	}
	r.pools = append(r.pools, key)
	if r.grpc && poolProtocol(r.view.InferencePool(key)) != ir.HTTP2 {
		return backend{}, refuse(gwv1.RouteReasonUnsupportedProtocol,
			"%s: InferencePool %s speaks HTTP/1.1, over which gRPC cannot be sent; set its spec.appProtocol to %s.", path, key, appProtocolH2C)
	}
	return backend{cluster: pool.Cluster, picker: pool.Picker}, refusal{}
}

// servicePort finds a port of a Service by number and transport; nil when it has none. A
// Service may use one number for TCP and for UDP.
func servicePort(service *corev1.Service, number uint32, protocol corev1.Protocol) *corev1.ServicePort {
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		actual := port.Protocol
		if actual == "" {
			actual = corev1.ProtocolTCP
		}
		if uint32(port.Port) == number && actual == protocol {
			return port
		}
	}
	return nil
}

func portNumbers(service *corev1.Service) string {
	var numbers []string
	for _, port := range service.Spec.Ports {
		text := fmt.Sprint(port.Port)
		if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
			text += "/" + string(port.Protocol)
		}
		numbers = append(numbers, text)
	}
	if len(numbers) == 0 {
		return "none"
	}
	slices.Sort(numbers)
	return strings.Join(numbers, ", ")
}
