package scaledobject

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// rolloutKind is that of Argo Rollouts, which has no Go module of API types alone.
var rolloutKind = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"}

func newRollout() client.Object {
	rollout := &unstructured.Unstructured{}
	rollout.SetGroupVersionKind(rolloutKind)
	return rollout
}

// source is a kind that plans are made from.
type source struct {
	name string
	new  func() client.Object
	// touch asks for a look at the scopes that a change of the object matters to.
	touch func(c *Controller, object client.Object)
	// same reports whether an update means nothing; nil: store.Same.
	same func(before, after client.Object) bool
}

// sources are all of them. Each may be missing from the API server, and come later.
var sources = []source{
	{name: "Service", new: func() client.Object { return &corev1.Service{} }, touch: touchNamespace},
	{name: "Secret", new: func() client.Object { return &corev1.Secret{} }, touch: touchNamespace},
	{name: "ConfigMap", new: func() client.Object { return &corev1.ConfigMap{} }, touch: touchNamespace},
	{name: "InferencePool", new: func() client.Object { return &inferencev1.InferencePool{} }, touch: touchNamespace},
	{name: "Rollout", new: newRollout, touch: touchNamespace},
	{name: "GatewayClass", new: func() client.Object { return &gwv1.GatewayClass{} }, touch: touchEverything},
	{name: "Gateway", new: func() client.Object { return &gwv1.Gateway{} }, touch: touchGateway},
	{name: "GatewayParameters", new: func() client.Object { return &v1alpha1.GatewayParameters{} }, touch: touchProxyPart},
	{name: "ReferenceGrant", new: func() client.Object { return &gwv1.ReferenceGrant{} }, touch: touchProxyPart},
	{name: "HTTPRoute", new: func() client.Object { return &gwv1.HTTPRoute{} }, touch: touchRoute, same: sameRoute},
	{name: "GRPCRoute", new: func() client.Object { return &gwv1.GRPCRoute{} }, touch: touchRoute, same: sameRoute},
	{name: "TLSRoute", new: func() client.Object { return &gwv1.TLSRoute{} }, touch: touchRoute},
	{name: "HTTPScaler", new: func() client.Object { return &v1alpha1.HTTPScaler{} }, touch: touchScaler, same: never},
	{name: "ScaledObject", new: func() client.Object { return &kedav1alpha1.ScaledObject{} }, touch: touchScaledObject, same: sameScaledObject},
}

// Watched returns an empty object of each kind that is read: the permissions that are needed.
func Watched() []client.Object {
	objects := make([]client.Object, 0, len(sources))
	for _, source := range sources {
		objects = append(objects, source.new())
	}
	return objects
}

// Written returns an empty object of each kind that is applied and deleted.
func Written() []client.Object {
	return []client.Object{
		&v1alpha1.HTTPScaler{}, &v1alpha1.GatewayParameters{}, &gwv1.HTTPRoute{}, &gwv1.TLSRoute{}, &gwv1.Gateway{},
		&gwv1.ReferenceGrant{}, &corev1.Service{},
	}
}

func touchNamespace(c *Controller, object client.Object) { c.touchActive(object.GetNamespace()) }

func touchEverything(c *Controller, _ client.Object) { c.touchAll() }

// touchGateway: one of ours that is there without a reason has to go; any other may serve
// routes of the user's.
func touchGateway(c *Controller, object client.Object) {
	if plan.Managed(object) {
		c.touch(object.GetNamespace())
		return
	}
	c.touchAll()
}

// touchProxyPart: what belongs to a generated Gateway.
func touchProxyPart(c *Controller, object client.Object) {
	if object.GetName() == v1alpha1.ProxyGatewayName {
		c.touch(object.GetNamespace())
	}
}

func touchRoute(c *Controller, object client.Object) {
	if plan.Generated(object) {
		c.touch(object.GetNamespace())
		return
	}
	for _, namespace := range plan.Targets(object) {
		c.touchActive(namespace)
	}
}

func touchScaler(c *Controller, object client.Object) { c.touch(object.GetNamespace()) }

func touchScaledObject(c *Controller, object client.Object) {
	c.setActive(object.GetNamespace(), true)
	c.touch(object.GetNamespace())
	c.backfill.observe(object.(*kedav1alpha1.ScaledObject))
}

func never(client.Object, client.Object) bool { return false }

// sameScaledObject: KEDA writes the status at every poll.
func sameScaledObject(before, after client.Object) bool {
	return store.Same(before, after) && before.GetDeletionTimestamp().Equal(after.GetDeletionTimestamp())
}

// sameRoute: the status says who serves a route.
func sameRoute(before, after client.Object) bool {
	return store.Same(before, after) && reflect.DeepEqual(parentsOf(before), parentsOf(after))
}

func parentsOf(object client.Object) []gwv1.RouteParentStatus {
	switch route := object.(type) {
	case *gwv1.HTTPRoute:
		return route.Status.Parents
	case *gwv1.GRPCRoute:
		return route.Status.Parents
	}
	return nil
}

// watch starts informers for the sources, waits until what exists was handed over, and
// returns those that the API server does not know.
func (c *Controller) watch(ctx context.Context, wanted []source) (missing []source, err error) {
	var served []source
	for _, source := range wanted {
		known, err := c.kinds.ask(source.new())
		switch {
		case err != nil:
			return nil, err
		case known:
			served = append(served, source)
		default:
			missing = append(missing, source)
		}
	}
	var handed []toolscache.InformerSynced
	for _, source := range served {
		informer, err := c.Cache.GetInformer(ctx, source.new(), cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", source.name, err)
		}
		registration, err := informer.AddEventHandler(c.handler(source))
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", source.name, err)
		}
		handed = append(handed, registration.HasSynced)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), handed...) {
		return missing, ctx.Err()
	}
	if len(served) > 0 {
		c.kinds.ready(wanted, missing)
		c.touchAll() // what is found now was not there before
	}
	return missing, nil
}

func (c *Controller) handler(s source) toolscache.ResourceEventHandler {
	same := s.same
	if same == nil {
		same = store.Same
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { s.touch(c, object.(client.Object)) },
		UpdateFunc: func(before, after any) {
			if same(before.(client.Object), after.(client.Object)) {
				return
			}
			s.touch(c, before.(client.Object))
			s.touch(c, after.(client.Object))
		},
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			s.touch(c, object.(client.Object))
		},
	}
}

// kinds knows which kinds are served and in the cache.
type kinds struct {
	mapper meta.RESTMapper
	scheme *runtime.Scheme

	mu     sync.Mutex
	served map[string]bool
}

// ask reports whether the API server knows the kind of an object.
func (k *kinds) ask(object client.Object) (bool, error) {
	gvk, err := apiutil.GVKForObject(object, k.scheme)
	if err != nil {
		return false, err
	}
	_, err = k.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	switch {
	case err == nil:
		return true, nil
	case meta.IsNoMatchError(err):
		return false, nil
	}
	return false, fmt.Errorf("ask for %s: %w", gvk, err)
}

// ready notes that the wanted sources but the missing ones are in the cache.
func (k *kinds) ready(wanted, missing []source) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, source := range wanted {
		k.served[source.name] = true
	}
	for _, source := range missing {
		delete(k.served, source.name)
	}
}

// has reports whether objects of a kind can be read.
func (k *kinds) has(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.served[name]
}
