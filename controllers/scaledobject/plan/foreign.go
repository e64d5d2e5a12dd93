package plan

import (
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Kinds of objects that lead requests to backends.
const (
	kindHTTPRoute      = "HTTPRoute"
	kindGRPCRoute      = "GRPCRoute"
	kindIngress        = "Ingress"
	kindVirtualService = "VirtualService"
	kindRoute          = "Route"
)

// Kinds without a Go module of API types alone.
var (
	// VirtualService of Istio.
	VirtualService = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: kindVirtualService}
	// Route of OpenShift.
	Route = schema.GroupVersionKind{Group: "route.openshift.io", Version: "v1", Kind: kindRoute}
)

// ingressBackends returns the Services of an Ingress.
func ingressBackends(ingress *networkingv1.Ingress) []gwv1.BackendRef {
	var refs []gwv1.BackendRef
	add := func(backend *networkingv1.IngressBackend) {
		if backend != nil && backend.Service != nil {
			refs = append(refs, serviceRef(backend.Service.Name, ""))
		}
	}
	add(ingress.Spec.DefaultBackend)
	for _, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for i := range rule.HTTP.Paths {
			add(&rule.HTTP.Paths[i].Backend)
		}
	}
	return refs
}

// virtualServiceBackends returns the Services that a VirtualService routes to.
func virtualServiceBackends(virtual *unstructured.Unstructured) []gwv1.BackendRef {
	var refs []gwv1.BackendRef
	for _, protocol := range []string{"http", "tls", "tcp"} {
		for _, rule := range mapsAt(virtual.Object, "spec", protocol) {
			for _, route := range mapsAt(rule, "route") {
				host, _, _ := unstructured.NestedString(route, "destination", "host")
				if name, namespace, ok := serviceOfHost(host); ok {
					refs = append(refs, serviceRef(name, namespace))
				}
			}
		}
	}
	return refs
}

// serviceOfHost reads the host of a destination: "service", "service.namespace" or
// "service.namespace.svc" with any cluster domain. An empty namespace is that of the object.
func serviceOfHost(host string) (name, namespace string, ok bool) {
	labels := strings.Split(host, ".")
	switch {
	case host == "" || len(labels) > 2 && labels[2] != "svc":
		return "", "", false
	case len(labels) == 1:
		return labels[0], "", true
	}
	return labels[0], labels[1], true
}

// routeBackends returns the Services of an OpenShift Route.
func routeBackends(route *unstructured.Unstructured) []gwv1.BackendRef {
	var refs []gwv1.BackendRef
	to, _, _ := unstructured.NestedMap(route.Object, "spec", "to")
	for _, backend := range append([]map[string]any{to}, mapsAt(route.Object, "spec", "alternateBackends")...) {
		name, _, _ := unstructured.NestedString(backend, "name")
		if kind, _, _ := unstructured.NestedString(backend, "kind"); name != "" && (kind == "" || kind == "Service") {
			refs = append(refs, serviceRef(name, ""))
		}
	}
	return refs
}

// mapsAt returns the objects of a list; what is not one is left out.
func mapsAt(object map[string]any, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	items, _ := list.([]any)
	var found []map[string]any
	for _, item := range items {
		if content, ok := item.(map[string]any); ok {
			found = append(found, content)
		}
	}
	return found
}

func serviceRef(name, namespace string) gwv1.BackendRef {
	ref := gwv1.BackendRef{BackendObjectReference: gwv1.BackendObjectReference{Name: gwv1.ObjectName(name)}}
	if namespace != "" {
		ref.Namespace = ptr.To(gwv1.Namespace(namespace))
	}
	return ref
}

// backendOf reads a reference to a Service or an InferencePool, without the port.
func backendOf(ref gwv1.BackendRef, namespace string) (target, bool) {
	group, kind := "", "Service"
	if ref.Group != nil {
		group = string(*ref.Group)
	}
	if ref.Kind != nil {
		kind = string(*ref.Kind)
	}
	key := types.NamespacedName{Namespace: refNamespace(ref, namespace), Name: string(ref.Name)}
	switch {
	case group == inferencev1.GroupName && kind == "InferencePool":
		return target{pool: true, key: key}, true
	case group == "" && kind == "Service":
		return target{key: key}, true
	}
	return target{}, false
}
