package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// world is a small universe of names, so that objects meet often, with the model that sees it.
type world struct {
	random *rand.Rand
	model  *Model
	out    *recorder
	serial int64

	objects    map[objectKey]client.Object
	deliveries map[types.NamespacedName]Delivery
	problems   map[types.NamespacedName]string
	refused    map[types.NamespacedName]string // Services for addresses
	installed  class.Installed
	unserved   bool // ClusterTrustBundles
}

type objectKey struct {
	kind store.Kind
	key  types.NamespacedName
}

func newWorld(seed uint64) *world {
	w := &world{
		random: rand.New(rand.NewPCG(seed, 7)), out: newRecorder(), objects: map[objectKey]client.Object{},
		deliveries: map[types.NamespacedName]Delivery{}, problems: map[types.NamespacedName]string{},
		refused: map[types.NamespacedName]string{},
	}
	// The publisher and the data planes know nothing more of a gateway that is gone.
	w.out.forgotten = func(gateway types.NamespacedName) {
		delete(w.deliveries, gateway)
		delete(w.problems, gateway)
		delete(w.refused, gateway)
	}
	w.model = New(w.out, class.Setting{})
	return w
}

// flush computes everything, with pauses in which endpoints change.
func (w *world) flush() {
	for !w.model.Advance(func() bool { return w.random.IntN(4) == 0 }) {
		if len(w.objects) > 0 && w.random.IntN(2) == 0 {
			kind := pick(w, []store.Kind{store.EndpointSlice, store.Pod})
			w.put(kind, generators[kind](w))
		}
		w.model.PublishEndpoints()
	}
}

// populate starts the world with what nothing works without.
func (w *world) populate() {
	kinds := []store.Kind{store.GatewayClass, store.Namespace, store.Namespace, store.Gateway, store.Gateway, store.Secret, store.Secret}
	for _, kind := range kinds {
		w.put(kind, generators[kind](w))
	}
	for range 9 {
		w.put(store.Service, generators[store.Service](w))
	}
}

// put sets an object as the API server would: a new generation for a new spec alone.
func (w *world) put(kind store.Kind, object client.Object) {
	key := objectKey{kind, store.KeyOf(object)}
	w.serial++
	object.SetGeneration(w.serial)
	if before := w.objects[key]; before != nil && specOf(before) == specOf(object) {
		object.SetGeneration(before.GetGeneration())
	}
	object.SetResourceVersion(fmt.Sprint(w.serial))
	w.objects[key] = object
	w.model.Set(kind, object)
}

// clear deletes every object.
func (w *world) clear() {
	for key := range w.objects {
		w.model.Delete(key.kind, key.key)
	}
	clear(w.objects)
}

