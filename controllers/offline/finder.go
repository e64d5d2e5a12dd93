package offline

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Finder finds objects of a world by kind and name.
type Finder struct {
	objects  map[resolve.Object]client.Object
	rollouts []*unstructured.Unstructured
}

// NewFinder returns a Finder of the objects that the store holds, and of Rollouts.
func NewFinder(scheme *runtime.Scheme, objects []client.Object, rollouts []*unstructured.Unstructured) Finder {
	f := Finder{objects: map[resolve.Object]client.Object{}, rollouts: rollouts}
	for _, object := range objects {
		if kind, watched := KindOf(scheme, object); watched {
			f.objects[resolve.Object{Kind: kind, Key: store.KeyOf(object)}] = object
		}
	}
	return f
}

func find[T client.Object](f Finder, kind store.Kind, key types.NamespacedName) T {
	object, _ := f.objects[resolve.Object{Kind: kind, Key: key}].(T)
	return object
}

// Service implements plan.Finder.
func (f Finder) Service(key types.NamespacedName) *corev1.Service {
	return find[*corev1.Service](f, store.Service, key)
}

// Secret implements plan.Finder.
func (f Finder) Secret(key types.NamespacedName) *corev1.Secret {
	return find[*corev1.Secret](f, store.Secret, key)
}

// ConfigMap implements plan.Finder.
func (f Finder) ConfigMap(key types.NamespacedName) *corev1.ConfigMap {
	return find[*corev1.ConfigMap](f, store.ConfigMap, key)
}

// InferencePool implements plan.Finder.
func (f Finder) InferencePool(key types.NamespacedName) *inferencev1.InferencePool {
	return find[*inferencev1.InferencePool](f, store.InferencePool, key)
}

// Gateway implements plan.Finder.
func (f Finder) Gateway(key types.NamespacedName) *gwv1.Gateway {
	return find[*gwv1.Gateway](f, store.Gateway, key)
}

// GatewayParameters implements plan.Finder.
func (f Finder) GatewayParameters(key types.NamespacedName) *v1alpha1.GatewayParameters {
	return find[*v1alpha1.GatewayParameters](f, store.GatewayParameters, key)
}

// Rollout implements plan.Finder.
func (f Finder) Rollout(key types.NamespacedName) *unstructured.Unstructured {
	at := slices.IndexFunc(f.rollouts, func(object *unstructured.Unstructured) bool { return store.KeyOf(object) == key })
	if at < 0 {
		return nil
	}
	return f.rollouts[at]
}

// OurClass implements plan.Finder.
func (f Finder) OurClass(name string) bool {
	class := find[*gwv1.GatewayClass](f, store.GatewayClass, types.NamespacedName{Name: name})
	return class != nil && class.Spec.ControllerName == v1alpha1.ControllerName
}

// Requested implements plan.Finder: no request ever came.
func (f Finder) Requested(types.NamespacedName) bool { return false }
