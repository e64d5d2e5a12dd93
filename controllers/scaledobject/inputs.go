package scaledobject

import (
	"reflect"
	"strings"
	"sync"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/replicas"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// rolloutKind is that of Argo Rollouts, which has no Go module of API types alone.
var rolloutKind = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"}

// untyped makes empty objects of a kind.
func untyped(kind schema.GroupVersionKind) func() client.Object {
	return func() client.Object { return newUnstructured(kind) }
}

func newUnstructured(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}

// input is a kind that plans are made from.
type input struct {
	name string
	new  func() client.Object
	// touch asks for a look at the partitions that a change of the object matters to.
	touch func(c *Controller, object client.Object)
	// same reports whether an update means nothing; nil: store.Same.
	same func(before, after client.Object) bool
	// crossNamespace: objects may refer to backends of other namespaces.
	crossNamespace bool
	// trim drops what plans do not read; nil: the trim of the cache.
	trim func(client.Object) client.Object
	// foreign kinds belong to other controllers. Plans do not wait for them.
	foreign bool
}

// inputs are all of them. Each may be missing from the API server, and come later.
var inputs = []input{
	{name: "Service", new: func() client.Object { return &corev1.Service{} }, touch: touchNamespace},
	{name: "Secret", new: func() client.Object { return &corev1.Secret{} }, touch: touchNamespace},
	{name: "ConfigMap", new: func() client.Object { return &corev1.ConfigMap{} }, touch: touchConfigMap},
	{name: "InferencePool", new: func() client.Object { return &inferencev1.InferencePool{} }, touch: touchNamespace},
	{name: "Rollout", new: untyped(rolloutKind), touch: touchNamespace, trim: replicas.TrimRollout, foreign: true},
	{name: "GatewayClass", new: func() client.Object { return &gwv1.GatewayClass{} }, touch: touchEverything},
	{name: "Gateway", new: func() client.Object { return &gwv1.Gateway{} }, touch: touchGateway, same: sameGateway},
	{name: "GatewayParameters", new: func() client.Object { return &v1alpha1.GatewayParameters{} }, touch: touchParameters},
	{name: "ReferenceGrant", new: func() client.Object { return &gwv1.ReferenceGrant{} }, touch: touchProxyPart},
	{name: "HTTPRoute", new: func() client.Object { return &gwv1.HTTPRoute{} }, touch: touchRoute, same: sameRoute, crossNamespace: true},
	{name: "GRPCRoute", new: func() client.Object { return &gwv1.GRPCRoute{} }, touch: touchRoute, same: sameRoute, crossNamespace: true},
	{name: "TLSRoute", new: func() client.Object { return &gwv1.TLSRoute{} }, touch: touchRoute, same: sameRoute},
	{name: foreign.Ingress.Kind, new: untyped(foreign.Ingress), touch: touchRoute, trim: trimStatus, foreign: true},
	{
		name: foreign.VirtualService.Kind, new: untyped(foreign.VirtualService), touch: touchRoute, trim: trimStatus,
		crossNamespace: true, foreign: true,
	},
	{name: foreign.Route.Kind, new: untyped(foreign.Route), touch: touchRoute, trim: trimStatus, foreign: true},
	{name: "HTTPScaler", new: func() client.Object { return &v1alpha1.HTTPScaler{} }, touch: touchScaler, same: sameScaler},
	{
		name: "ScaledObject", new: func() client.Object { return &kedav1alpha1.ScaledObject{} },
		touch: touchScaledObject, same: sameScaledObject,
	},
}

// Watched returns an empty object of each kind that is read: the permissions that are needed.
func Watched() []client.Object {
	objects := make([]client.Object, 0, len(inputs))
	for _, input := range inputs {
		objects = append(objects, input.new())
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

// touchConfigMap: the values of the installation are those of all generated Gateways.
func touchConfigMap(c *Controller, object client.Object) {
	if store.KeyOf(object) == c.values() {
		c.touchAll()
	}
	touchNamespace(c, object)
}

// touchGateway: a generated Gateway without triggers has to go; any other Gateway may have the name of a generated
// one, or serve routes that lead to a trigger's backend.
func touchGateway(c *Controller, object client.Object) {
	if plan.Managed(object) || object.GetName() == v1alpha1.ProxyGatewayName {
		c.touch(object.GetNamespace())
	}
	if plan.Managed(object) {
		return
	}
	for _, namespace := range c.referrers.behind(store.KeyOf(object)) {
		c.touchActive(namespace)
	}
}

// touchProxyPart: what belongs to a generated Gateway.
func touchProxyPart(c *Controller, object client.Object) {
	if object.GetName() == v1alpha1.ProxyGatewayName {
		c.touch(object.GetNamespace())
	}
}

// touchParameters: those in the namespace of the installation are named after the namespace of their proxy.
func touchParameters(c *Controller, object client.Object) {
	namespace, found := strings.CutPrefix(object.GetName(), v1alpha1.InstallationParametersPrefix)
	if found && object.GetNamespace() == c.Namespace {
		c.touch(namespace)
	}
	touchProxyPart(c, object)
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

// sameScaler: the demand in the status is a copy for people, written every ten seconds.
func sameScaler(before, after client.Object) bool {
	withoutDemand := func(object client.Object) v1alpha1.HTTPScalerStatus {
		status := object.(*v1alpha1.HTTPScaler).Status
		status.Demand = nil
		return status
	}
	return store.Same(before, after) && before.GetDeletionTimestamp().Equal(after.GetDeletionTimestamp()) &&
		reflect.DeepEqual(withoutDemand(before), withoutDemand(after))
}

// sameScaledObject: KEDA writes the status at every poll.
func sameScaledObject(before, after client.Object) bool {
	return store.Same(before, after) && before.GetDeletionTimestamp().Equal(after.GetDeletionTimestamp())
}

// sameGateway: of a Gateway that the product did not make, plans read the class alone.
func sameGateway(before, after client.Object) bool {
	if plan.Managed(before) || plan.Managed(after) || after.GetName() == v1alpha1.ProxyGatewayName {
		return store.Same(before, after) && reflect.DeepEqual(programmed(before), programmed(after))
	}
	return before.(*gwv1.Gateway).Spec.GatewayClassName == after.(*gwv1.Gateway).Spec.GatewayClassName && before.GetUID() == after.GetUID()
}

// programmed is what a plan reads of the status of a generated Gateway.
func programmed(gateway client.Object) *metav1.Condition {
	return meta.FindStatusCondition(gateway.(*gwv1.Gateway).Status.Conditions, string(gwv1.GatewayConditionProgrammed))
}

// sameRoute: a plan reads a part of the status.
func sameRoute(before, after client.Object) bool {
	return store.Same(before, after) &&
		reflect.DeepEqual(plan.Heard(before, store.RouteParents(before)), plan.Heard(after, store.RouteParents(after)))
}

// trimStatus drops the status of an object of another controller.
func trimStatus(object client.Object) client.Object {
	object.SetManagedFields(nil)
	delete(object.(*unstructured.Unstructured).Object, "status")
	return object
}

// rows has the watcher hand over the inputs of other controllers, or all others.
func (c *Controller) rows(foreign bool) []watch.Row {
	rows := make([]watch.Row, 0, len(inputs))
	for _, input := range inputs {
		if input.foreign != foreign {
			continue
		}
		same := input.same
		if same == nil {
			same = store.Same
		}
		rows = append(rows, watch.Row{
			Object: input.new(), Optional: true, Derived: true, Trim: input.trim, Unchanged: same, Handler: inputHandler{c, input},
		})
	}
	return rows
}

// inputHandler is the watch.Handler of an input.
type inputHandler struct {
	controller *Controller
	input      input
}

// Set implements watch.Handler.
func (h inputHandler) Set(before, after client.Object) {
	if h.input.crossNamespace {
		h.controller.referrers.set(h.input.name, before, after)
	}
	if before != nil {
		h.input.touch(h.controller, before)
	}
	h.input.touch(h.controller, after)
}

// Delete implements watch.Handler.
func (h inputHandler) Delete(object client.Object) {
	if h.input.crossNamespace {
		h.controller.referrers.set(h.input.name, object, nil)
	}
	h.input.touch(h.controller, object)
}

// Synced implements watch.Handler. What is found now was not there before.
func (h inputHandler) Synced() {
	h.controller.kinds.set(h.input.name, true)
	h.controller.touchAll()
}

// Lost implements watch.Handler.
func (h inputHandler) Lost() {
	h.controller.kinds.set(h.input.name, false)
	h.controller.touchAll()
}

// kinds knows which kinds can be read from the cache.
type kinds struct {
	mu     sync.Mutex
	synced map[string]bool
}

func (k *kinds) set(name string, synced bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.synced[name] = synced
}

// has reports whether objects of a kind can be read.
func (k *kinds) has(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.synced[name]
}
