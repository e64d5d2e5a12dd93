package store

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
)

// View reads the store and tells a recorder what was read, found or not: an object that is
// missing today is a dependency too.
type View struct {
	store  *Store
	record func(Dep)
}

// View returns a reader. A nil record is for callers that compute everything once.
func (s *Store) View(record func(Dep)) View {
	if record == nil {
		record = func(Dep) {}
	}
	return View{store: s, record: record}
}

// get returns one object of a kind, or the zero T when there is none.
func get[T client.Object](v View, kind Kind, key types.NamespacedName) T {
	v.record(ObjectDep{Kind: kind, Key: key})
	object, _ := v.store.table(kind).objects[key].(T)
	return object
}

// list returns the objects under one value of an index, sorted by key.
func list[T client.Object](v View, kind Kind, index Index, value string) []T {
	v.record(IndexDep{Kind: kind, Index: index, Value: value})
	t := v.store.table(kind)
	keys := t.indexes[index][value]
	objects := make([]T, 0, len(keys))
	for _, key := range keys {
		objects = append(objects, t.objects[key].(T))
	}
	return objects
}

// Serves reports whether the API server serves a kind.
func (v View) Serves(kind Kind) bool {
	v.record(ServedDep{kind})
	return !v.store.table(kind).missing
}

// Outside says that the namespace of an object is not watched, see scope.Scope.Outside. What is unwatched is never there, so this is
// asked before a grant is looked for and before an object is called missing.
func (v View) Outside(kind string, key types.NamespacedName) string {
	return v.store.scope.Outside(kind, key)
}

// The getters below return nil when the object does not exist. Results are shared and must
// not be modified.

// GatewayClass returns the class of a name.
func (v View) GatewayClass(name string) *gwv1.GatewayClass {
	return get[*gwv1.GatewayClass](v, GatewayClass, types.NamespacedName{Name: name})
}

// Gateway returns one Gateway.
func (v View) Gateway(key types.NamespacedName) *gwv1.Gateway {
	return get[*gwv1.Gateway](v, Gateway, key)
}

// ListenerSet returns one ListenerSet.
func (v View) ListenerSet(key types.NamespacedName) *gwv1.ListenerSet {
	return get[*gwv1.ListenerSet](v, ListenerSet, key)
}

// ListenerSetsOf returns the ListenerSets that name the Gateway as parent, allowed or not.
func (v View) ListenerSetsOf(gateway types.NamespacedName) []*gwv1.ListenerSet {
	return list[*gwv1.ListenerSet](v, ListenerSet, ByGateway, gateway.String())
}

// HTTPRoute returns one HTTPRoute.
func (v View) HTTPRoute(key types.NamespacedName) *gwv1.HTTPRoute {
	return get[*gwv1.HTTPRoute](v, HTTPRoute, key)
}

// GRPCRoute returns one GRPCRoute.
func (v View) GRPCRoute(key types.NamespacedName) *gwv1.GRPCRoute {
	return get[*gwv1.GRPCRoute](v, GRPCRoute, key)
}

// TLSRoute returns one TLSRoute.
func (v View) TLSRoute(key types.NamespacedName) *gwv1.TLSRoute {
	return get[*gwv1.TLSRoute](v, TLSRoute, key)
}

// TCPRoute returns one TCPRoute.
func (v View) TCPRoute(key types.NamespacedName) *gwv1.TCPRoute {
	return get[*gwv1.TCPRoute](v, TCPRoute, key)
}

// UDPRoute returns one UDPRoute.
func (v View) UDPRoute(key types.NamespacedName) *gwv1.UDPRoute {
	return get[*gwv1.UDPRoute](v, UDPRoute, key)
}

// ReferenceGrantsIn returns the grants of the namespace that references point into.
func (v View) ReferenceGrantsIn(namespace string) []*gwv1.ReferenceGrant {
	return list[*gwv1.ReferenceGrant](v, ReferenceGrant, ByNamespace, namespace)
}

// BackendTLSPolicy returns one policy.
func (v View) BackendTLSPolicy(key types.NamespacedName) *gwv1.BackendTLSPolicy {
	return get[*gwv1.BackendTLSPolicy](v, BackendTLSPolicy, key)
}

// BackendTLSPoliciesOf returns the policies that target the Service.
func (v View) BackendTLSPoliciesOf(service types.NamespacedName) []*gwv1.BackendTLSPolicy {
	return list[*gwv1.BackendTLSPolicy](v, BackendTLSPolicy, ByService, service.String())
}

// XBackend returns one XBackend.
func (v View) XBackend(key types.NamespacedName) *gwxv1.XBackend {
	return get[*gwxv1.XBackend](v, XBackend, key)
}