// specOf is an object without its metadata, and without a status that is a subresource of its own.
func specOf(object client.Object) string {
	bare := object.DeepCopyObject().(client.Object)
	if scaler, is := bare.(*v1alpha1.HTTPScaler); is {
		scaler.Status = v1alpha1.HTTPScalerStatus{}
	}
	meta := metav1.ObjectMeta{Name: object.GetName(), Namespace: object.GetNamespace()}
	bare.SetGeneration(0)
	bare.SetResourceVersion("")
	bare.SetLabels(meta.Labels)
	text, err := json.Marshal(bare)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// steps are the events of a world besides changes of objects.
var steps = []func(*world, *testing.T){(*world).again, (*world).deliver, (*world).build, (*world).install, (*world).serve}

// kinds are the kinds of changed objects. Routes come often: most of the engine is about them.
var kinds = func() []store.Kind {
	kinds := []store.Kind{store.Gateway, store.Gateway, store.Service, store.Service}
	for range 16 {
		kinds = append(kinds, store.HTTPRoute)
	}
	for _, row := range store.Rows {
		kinds = append(kinds, row.Kind)
	}
	return kinds
}()

// step is one event.
func (w *world) step(t *testing.T) {
	if w.random.IntN(5) == 0 {
		pick(w, steps)(w, t)
		return
	}
	kind := pick(w, kinds)
	object := generators[kind](w)
	key := objectKey{kind, store.KeyOf(object)}
	if _, exists := w.objects[key]; exists && w.random.IntN(4) == 0 {
		delete(w.objects, key)
		w.model.Delete(kind, key.key)
		if w.random.IntN(4) > 0 {
			return
		} // otherwise created again at once
	}
	w.put(kind, object)
}

// again sets an object that is there anew, as after a write of its status.
func (w *world) again(t *testing.T) {
	key, ok := w.anyObject(nil)
	if !ok {
		return
	}
	w.serial++
	object := w.objects[key].DeepCopyObject().(client.Object)
	object.SetResourceVersion(fmt.Sprint(w.serial))
	w.objects[key] = object
	if w.model.Set(key.kind, object) {
		t.Fatalf("%v: the same object counts as a change", key)
	}
}

// anyObject picks an object of some kinds, nil: of all.
func (w *world) anyObject(of []store.Kind) (objectKey, bool) {
	var keys []objectKey
	for key := range w.objects {
		if of == nil || slices.Contains(of, key.kind) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return objectKey{}, false
	}
	slices.SortFunc(keys, func(a, b objectKey) int {
		if a.kind != b.kind {
			return slices.Index(kinds, a.kind) - slices.Index(kinds, b.kind)
		}
		return store.CompareKeys(a.key, b.key)
	})
	return pick(w, keys), true
}

var rejectable = []store.Kind{store.Gateway, store.ListenerSet, store.HTTPRoute, store.GRPCRoute, store.TCPRoute}

// deliver changes what the proxies of a gateway have.
func (w *world) deliver(*testing.T) {
	gateway := store.KeyOf(generators[store.Gateway](w))
	delivery := Delivery{Connected: w.random.IntN(3), Ports: map[uint32]bool{80: w.random.IntN(2) == 0, 443: true}}
	for range w.random.IntN(3) {
		rejection := Rejection{Message: pick(w, []string{"bad regex", "no such filter"})}
		for range 1 + w.random.IntN(2) {
			if key, ok := w.anyObject(rejectable); ok {
				rejection.Sources = append(rejection.Sources, ir.Source{
					Kind: string(key.kind), Namespace: key.key.Namespace, Name: key.key.Name, Section: pick(w, []string{"", "l0", "l1"}),
				})
			}
		}
		delivery.Rejected = append(delivery.Rejected, rejection)
	}
	w.deliveries[gateway] = delivery
	w.model.Deliver(gateway, delivery)
}

// build changes whether the data plane of a gateway could be made.
func (w *world) build(*testing.T) {
	gateway := store.KeyOf(generators[store.Gateway](w))
	problem := pick(w, []string{"", "quota exceeded", "Service port taken"})
	w.problems[gateway] = problem
	w.model.Built(gateway, problem)
	w.refused[gateway] = pick(w, []string{"", "the provided IP is already allocated"})
	w.model.Addressed(gateway, w.refused[gateway])
}

// crds is an installation that no world makes.
func (w *world) crds() class.Installed {
	return class.Installed{{Bundle: "v0.1.0", Channel: "standard"}}
}

// install changes the CRDs of the Gateway API.
func (w *world) install(*testing.T) {
	crds := class.Installed{}
	for range w.random.IntN(3) {
		crds = append(crds, class.CRD{
			Bundle: pick(w, []string{class.BundleVersion, "v9.9.9"}), Channel: pick(w, []string{"standard", "experimental"}),
		})
	}
	w.installed = crds
	w.model.Installed(crds)
}

// serve changes whether the API server has ClusterTrustBundles.
func (w *world) serve(*testing.T) {
	w.unserved = w.odds(3)
	w.model.Serve(store.ClusterTrustBundle, !w.unserved)
}

func pick[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

// odds is true once in n.
func (w *world) odds(n int) bool { return w.random.IntN(n) == 0 }

func (w *world) meta(names ...string) metav1.ObjectMeta {
	name := pick(w, names)
	namespace := w.namespace()
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name),
		CreationTimestamp: metav1.Unix(1_700_000_000, 0),
	}
}

func (w *world) namespace() string { return pick(w, []string{"a", "b"}) }
