package wiring

import (
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// Kinds of the objects of a world. Foreign kinds have the name of their GroupKind.
const (
	kindHTTPScaler      = "HTTPScaler"
	kindService         = "Service"
	kindEndpointSlice   = "EndpointSlice"
	kindPod             = "Pod"
	kindInferencePool   = "InferencePool"
	kindGateway         = "Gateway"
	kindGatewayClass    = "GatewayClass"
	kindReferenceGrant  = "ReferenceGrant"
	kindTLSPolicy       = "BackendTLSPolicy"
	kindDestinationRule = "DestinationRule"
)

// input is a kind that is watched.
type input struct {
	name string
	new  func() client.Object
	// essential kinds are what moves to safety depend on.
	essential bool
	// optional kinds may be missing from the API server, and come later.
	optional bool
	// later: the kind is watched once an object asks for it.
	later bool
	// trim drops what is not read; nil: nothing but the managed fields.
	trim func(client.Object) client.Object
	// places are the namespaces that an object matters to; nil: its own.
	places func(object client.Object) []string
	// same reports whether an update means nothing.
	same func(before, after client.Object) bool
}

// inputs are the kinds of the product and of Kubernetes.
var inputs = []input{
	{name: kindHTTPScaler, essential: true, new: func() client.Object { return &v1alpha1.HTTPScaler{} }, same: sameScaler},
	{name: kindService, essential: true, new: func() client.Object { return &corev1.Service{} }, same: sameService},
	{name: kindEndpointSlice, essential: true, new: func() client.Object { return &discoveryv1.EndpointSlice{} }, same: sameSlice},
	{name: kindPod, new: func() client.Object { return &corev1.Pod{} }, later: true, trim: trimPod, same: samePod},
	{name: kindInferencePool, new: func() client.Object { return &inferencev1.InferencePool{} }, optional: true, same: sameContent},
	{name: kindGateway, new: func() client.Object { return &gwv1.Gateway{} }, optional: true, same: sameContent},
	{name: kindGatewayClass, new: func() client.Object { return &gwv1.GatewayClass{} }, optional: true, same: sameContent},
	{name: kindReferenceGrant, new: func() client.Object { return &gwv1.ReferenceGrant{} }, optional: true, same: sameContent},
	{name: kindTLSPolicy, new: func() client.Object { return &gwv1.BackendTLSPolicy{} }, optional: true, same: sameContent},
	{
		name: kindDestinationRule, new: func() client.Object { return newForeign(destinationRule) }, optional: true, trim: trimForeign,
		places: rulePlaces, same: sameForeign,
	},
}

// destinationRule of Istio.
var destinationRule = foreign.VirtualService.GroupVersion().WithKind(kindDestinationRule)

// Watched returns an empty object of each kind that is read: the permissions that are needed.
func Watched() []client.Object {
	var objects []client.Object
	for _, input := range inputs {
		objects = append(objects, input.new())
	}
	return append(objects, Foreign()...)
}

// Written returns an empty object of each kind that is applied and deleted.
func Written() []client.Object {
	return []client.Object{&corev1.Service{}, &discoveryv1.EndpointSlice{}, &gwv1.ReferenceGrant{}}
}

// Foreign returns an empty object of each kind of another controller that is rewritten and restored.
func Foreign() []client.Object {
	var objects []client.Object
	for _, kind := range foreign.Kinds() {
		objects = append(objects, newForeign(kind.GVK))
	}
	return objects
}

func newForeign(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}

// sameMeta compares what plans read of metadata.
func sameMeta(before, after client.Object) bool {
	return before.GetUID() == after.GetUID() && maps.Equal(before.GetLabels(), after.GetLabels()) &&
		maps.Equal(before.GetAnnotations(), after.GetAnnotations()) && before.GetDeletionTimestamp().Equal(after.GetDeletionTimestamp())
}

// sameContent is for kinds of which no status is read.
func sameContent(before, after client.Object) bool {
	return sameMeta(before, after) && before.GetGeneration() != 0 && before.GetGeneration() == after.GetGeneration()
}

// sameScaler: the demand in the status is a copy for people, written every ten seconds.
func sameScaler(before, after client.Object) bool {
	content := func(object client.Object) (v1alpha1.HTTPScalerSpec, v1alpha1.HTTPScalerStatus) {
		scaler := object.(*v1alpha1.HTTPScaler)
		status := scaler.Status
		status.Demand = nil
		return scaler.Spec, status
	}
	spec, status := content(before)
	newSpec, newStatus := content(after)
	return sameMeta(before, after) && reflect.DeepEqual(spec, newSpec) && reflect.DeepEqual(status, newStatus)
}

func sameService(before, after client.Object) bool {
	return sameMeta(before, after) && reflect.DeepEqual(before.(*corev1.Service).Spec, after.(*corev1.Service).Spec)
}

func sameSlice(before, after client.Object) bool {
	return sameMeta(before, after) && store.Same(before, after)
}

// samePod compares what an endpoint of a pool is made of.
func samePod(before, after client.Object) bool {
	x, y := before.(*corev1.Pod), after.(*corev1.Pod)
	return sameMeta(x, y) && store.Same(x, y) && x.Status.Phase == y.Status.Phase && x.Spec.NodeName == y.Spec.NodeName
}

// trimPod keeps what an endpoint of a pool is made of.
func trimPod(object client.Object) client.Object {
	pod := object.(*corev1.Pod)
	node, phase := pod.Spec.NodeName, pod.Status.Phase
	store.Trim(pod)
	pod.Spec.NodeName, pod.Status.Phase = node, phase
	return pod
}

// trimForeign drops the status of an object of another controller, but that of a route of the Gateway
// API, which says whether the route may refer to its backends.
func trimForeign(object client.Object) client.Object {
	if content := object.(*unstructured.Unstructured); content.GroupVersionKind().Group != gwv1.GroupName {
		delete(content.Object, "status")
	}
	return object
}

// sameForeign compares all but metadata that controllers write at rest.
func sameForeign(before, after client.Object) bool {
	x, y := before.(*unstructured.Unstructured), after.(*unstructured.Unstructured)
	return sameMeta(before, after) && reflect.DeepEqual(x.Object["spec"], y.Object["spec"]) &&
		reflect.DeepEqual(x.Object["status"], y.Object["status"])
}