// XBackendTrafficPolicy returns one policy.
func (v View) XBackendTrafficPolicy(key types.NamespacedName) *gwxv1.XBackendTrafficPolicy {
	return get[*gwxv1.XBackendTrafficPolicy](v, XBackendTrafficPolicy, key)
}

// XTelemetryPolicy returns one policy.
func (v View) XTelemetryPolicy(key types.NamespacedName) *gwxv1.XTelemetryPolicy {
	return get[*gwxv1.XTelemetryPolicy](v, XTelemetryPolicy, key)
}

// XTelemetryPoliciesOf returns the policies that target the Gateway.
func (v View) XTelemetryPoliciesOf(gateway types.NamespacedName) []*gwxv1.XTelemetryPolicy {
	return list[*gwxv1.XTelemetryPolicy](v, XTelemetryPolicy, ByGateway, gateway.String())
}

// InferencePool returns one pool.
func (v View) InferencePool(key types.NamespacedName) *inferencev1.InferencePool {
	return get[*inferencev1.InferencePool](v, InferencePool, key)
}

// GatewayParameters returns one set of parameters.
func (v View) GatewayParameters(key types.NamespacedName) *v1alpha1.GatewayParameters {
	return get[*v1alpha1.GatewayParameters](v, GatewayParameters, key)
}

// HTTPScaler returns one trigger.
func (v View) HTTPScaler(key types.NamespacedName) *v1alpha1.HTTPScaler {
	return get[*v1alpha1.HTTPScaler](v, HTTPScaler, key)
}

// HTTPScalersOf returns the triggers whose requests go to a Service or InferencePool.
func (v View) HTTPScalersOf(kind Kind, key types.NamespacedName) []*v1alpha1.HTTPScaler {
	return list[*v1alpha1.HTTPScaler](v, HTTPScaler, ByBackend, backendValue(kind, key))
}

// Namespace returns the namespace of a name.
func (v View) Namespace(name string) *corev1.Namespace {
	return get[*corev1.Namespace](v, Namespace, types.NamespacedName{Name: name})
}

// Service returns one Service.
func (v View) Service(key types.NamespacedName) *corev1.Service {
	return get[*corev1.Service](v, Service, key)
}

// DataPlaneServices returns the Services that the product made for the Gateway.
func (v View) DataPlaneServices(gateway types.NamespacedName) []*corev1.Service {
	gateway.Name = names.LabelValue(gateway.Name)
	return list[*corev1.Service](v, Service, ByGateway, gateway.String())
}

// EndpointSlicesOf returns the slices of the Service.
func (v View) EndpointSlicesOf(service types.NamespacedName) []*discoveryv1.EndpointSlice {
	return list[*discoveryv1.EndpointSlice](v, EndpointSlice, ByService, service.String())
}

// Secret returns one Secret, trimmed to the entries of TLS (Trim).
func (v View) Secret(key types.NamespacedName) *corev1.Secret {
	return get[*corev1.Secret](v, Secret, key)
}

// ConfigMap returns one ConfigMap.
func (v View) ConfigMap(key types.NamespacedName) *corev1.ConfigMap {
	return get[*corev1.ConfigMap](v, ConfigMap, key)
}

// ClusterTrustBundle returns the bundle of a name.
func (v View) ClusterTrustBundle(name string) *certificatesv1.ClusterTrustBundle {
	return get[*certificatesv1.ClusterTrustBundle](v, ClusterTrustBundle, types.NamespacedName{Name: name})
}

// Pod returns one Pod.
func (v View) Pod(key types.NamespacedName) *corev1.Pod {
	return get[*corev1.Pod](v, Pod, key)
}

// PodsMatching returns the Pods of the namespace that carry all labels, sorted by name. No
// labels select nothing: an InferencePool without a selector has no endpoints.
//
// It reads the shortest list among the labels, and depends on that list alone.
func (v View) PodsMatching(namespace string, labels map[string]string) []*corev1.Pod {
	shortest, found := "", false
	index := v.store.table(Pod).indexes[ByLabel]
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		value := LabelValue(namespace, name, labels[name])
		if !found || len(index[value]) < len(index[shortest]) {
			shortest, found = value, true
		}
	}
	if !found {
		return nil
	}
	candidates := list[*corev1.Pod](v, Pod, ByLabel, shortest)
	return slices.DeleteFunc(candidates, func(pod *corev1.Pod) bool {
		for name, value := range labels {
			if actual, ok := pod.Labels[name]; !ok || actual != value {
				return true
			}
		}
		return false
	})
}
