package scaledobject

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// readWorld reads the World of a partition from the cache. What a plan looks up in it may fail later: the
// error is that of the finder.
func (c *Controller) readWorld(ctx context.Context, partition partition) (plan.World, *finder, error) {
	if !c.Shared {
		c.setActive(string(partition), true)
	}
	find := &finder{ctx: ctx, c: c, partition: partition}
	world := plan.World{Setting: c.setting(partition), Find: find, ForeignUnknown: !c.foreignKnown.Load()}
	var objects kedav1alpha1.ScaledObjectList
	var scalers v1alpha1.HTTPScalerList
	var routes gwv1.HTTPRouteList
	var grpc gwv1.GRPCRouteList
	var tls gwv1.TLSRouteList
	namespace := client.InNamespace(partition)
	err := errors.Join(
		c.list(ctx, "ScaledObject", &objects, namespace),
		c.list(ctx, "HTTPScaler", &scalers, namespace),
		c.list(ctx, "HTTPRoute", &routes, namespace),
		c.list(ctx, "GRPCRoute", &grpc, namespace),
		c.list(ctx, "TLSRoute", &tls, namespace),
	)
	world.ScaledObjects, world.Scalers = pointers(objects.Items), pointers(scalers.Items)
	world.Attachments = c.Attachments.LeadingTo(string(partition))
	world.TLSRoutes = pointers(tls.Items)
	world.HTTPRoutes = withReferrers(find, "HTTPRoute", pointers(routes.Items), func() *gwv1.HTTPRoute { return &gwv1.HTTPRoute{} })
	world.GRPCRoutes = withReferrers(find, "GRPCRoute", pointers(grpc.Items), func() *gwv1.GRPCRoute { return &gwv1.GRPCRoute{} })
	for _, kind := range []schema.GroupVersionKind{foreign.Ingress, foreign.VirtualService, foreign.Route} {
		list := listOf(kind)
		err = errors.Join(err, c.list(ctx, kind.Kind, list, namespace))
		world.Foreign = append(world.Foreign, withReferrers(find, kind.Kind, pointers(list.Items), func() *unstructured.Unstructured {
			return newUnstructured(kind)
		})...)
	}
	return world, find, errors.Join(err, find.err)
}

// listOf returns an empty list of a kind without a Go type.
func listOf(kind schema.GroupVersionKind) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	return list
}

// list reads objects that are not modified; none of a kind that is not served.
func (c *Controller) list(ctx context.Context, kind string, list client.ObjectList, options ...client.ListOption) error {
	if !c.kinds.has(kind) {
		return nil
	}
	if err := c.Cache.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return fmt.Errorf("list %ss: %w", kind, err)
	}
	return nil
}

func pointers[T any](items []T) []*T {
	all := make([]*T, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}

// withReferrers adds to the objects of a partition those of other namespaces that refer to its backends,
// and returns all in the order of their names: which of several is named in a status must not change
// from one plan to the next.
func withReferrers[T interface {
	client.Object
	comparable
}](f *finder, kind string, objects []T, empty func() T) []T {
	if f.partition != "" {
		for _, key := range f.c.referrers.into(kind, string(f.partition)) {
			var missing T
			if object := find(f, kind, key, empty()); object != missing {
				objects = append(objects, object)
			}
		}
	}
	slices.SortFunc(objects, func(a, b T) int {
		return store.CompareKeys(store.KeyOf(a), store.KeyOf(b))
	})
	return objects
}

// finder is plan.Finder on the cache. The first error makes the whole look void: a read that
// failed is not the absence of an object.
type finder struct {
	ctx       context.Context
	c         *Controller
	partition partition
	err       error
}

func find[T client.Object](f *finder, kind string, key types.NamespacedName, into T) (found T) {
	if !f.c.kinds.has(kind) {
		return found
	}
	err := f.c.Cache.Get(f.ctx, key, into)
	switch {
	case err == nil:
		return into
	case !apierrors.IsNotFound(err) && f.err == nil:
		f.err = fmt.Errorf("read %s %s: %w", kind, key, err)
	}
	return found
}

func (f *finder) Service(key types.NamespacedName) *corev1.Service {
	return find(f, "Service", key, &corev1.Service{})
}

func (f *finder) Secret(key types.NamespacedName) *corev1.Secret {
	return find(f, "Secret", key, &corev1.Secret{})
}

func (f *finder) ConfigMap(key types.NamespacedName) *corev1.ConfigMap {
	return find(f, "ConfigMap", key, &corev1.ConfigMap{})
}

func (f *finder) InferencePool(key types.NamespacedName) *inferencev1.InferencePool {
	return find(f, "InferencePool", key, &inferencev1.InferencePool{})
}

func (f *finder) Rollout(key types.NamespacedName) *unstructured.Unstructured {
	return find(f, "Rollout", key, newUnstructured(rolloutKind))
}

func (f *finder) Gateway(key types.NamespacedName) *gwv1.Gateway {
	return find(f, "Gateway", key, &gwv1.Gateway{})
}

func (f *finder) GatewayParameters(key types.NamespacedName) *v1alpha1.GatewayParameters {
	return find(f, "GatewayParameters", key, &v1alpha1.GatewayParameters{})
}

func (f *finder) Requested(scaler types.NamespacedName) bool { return f.c.Requested(scaler) }

func (f *finder) OurClass(name string) bool {
	class := find(f, "GatewayClass", types.NamespacedName{Name: name}, &gwv1.GatewayClass{})
	return class != nil && class.Spec.ControllerName == v1alpha1.ControllerName
}
