package offline

import (
	"slices"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/attachments"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// rollout is the kind of Argo Rollouts, which has no Go type.
var rollout = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"}

// known finds objects of a world by kind and name.
type known struct {
	objects  map[resolve.Object]client.Object
	rollouts []*unstructured.Unstructured
}

func newKnown(scheme *runtime.Scheme, objects []client.Object, rollouts []*unstructured.Unstructured) known {
	k := known{objects: map[resolve.Object]client.Object{}, rollouts: rollouts}
	for _, object := range objects {
		if kind, watched := KindOf(scheme, object); watched {
			k.objects[resolve.Object{Kind: kind, Key: store.KeyOf(object)}] = object
		}
	}
	return k
}

func find[T client.Object](k known, kind store.Kind, key types.NamespacedName) T {
	object, _ := k.objects[resolve.Object{Kind: kind, Key: key}].(T)
	return object
}

// Service implements plan.Finder.
func (k known) Service(key types.NamespacedName) *corev1.Service {
	return find[*corev1.Service](k, store.Service, key)
}

// Secret implements plan.Finder.
func (k known) Secret(key types.NamespacedName) *corev1.Secret {
	return find[*corev1.Secret](k, store.Secret, key)
}

// ConfigMap implements plan.Finder.
func (k known) ConfigMap(key types.NamespacedName) *corev1.ConfigMap {
	return find[*corev1.ConfigMap](k, store.ConfigMap, key)
}

// InferencePool implements plan.Finder.
func (k known) InferencePool(key types.NamespacedName) *inferencev1.InferencePool {
	return find[*inferencev1.InferencePool](k, store.InferencePool, key)
}

// Gateway implements plan.Finder.
func (k known) Gateway(key types.NamespacedName) *gwv1.Gateway {
	return find[*gwv1.Gateway](k, store.Gateway, key)
}

// GatewayParameters implements plan.Finder.
func (k known) GatewayParameters(key types.NamespacedName) *v1alpha1.GatewayParameters {
	return find[*v1alpha1.GatewayParameters](k, store.GatewayParameters, key)
}

// Rollout implements plan.Finder.
func (k known) Rollout(key types.NamespacedName) *unstructured.Unstructured {
	at := slices.IndexFunc(k.rollouts, func(object *unstructured.Unstructured) bool { return store.KeyOf(object) == key })
	if at < 0 {
		return nil
	}
	return k.rollouts[at]
}

// OurClass implements plan.Finder.
func (k known) OurClass(name string) bool {
	class := find[*gwv1.GatewayClass](k, store.GatewayClass, types.NamespacedName{Name: name})
	return class != nil && class.Spec.ControllerName == v1alpha1.ControllerName
}

// Requested implements plan.Finder: no request ever came.
func (k known) Requested(types.NamespacedName) bool { return false }

// planned is what the ScaledObjects of a world become.
type planned struct {
	objects  []client.Object
	statuses []status.Update
	problems []Problem
}

// plans makes what the triggers need, one plan for each namespace. attached are the routes of users.
func plans(scheme *runtime.Scheme, objects Objects, setting Setting, attached *attachments.Index) planned {
	var made planned
	find := newKnown(scheme, objects.Watched, objects.Rollouts)
	var namespaces []string
	for _, so := range objects.ScaledObjects {
		namespaces = append(namespaces, so.Namespace)
		made.problems = append(made.problems, mistakes(so, setting)...)
	}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		world := worldOf(objects, setting, namespace)
		world.Find, world.Attachments = find, attached.LeadingTo(namespace)
		made.add(plan.Make(world))
	}
	return made
}

func worldOf(objects Objects, setting Setting, namespace string) plan.World {
	world := plan.World{Foreign: objects.Foreign, Setting: plan.Setting{
		Proxy: types.NamespacedName{Namespace: namespace, Name: v1alpha1.ProxyGatewayName}, ClassName: v1alpha1.GatewayClassName,
		ScalerAddress: setting.ScalerAddress, CountsOthers: true, Autowire: setting.Autowire,
	}}
	for _, so := range objects.ScaledObjects {
		// What the API server refuses is not there; the problems say so.
		if so.Namespace == namespace && len(trigger.Errors(trigger.Parse(plan.ObjectOf(so), setting.ScalerAddress).Problems)) == 0 {
			world.ScaledObjects = append(world.ScaledObjects, so)
		}
	}
	for _, object := range objects.Watched {
		switch object := object.(type) {
		case *gwv1.HTTPRoute:
			world.HTTPRoutes = append(world.HTTPRoutes, object)
		case *gwv1.GRPCRoute:
			world.GRPCRoutes = append(world.GRPCRoutes, object)
		}
	}
	return world
}

// mistakes are what admission says of a ScaledObject.
func mistakes(so *kedav1alpha1.ScaledObject, setting Setting) (problems []Problem) {
	object := plan.ObjectOf(so)
	found := slices.Concat(trigger.Parse(object, setting.ScalerAddress).Problems, trigger.Lookalikes(object, setting.ScalerAddress))
	for _, problem := range found {
		problems = append(problems, Problem{
			Object: resolve.Object{Kind: trigger.ScaledObject, Key: store.KeyOf(so)}, Warning: problem.Warning, Message: problem.String(),
		})
	}
	return problems
}

// add takes a plan.
func (p *planned) add(made plan.Plan) {
	for _, object := range made.Objects {
		copied := object.DeepCopyObject().(client.Object)
		p.objects = append(p.objects, withIdentity(copied))
	}
	for _, each := range made.Statuses {
		value := each.Value
		p.statuses = append(p.statuses, status.Update{
			Object: resolve.Object{Kind: store.HTTPScaler, Key: each.Scaler}, Generation: 1, Value: &value,
		})
		p.problems = append(p.problems, negatives(resolve.Object{Kind: store.HTTPScaler, Key: each.Scaler}, value.Conditions)...)
	}
	for _, failure := range made.Failures {
		p.problems = append(p.problems, Problem{
			Object: resolve.Object{Kind: trigger.ScaledObject, Key: failure.ScaledObject}, Message: failure.Err.Error(),
		})
	}
}

// withStatus puts the conditions of the plan and the statuses of routes into the objects, as the API server has them.
func (p *planned) withStatus(result Result) {
	parents := map[resolve.Object][]gwv1.RouteParentStatus{}
	for _, update := range result.Statuses {
		if value, route := update.Value.([]gwv1.RouteParentStatus); route {
			parents[update.Object] = value
		}
	}
	for _, object := range p.objects {
		switch object := object.(type) {
		case *gwv1.HTTPRoute:
			object.Status.Parents = parents[resolve.Object{Kind: store.HTTPRoute, Key: store.KeyOf(object)}]
		case *gwv1.TLSRoute:
			object.Status.Parents = parents[resolve.Object{Kind: store.TLSRoute, Key: store.KeyOf(object)}]
		}
	}
}

// negative reports whether a condition says that something is wrong. Programmed is not among them: it follows the proxies.
func negative(condition metav1.Condition) bool {
	switch condition.Type {
	case "Accepted", "ResolvedRefs":
		return condition.Status == metav1.ConditionFalse
	case "Conflicted", "PartiallyInvalid", plan.ConditionBypassed:
		return condition.Status == metav1.ConditionTrue
	}
	return false
}

// passing reports whether such a condition ends by itself: with the first request, which files do not have.
func passing(condition metav1.Condition) bool { return condition.Type == plan.ConditionBypassed }
