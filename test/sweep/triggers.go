package sweep

import (
	"encoding/json"
	"fmt"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// describeMetadata gives the metadata of a trigger its keys, which KEDA's schema does not know.
func describeMetadata(s *Schema) {
	keys := map[string]structuralschema.Structural{}
	for _, key := range trigger.Keys() {
		keys[key.Name] = structuralschema.Structural{Generic: structuralschema.Generic{Type: "string"}}
	}
	triggers := s.Structural.Properties["spec"].Properties["triggers"]
	metadata := triggers.Items.Properties["metadata"]
	metadata.Properties, metadata.AdditionalProperties = keys, nil
	triggers.Items.Properties["metadata"] = metadata
}

// generated is what a ScaledObject became.
type generated struct {
	world   plan.World
	planned plan.Plan
	// objects are those of the plan that the API server takes.
	objects []map[string]any
}

// triggers plans a ScaledObject as the controller does, and has the API server take what is planned.
func (o *Outcome) triggers(subject map[string]any, others []map[string]any, schemas Schemas) (made generated) {
	written := &kedav1alpha1.ScaledObject{}
	if err := watch.Read(subject, written); err != nil {
		o.find("a field of the object cannot be read: %v", err)
		return made
	}
	w := o.World
	proxy := w.key(v1alpha1.ProxyGatewayName)
	made.world = plan.World{
		Setting: plan.Setting{
			Proxy: proxy, ClassName: v1alpha1.GatewayClassName, ScalerAddress: "kedify-gateway.kedify-system.svc:9090", CountsOthers: true,
		},
		Find: newFinder(others), ScaledObjects: []*kedav1alpha1.ScaledObject{written},
	}
	made.planned = plan.Make(made.world)
	moved := map[any]int64{}
	for _, object := range made.planned.Objects {
		content, err := applied(object)
		if err != nil {
			o.find("%T cannot be written: %v", object, err)
			continue
		}
		if schema := schemas[fmt.Sprint(content["kind"])]; schema != nil {
			if err := schema.Admit(content); err != nil {
				o.find("%s cannot be applied: %v", identity(content), err)
				continue
			}
		}
		w.movePorts(content, moved)
		made.objects = append(made.objects, content)
	}
	return made
}

// heard plans once more, when the generated routes have their statuses; nothing for an object that is no ScaledObject.
func (g generated) heard(statuses map[resolve.Object]status.Update) plan.Plan {
	if len(g.world.ScaledObjects) == 0 {
		return plan.Plan{}
	}
	world := g.world
	of := func(kind store.Kind, route client.Object) (parents []gwv1.RouteParentStatus) {
		parents, _ = statuses[resolve.Object{Kind: kind, Key: store.KeyOf(route)}].Value.([]gwv1.RouteParentStatus)
		return parents
	}
	for _, object := range g.planned.Objects {
		switch object := object.(type) {
		case *gwv1.HTTPRoute:
			route := object.DeepCopy()
			route.Status.Parents = of(store.HTTPRoute, route)
			world.HTTPRoutes = append(world.HTTPRoutes, route)
		case *gwv1.TLSRoute:
			route := object.DeepCopy()
			route.Status.Parents = of(store.TLSRoute, route)
			world.TLSRoutes = append(world.TLSRoutes, route)
		}
	}
	return plan.Make(world)
}

// applied is an object as it is sent to the API server.
func applied(object plan.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	read := map[string]any{}
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	return whole(read).(map[string]any), nil
}

// movePorts gives the listeners of the generated Gateway ports of the world, and leads its routes to them:
// those of the product are the same in all namespaces.
func (w *World) movePorts(object map[string]any, moved map[any]int64) {
	for _, list := range []string{"listeners", "parentRefs"} {
		items, _, _ := unstructured.NestedSlice(object, "spec", list)
		for _, item := range items {
			fields := item.(map[string]any)
			port, has := fields["port"]
			if !has {
				continue
			}
			if _, known := moved[port]; !known {
				moved[port] = w.place() + generatedPortsOffset + int64(len(moved))
			}
			fields["port"] = moved[port]
		}
		if len(items) > 0 {
			_ = unstructured.SetNestedSlice(object, items, "spec", list)
		}
	}
}

// conditionsOf are those that the HTTPScaler gets. Without one, the owner hears of events.
func (o *Outcome) conditionsOf(planned plan.Plan) (conditions []condition) {
	for _, status := range planned.Statuses {
		for _, c := range status.Value.Conditions {
			conditions = append(conditions, condition{object: o.holder(), Condition: c})
		}
	}
	if len(planned.Statuses) > 0 {
		return conditions
	}
	for _, event := range planned.Events {
		conditions = append(conditions, condition{object: o.holder(), Condition: metav1.Condition{
			Type: "Accepted", Status: metav1.ConditionFalse, Reason: event.Reason, Message: event.Note,
		}})
	}
	return conditions
}

// scheme has the kinds of the objects that a plan finds.
var scheme = controllers.NewScheme()

// finder is a plan.Finder over the objects of a world, whose Gateways have the class of the product.
type finder struct{ offline.Finder }

func newFinder(contents []map[string]any) finder {
	var objects []client.Object
	for _, content := range contents {
		row, known := store.RowOf(store.Kind(fmt.Sprint(content["kind"])))
		if !known {
			continue
		}
		object := row.New()
		if watch.Read(content, object) == nil {
			objects = append(objects, object)
		}
	}
	return finder{offline.NewFinder(scheme, objects, nil)}
}

// OurClass implements plan.Finder: the objects around a key have no GatewayClass.
func (finder) OurClass(name string) bool { return name == v1alpha1.GatewayClassName }
