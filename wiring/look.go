package wiring

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
	"github.com/kedify/inference-gateway/wiring/plan"
)

// look is the plan.World of a namespace, but for its Path and Memory.
func (w *Wiring) look(namespace string) plan.World {
	world := plan.World{
		Setting: plan.DefaultSetting(w.deps.Options.proxy(namespace)), Namespace: namespace, Now: w.deps.Clock.Now(),
		Scalers:     objectsOf[*v1alpha1.HTTPScaler](w.world, kindHTTPScaler, namespace),
		Services:    objectsOf[*corev1.Service](w.world, kindService, namespace),
		Slices:      objectsOf[*discoveryv1.EndpointSlice](w.world, kindEndpointSlice, namespace),
		ProxySlices: w.slicesOf(w.proxiesOf(namespace)),
		Pools:       objectsOf[*inferencev1.InferencePool](w.world, kindInferencePool, namespace),
		Pods:        objectsOf[*corev1.Pod](w.world, kindPod, namespace),
		Grants:      objectsOf[*gwv1.ReferenceGrant](w.world, kindReferenceGrant, namespace),
		TLSPolicies: objectsOf[*gwv1.BackendTLSPolicy](w.world, kindTLSPolicy, namespace),
		Foreign:     w.foreignOf(namespace), ForeignUnknown: !w.foreignKnown.Load(), Find: finder{w.world},
	}
	world.DestinationRules = slices.Concat(
		objectsOf[*unstructured.Unstructured](w.world, kindDestinationRule, namespace),
		objectsOf[*unstructured.Unstructured](w.world, kindDestinationRule, ""), // those with wildcards
	)
	world.RewritePeriod = w.deps.Options.Cooldown
	return world
}

// maxAbroad is how many objects of a kind in one other namespace a plan reads: their owner must not decide how long
// the plan takes, nor which objects of third namespaces are in it.
const maxAbroad = 100

// foreignOf are the foreign objects that matter to a namespace.
func (w *Wiring) foreignOf(namespace string) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, kind := range foreign.Kinds() {
		all = append(all, nearest(namespace, objectsOf[*unstructured.Unstructured](w.world, kind.GVK.Kind, namespace))...)
	}
	return all
}

// nearest leaves the oldest maxAbroad objects of each other namespace. One that is made later displaces none.
func nearest(namespace string, objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	abroad := map[string][]*unstructured.Unstructured{}
	near := slices.DeleteFunc(slices.Clone(objects), func(object *unstructured.Unstructured) bool {
		if object.GetNamespace() == namespace {
			return false
		}
		abroad[object.GetNamespace()] = append(abroad[object.GetNamespace()], object)
		return true
	})
	for _, from := range slices.Sorted(maps.Keys(abroad)) {
		found := abroad[from]
		if len(found) > maxAbroad {
			slices.SortFunc(found, byAge)
			found = found[:maxAbroad]
		}
		near = append(near, found...)
	}
	return near
}

func byAge(a, b *unstructured.Unstructured) int {
	made := a.GetCreationTimestamp()
	return cmp.Or(made.Compare(b.GetCreationTimestamp().Time), strings.Compare(a.GetName(), b.GetName()))
}

// complete reports whether the endpoints of the namespace's pools are known.
func (w *Wiring) complete(namespace string) bool {
	return w.world.knows(kindPod) || len(objectsOf[*inferencev1.InferencePool](w.world, kindInferencePool, namespace)) == 0
}

// finder is plan.Finder on a world.
type finder struct{ world *world }

// Gateway implements plan.Finder.
func (f finder) Gateway(key types.NamespacedName) *gwv1.Gateway {
	gateway, _ := find[*gwv1.Gateway](f.world, kindGateway, key)
	return gateway
}

// OurClass implements plan.Finder.
func (f finder) OurClass(name string) bool {
	class, found := find[*gwv1.GatewayClass](f.world, kindGatewayClass, types.NamespacedName{Name: name})
	return found && class.Spec.ControllerName == v1alpha1.ControllerName
}

// endpoints reads the Endpoints objects of Services without a selector that triggers of kind "service"
// name. They are few and rarely there, and a watch would be one of every Endpoints object of the cluster.
func (w *Wiring) endpoints(ctx context.Context, world plan.World) ([]*metav1.PartialObjectMetadata, error) {
	var found []*metav1.PartialObjectMetadata
	for _, scaler := range world.Scalers {
		if !slices.Contains(scaler.Spec.Autowire, v1alpha1.AutowireService) {
			continue
		}
		key := types.NamespacedName{Namespace: world.Namespace, Name: scaler.Spec.Backend.Service}
		if service, exists := find[*corev1.Service](w.world, kindService, key); !exists || len(service.Spec.Selector) > 0 {
			continue
		}
		object := newEndpoints()
		err := w.deps.API.Direct.Get(ctx, key, object)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil {
			found = append(found, object)
		}
	}
	return found, nil
}

// newEndpoints returns an empty Endpoints object with metadata alone.
func newEndpoints() *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Endpoints"))
	return object
}
