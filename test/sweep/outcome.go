package sweep

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/test/rig"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Outcome is what became of a World.
type Outcome struct {
	World *World
	// Unadmitted is the answer of the API server to the object; nil: it took it.
	Unadmitted error
	// Refused: a condition of the object is negative.
	Refused bool
	// Findings are promises that are broken.
	Findings []string
	// Resources of all Gateways, for Envoy.
	Resources []resource.Resource
	// Loaded: an Envoy was given the resources. Rejected: it refused them.
	Loaded, Rejected bool
	// Served: the neighbour's requests are to be answered.
	Served bool
}

func (o *Outcome) find(format string, args ...any) {
	o.Findings = append(o.Findings, fmt.Sprintf(format, args...))
}

// Run puts a World into the engine.
func Run(w *World, schemas Schemas) *Outcome {
	o := &Outcome{World: w}
	subject := w.subject()
	if o.Unadmitted = schemas[w.Variant.Kind.Name].Admit(subject); o.Unadmitted != nil {
		return o
	}
	objects := []map[string]any{}
	for _, object := range w.Variant.Others {
		objects = append(objects, w.own(object).(map[string]any))
	}
	var made generated
	if w.Variant.Kind.Name == scaledObject {
		made = o.triggers(subject, objects, schemas)
		objects = append(objects, made.objects...)
	} else {
		objects = append(objects, subject)
	}
	out := o.resolve(objects)
	o.Resources = out.All()
	for _, failure := range out.Failures {
		o.find("not rendered: %s", failure)
	}
	o.statusesFit(out, schemas)
	o.judge(append(o.conditionsOf(made.heard(out.Statuses)), conditionsIn(out)...))
	return o
}

// resolve runs the engine on the objects.
func (o *Outcome) resolve(contents []map[string]any) *rig.Output {
	var objects []client.Object
	for _, content := range contents {
		row, known := store.RowOf(store.Kind(fmt.Sprint(content["kind"])))
		if !known {
			continue
		}
		object := row.New()
		if err := watch.Read(content, object); err != nil && !strings.HasSuffix(string(row.Kind), "Route") {
			o.find("a field of the object cannot be read: %v", err) // a route with such a field is refused
			continue
		}
		objects = append(objects, object)
	}
	return rig.Run(objects...)
}

// statusesFit finds statuses that the API server would not take: nothing would be written then.
func (o *Outcome) statusesFit(out *rig.Output, schemas Schemas) {
	for object, update := range out.Statuses {
		schema := schemas[string(object.Kind)]
		if schema == nil || update.Value == nil {
			continue
		}
		content, err := statusContent(update.Value)
		if err != nil {
			o.find("status of %s %s: %v", object.Kind, object.Key, err)
			continue
		}
		if err := schema.AdmitStatus(content); err != nil {
			o.find("status of %s %s: the API server does not take it: %v", object.Kind, object.Key, err)
		}
	}
}

// judge compares what statuses say with what was tried.
func (o *Outcome) judge(conditions []condition) {
	w, holder := o.World, o.holder()
	neighbour := resolve.Object{Kind: store.HTTPRoute, Key: w.key("neighbour")}
	has := func(object resolve.Object) bool {
		return slices.ContainsFunc(conditions, func(c condition) bool { return c.object == object })
	}
	var negative, elsewhere []condition
	o.Served = has(neighbour) && !w.movesNeighbour()
	for _, c := range conditions {
		switch {
		case !c.negative():
		case c.object == neighbour:
			o.Served = false
			if !w.Variant.Kind.owner {
				o.find("the neighbour is refused: %s", c)
			}
		case c.object == holder:
			negative = append(negative, c)
		default:
			elsewhere = append(elsewhere, c)
		}
	}
	if !has(neighbour) && !w.Variant.Kind.owner {
		o.find("the neighbour has no status")
	}
	o.Refused = len(negative) > 0
	// An object that no Gateway of the product is concerned with has no status.
	o.complain(negative, elsewhere, has(holder))
}

// complain finds refusals without the name of what is refused, and those that another object alone tells.
func (o *Outcome) complain(negative, elsewhere []condition, hasStatus bool) {
	v := o.World.Variant
	switch {
	case o.Refused && !v.unsupported() && !named(o.World.Mutations, negative):
		o.find("refused, but not by name: %s", negative[0])
	case !o.Refused && hasStatus && len(elsewhere) > 0 && !v.Kind.owner:
		o.find("only another object says what is wrong: %s", elsewhere[0])
	}
}

// holder is the object whose status tells about the value: parameters have none of their own, a trigger
// has that of its HTTPScaler.
func (o *Outcome) holder() resolve.Object {
	kind := store.Kind(o.World.Variant.Kind.Name)
	switch kind {
	case store.GatewayParameters:
		return resolve.Object{Kind: store.Gateway, Key: o.World.key("edge")}
	case store.Gateway:
		return resolve.Object{Kind: kind, Key: o.World.key("edge")}
	case scaledObject:
		return resolve.Object{Kind: store.HTTPScaler, Key: o.World.key("subject")}
	default:
		return resolve.Object{Kind: kind, Key: o.World.key("subject")}
	}
}
