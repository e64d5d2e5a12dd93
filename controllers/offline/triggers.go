package offline

import (
	"slices"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
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

// planned is what the ScaledObjects of a world become.
type planned struct {
	objects  []client.Object
	statuses []status.Update
	problems []Problem
}

// plans makes what the triggers need, one plan for each namespace. attached are the routes that lead to backends.
func plans(scheme *runtime.Scheme, objects Objects, setting Setting, attached *attachments.Index) planned {
	var made planned
	finder := NewFinder(scheme, objects.Watched, objects.Rollouts)
	var namespaces []string
	for _, so := range objects.ScaledObjects {
		namespaces = append(namespaces, so.Namespace)
		made.problems = append(made.problems, mistakes(so, setting)...)
	}
	slices.Sort(namespaces)
	for _, namespace := range slices.Compact(namespaces) {
		world := worldOf(objects, setting, namespace)
		world.Find, world.Attachments = finder, attached.LeadingTo(namespace)
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
		case *gwv1.TLSRoute:
			world.TLSRoutes = append(world.TLSRoutes, object)
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

// withStatuses returns objects with the statuses of routes in them, as the API server has them. Gateways get none: their addresses
// come from a cluster, and what is not deployed is not known to be programmed.
func withStatuses(objects []client.Object, updates []status.Update) []client.Object {
	values := map[resolve.Object]any{}
	for _, update := range updates {
		values[update.Object] = update.Value
	}
	told := make([]client.Object, 0, len(objects))
	for _, object := range objects {
		object = object.DeepCopyObject().(client.Object)
		key := store.KeyOf(object)
		switch object := object.(type) {
		case *gwv1.HTTPRoute:
			object.Status.Parents, _ = values[resolve.Object{Kind: store.HTTPRoute, Key: key}].([]gwv1.RouteParentStatus)
		case *gwv1.GRPCRoute:
			object.Status.Parents, _ = values[resolve.Object{Kind: store.GRPCRoute, Key: key}].([]gwv1.RouteParentStatus)
		case *gwv1.TLSRoute:
			object.Status.Parents, _ = values[resolve.Object{Kind: store.TLSRoute, Key: key}].([]gwv1.RouteParentStatus)
		}
		told = append(told, object)
	}
	return told
}
