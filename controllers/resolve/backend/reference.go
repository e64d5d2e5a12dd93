package backend

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/resolve/policy"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Permitted says what keeps a reference at path from crossing namespaces; the zero value: nothing does.
func Permitted(v store.View, path string, from grant.From, to grant.To) resolve.Problem {
	if outside := v.Outside(to.Kind, types.NamespacedName{Namespace: to.Namespace, Name: to.Name}); outside != "" {
		return resolve.Problemf(gwv1.RouteReasonRefNotPermitted, "%s: %s.", path, outside)
	}
	if grant.Permitted(v, from, to) {
		return resolve.Problem{}
	}
	return resolve.Problemf(gwv1.RouteReasonRefNotPermitted,
		"%s: %s %s/%s is in another namespace; create a ReferenceGrant in namespace %s that allows %s of namespace %s to refer to it.",
		path, to.Kind, to.Namespace, to.Name, to.Namespace, from.Kind, from.Namespace)
}

// Called is a reference to a Service that the proxy itself calls.
type Called struct {
	// Path of the reference, and the object that has it.
	Path string
	From grant.From
	Ref  gwv1.BackendObjectReference
	// Route is what the proxy speaks to it.
	Route ir.RouteProtocol
	// Purpose is what the Service is for: "authorize requests".
	Purpose string
}

// Key is the cluster that the reference names, whether the Service exists and may be called or not; the zero value: it names none.
func (c Called) Key() ir.ClusterKey {
	group, kind := ptr.Deref(c.Ref.Group, ""), ptr.Deref(c.Ref.Kind, "Service")
	if group != "" || kind != "Service" || c.Ref.Port == nil {
		return ir.ClusterKey{}
	}
	return ir.ClusterKey{
		Kind: ir.BackendService, Namespace: c.namespace(), Name: string(c.Ref.Name), Port: uint32(*c.Ref.Port), Route: c.Route,
	}
}

func (c Called) namespace() string {
	return cmp.Or(string(ptr.Deref(c.Ref.Namespace, "")), c.From.Namespace)
}

// Cluster finds the Service, or says why it cannot be called, in the reasons of routes.
func (c Called) Cluster(v store.View) (ir.ClusterKey, resolve.Problem) {
	if group, kind := ptr.Deref(c.Ref.Group, ""), ptr.Deref(c.Ref.Kind, "Service"); group != "" || kind != "Service" {
		return ir.ClusterKey{}, resolve.Problemf(gwv1.RouteReasonInvalidKind,
			"%s: kind %q of group %q cannot %s; use a Service.", c.Path, kind, group, c.Purpose)
	}
	to := grant.To{Kind: "Service", Namespace: c.namespace(), Name: string(c.Ref.Name)}
	if problem := Permitted(v, c.Path, c.From, to); !problem.None() {
		return ir.ClusterKey{}, problem
	}
	key := types.NamespacedName{Namespace: to.Namespace, Name: to.Name}
	port, problem := FindPort(v, c.Path, key, c.Ref.Port, corev1.ProtocolTCP)
	if !problem.None() {
		return ir.ClusterKey{}, problem
	}
	cluster := c.Key()
	return cluster, port.Unspoken(c.Path, cluster, func() bool {
		return len(policy.For(v, key, port.Name)) > 0 || Reencrypts(v, cluster, port.Name)
	})
}

// Port is a port of a Service that a reference means.
type Port struct {
	*corev1.ServicePort
	Service *corev1.Service
}

// FindPort finds the port of a Service that a reference at path means.
func FindPort(
	v store.View, path string, key types.NamespacedName, number *gwv1.PortNumber, protocol corev1.Protocol,
) (Port, resolve.Problem) {
	if number == nil {
		return Port{}, resolve.Problemf(gwv1.RouteReasonBackendNotFound,
			"%s.port is missing; name the port of Service %s.", path, key)
	}
	service := v.Service(key)
	if service == nil {
		return Port{}, resolve.Problemf(gwv1.RouteReasonBackendNotFound,
			"%s: Service %s does not exist; create it or correct the name.", path, key)
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return Port{}, resolve.Problemf(gwv1.RouteReasonInvalidKind,
			"%s: Service %s has type ExternalName, which is not supported; use a Service with endpoints in the cluster.", path, key)
	}
	port := ServicePort(service, uint32(*number), protocol)
	if port == nil {
		return Port{}, resolve.Problemf(gwv1.RouteReasonBackendNotFound,
			"%s.port: Service %s has no %s port %d; it has %s.", path, key, protocol, *number, PortNumbers(service))
	}
	return Port{port, service}, resolve.Problem{}
}

// Unspoken says why the port speaks something that cannot be sent to it. secured reports whether TLS is opened to it, and is asked
// only where that matters.
func (p Port) Unspoken(path string, cluster ir.ClusterKey, secured func() bool) resolve.Problem {
	spoken := ProtocolOf(p.ServicePort)
	switch {
	case !spoken.Known:
		return resolve.Problemf(gwv1.RouteReasonUnsupportedProtocol,
			"%s: port %d of Service %s has appProtocol %q, which is not supported; use http, %s, kubernetes.io/ws, or leave it out.",
			path, p.Port, store.KeyOf(p.Service), *p.AppProtocol, AppProtocolH2C)
	case spoken.TLS && !secured():
		return resolve.Problemf(gwv1.RouteReasonUnsupportedProtocol,
			"%s: port %d of Service %s has appProtocol %q, which is TLS; create a BackendTLSPolicy for the Service, "+
				"or set tlsMode reencrypt in its kedify-http trigger.",
			path, p.Port, store.KeyOf(p.Service), *p.AppProtocol)
	case cluster.SpeaksGRPC() && spoken.Stated && spoken.HTTP == ir.HTTP1 && !spoken.TLS:
		return resolve.Problemf(gwv1.RouteReasonUnsupportedProtocol,
			"%s: port %d of Service %s has appProtocol %q, over which gRPC cannot be sent; use %s or leave it out.",
			path, p.Port, store.KeyOf(p.Service), *p.AppProtocol, AppProtocolH2C)
	}
	return resolve.Problem{}
}
