package wiring

import (
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/wiring/foreign"
	"github.com/kedify/inference-gateway/wiring/plan"
)

// rows are what the watcher hands over: the kinds that moves to safety depend on, or all others.
func (w *Wiring) rows(essential bool) []watch.Row {
	var rows []watch.Row
	for _, input := range inputs {
		if input.essential == essential && !input.later {
			rows = append(rows, w.row(input))
		}
	}
	if essential {
		return rows
	}
	for _, kind := range foreign.Kinds() {
		rows = append(rows, watch.Row{
			Object: newForeign(kind.GVK), Optional: true, Trim: trimForeign,
			Handler: handler{w, kind.GVK.Kind, foreignPlaces, sameForeign},
		})
	}
	return rows
}

func (w *Wiring) row(input input) watch.Row {
	places := ownPlace
	if input.places != nil {
		places = input.places
	}
	return watch.Row{
		Object: input.new(), Optional: input.optional, Trim: input.trim, Handler: handler{w, input.name, places, input.same},
	}
}

// handler is the watch.Handler of a kind.
type handler struct {
	wiring *Wiring
	kind   string
	// places are the namespaces that an object matters to.
	places func(object client.Object) []string
	// same reports whether an update means nothing to plans. The world keeps the newer object: a patch or a deletion is
	// for the version of the object that is live.
	same func(before, after client.Object) bool
}

func ownPlace(object client.Object) []string { return []string{object.GetNamespace()} }

// foreignPlaces are the namespace of the object and those of the backends that it leads to.
func foreignPlaces(object client.Object) []string {
	namespaces := []string{object.GetNamespace()}
	for _, reference := range foreign.References(object.(*unstructured.Unstructured)) {
		namespaces = append(namespaces, reference.Target.Key.Namespace)
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// rulePlaces are the namespaces of the Services that a DestinationRule has a host of.
func rulePlaces(object client.Object) []string {
	return plan.RuledNamespaces(object.(*unstructured.Unstructured))
}

// Set implements watch.Handler.
func (h handler) Set(before, after client.Object) {
	var left []string
	if before != nil {
		left = h.places(before)
	}
	places := h.places(after)
	h.wiring.world.set(h.kind, after, left, places)
	if before != nil && h.same(before, after) {
		return
	}
	if scaler, is := after.(*v1alpha1.HTTPScaler); is {
		h.wiring.standby.Set(scaler)
	}
	h.wiring.changed(h.kind, after, append(left, places...))
}

// Delete implements watch.Handler.
func (h handler) Delete(object client.Object) {
	places := h.places(object)
	h.wiring.world.set(h.kind, object, places, nil)
	if h.kind == kindHTTPScaler {
		h.wiring.standby.Delete(store.KeyOf(object))
		h.wiring.waker.sleep(store.KeyOf(object))
	}
	h.wiring.changed(h.kind, object, places)
}

// Synced implements watch.Handler. What is found now was not there before.
func (h handler) Synced() {
	h.wiring.world.setSynced(h.kind, true)
	h.wiring.touchAll()
}

// Lost implements watch.Handler.
func (h handler) Lost() {
	h.wiring.world.setSynced(h.kind, false)
	h.wiring.touchAll()
}

// changed has the namespaces looked at that an object matters to.
func (w *Wiring) changed(kind string, object client.Object, namespaces []string) {
	switch kind {
	case kindGatewayClass:
		w.touchAll()
		return
	case kindGateway:
		if object.GetNamespace() == w.deps.Options.Namespace {
			w.touchAll() // it may be the shared proxy
			return
		}
	case kindDestinationRule:
		if slices.Contains(namespaces, "") {
			w.touchAll()
			return
		}
	case kindInferencePool:
		w.watchPods()
	case kindEndpointSlice:
		if w.judges(object) {
			w.moveAll()
		}
	}
	for _, namespace := range namespaces {
		if _, foreign := object.(*unstructured.Unstructured); foreign {
			w.touchObjects(namespace)
		} else {
			w.touch(namespace)
		}
	}
}

// judges reports whether an EndpointSlice tells the health of more namespaces than its own.
func (w *Wiring) judges(slice client.Object) bool {
	service := types.NamespacedName{Namespace: slice.GetNamespace(), Name: slice.GetLabels()[discoveryv1.LabelServiceName]}
	return service == w.controllers() || w.deps.Options.SharedProxy && service == w.proxiesOf(slice.GetNamespace())
}

// watchPods watches Pods from the first InferencePool on: Services have EndpointSlices.
func (w *Wiring) watchPods() {
	w.pods.Do(func() {
		for _, input := range inputs {
			if input.later {
				w.watcher.Add(w.row(input))
			}
		}
	})
}

// touch asks for a look at a namespace, if there is anything of the product in it.
func (w *Wiring) touch(namespace string) {
	if w.world.concerned(namespace) {
		w.moves.AddAfter(namespace, moveDelay)
		w.objects.AddAfter(namespace, batchDelay)
	}
}

// touchObjects asks for a look at what foreign objects of a namespace need. That of its Services follows,
// once: hundreds of objects may change at a time.
func (w *Wiring) touchObjects(namespace string) {
	if w.world.concerned(namespace) {
		w.objects.AddAfter(namespace, batchDelay)
	}
}

// touchAll asks for a look at every namespace.
func (w *Wiring) touchAll() {
	for _, namespace := range w.world.allConcerned() {
		w.touch(namespace)
	}
}

// moveAll asks for a look at the health of every namespace.
func (w *Wiring) moveAll() {
	for _, namespace := range w.world.allConcerned() {
		w.moves.Add(namespace)
	}
}
