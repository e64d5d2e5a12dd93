package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// FuzzIncrementalEqualsFull applies a random sequence of events, flushing at random moments,
// and compares what was published and wanted in the end with a model that saw only the end.
func FuzzIncrementalEqualsFull(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, uint8(80))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint8) {
		world := newWorld(seed)
		got := newRecorder()
		model := New(got)
		world.populate(model)
		model.Synced()
		for range steps {
			world.step(model)
			if world.random.IntN(3) == 0 {
				model.Flush()
			}
		}
		model.Flush()

		want := newRecorder()
		full := New(want)
		for key, object := range world.objects {
			full.Set(key.kind, object)
		}
		full.Synced()
		full.Flush()
		if len(got.failures) > 0 {
			t.Fatalf("seed %d: render failures: %v", seed, got.failures)
		}
		if diff := cmp.Diff(want.state(), got.state()); diff != "" {
			t.Fatalf("seed %d: incremental differs from full (-full +incremental):\n%s", seed, diff)
		}
	})
}

// TestRandomWorldsAreWorthIt checks that the worlds of the fuzz test have what can go wrong:
// tables, clusters, endpoints and pools that come and go.
func TestRandomWorldsAreWorthIt(t *testing.T) {
	seen := map[resource.Type]int{}
	for seed := range uint64(40) {
		out, world := newRecorder(), newWorld(seed)
		model := New(out)
		world.populate(model)
		model.Synced()
		for range 80 {
			world.step(model)
			model.Flush()
			for _, resources := range out.resources {
				for key := range resources {
					seen[key.Type]++
				}
			}
		}
	}
	for _, kind := range []resource.Type{resource.Listener, resource.Scope, resource.Route, resource.Cluster, resource.Endpoint} {
		if seen[kind] < 1000 {
			t.Errorf("%s was seen %d times in 40 worlds of 80 steps; the worlds are too poor", kind, seen[kind])
		}
	}
}

// world is a small universe of names, so that objects meet often.
type world struct {
	random  *rand.Rand
	objects map[objectKey]client.Object
	serial  int64
}

type objectKey struct {
	kind store.Kind
	key  types.NamespacedName
}

func newWorld(seed uint64) *world {
	return &world{random: rand.New(rand.NewPCG(seed, 7)), objects: map[objectKey]client.Object{}}
}

// populate starts the world with what nothing works without.
func (w *world) populate(m *Model) {
	for _, kind := range []store.Kind{store.GatewayClass, store.Namespace, store.Namespace, store.Gateway, store.Gateway} {
		w.put(m, kind, w.object(kind))
	}
	for range 6 {
		w.put(m, store.Service, w.object(store.Service))
	}
}

func (w *world) put(m *Model, kind store.Kind, object client.Object) {
	w.serial++
	object.SetGeneration(w.serial)
	w.objects[objectKey{kind, store.KeyOf(object)}] = object
	m.Set(kind, object)
}

// step changes one object, in the model and in the world.
func (w *world) step(m *Model) {
	kind := pick(w, []store.Kind{
		store.GatewayClass, store.Gateway, store.Gateway, store.HTTPRoute, store.HTTPRoute, store.HTTPRoute, store.HTTPRoute,
		store.HTTPRoute, store.HTTPRoute, store.HTTPRoute, store.HTTPRoute,
		store.Service, store.EndpointSlice, store.InferencePool, store.Pod, store.ReferenceGrant, store.Namespace, store.HTTPScaler,
	})
	object := w.object(kind)
	key := objectKey{kind, store.KeyOf(object)}
	if _, exists := w.objects[key]; exists && w.random.IntN(4) == 0 {
		delete(w.objects, key)
		m.Delete(kind, key.key)
		return
	}
	w.put(m, kind, object)
}

func pick[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

func (w *world) meta(names ...string) metav1.ObjectMeta {
	name := pick(w, names)
	namespace := pick(w, []string{"a", "b"})
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name),
		CreationTimestamp: metav1.Unix(1_700_000_000, 0),
	}
}

func (w *world) object(kind store.Kind) client.Object {
	switch kind {
	case store.GatewayClass:
		controller := pick(w, []string{v1alpha1.ControllerName, v1alpha1.ControllerName, "example.com/other"})
		return &gwv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "kedify"}, Spec: gwv1.GatewayClassSpec{ControllerName: gwv1.GatewayController(controller)}}
	case store.Gateway:
		return w.gateway()
	case store.HTTPRoute:
		return w.httpRoute()
	case store.Service:
		return &corev1.Service{ObjectMeta: w.meta("s1", "s2", "epp"), Spec: corev1.ServiceSpec{
			Ports: []corev1.ServicePort{{Name: "main", Port: pick(w, []int32{80, 8080, 9002}), TargetPort: intstr.FromInt32(3000)}},
		}}
	case store.EndpointSlice:
		return w.slice()
	case store.InferencePool:
		return w.pool()
	case store.HTTPScaler:
		return w.httpScaler()
	case store.Pod:
		pod := &corev1.Pod{ObjectMeta: w.meta("p1", "p2", "p3")}
		pod.Labels = map[string]string{"app": pick(w, []string{"x", "y"})}
		pod.Status.PodIPs = []corev1.PodIP{{IP: fmt.Sprintf("10.0.0.%d", 1+w.random.IntN(4))}}
		pod.Status.PodIP = pod.Status.PodIPs[0].IP
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: pick(w, []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse})}}
		return pod
	case store.ReferenceGrant:
		return &gwv1.ReferenceGrant{ObjectMeta: w.meta("grant"), Spec: gwv1.ReferenceGrantSpec{
			From: []gwv1.ReferenceGrantFrom{{Group: gwv1.GroupName, Kind: "HTTPRoute", Namespace: gwv1.Namespace(pick(w, []string{"a", "b"}))}},
			To:   []gwv1.ReferenceGrantTo{{Group: "", Kind: "Service"}},
		}}
	default:
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: pick(w, []string{"a", "b"}), Labels: map[string]string{"team": pick(w, []string{"x", "y"})}}}
	}
}

var hostnames = []string{"h1.example.com", "h2.example.com", "*.example.com", "*.com", "other.org"}

func (w *world) gateway() client.Object {
	gateway := &gwv1.Gateway{ObjectMeta: w.meta("g1", "g2"), Spec: gwv1.GatewaySpec{GatewayClassName: "kedify"}}
	for i := range 1 + w.random.IntN(4) {
		listener := gwv1.Listener{
			Name: gwv1.SectionName(fmt.Sprintf("l%d", i)), Port: pick(w, []int32{80, 80, 8080}), Protocol: gwv1.HTTPProtocolType,
			AllowedRoutes: &gwv1.AllowedRoutes{Namespaces: &gwv1.RouteNamespaces{From: ptr.To(pick(w, []gwv1.FromNamespaces{gwv1.NamespacesFromAll, gwv1.NamespacesFromSame, gwv1.NamespacesFromSelector}))}},
		}
		if *listener.AllowedRoutes.Namespaces.From == gwv1.NamespacesFromSelector {
			listener.AllowedRoutes.Namespaces.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "x"}}
		}
		if w.random.IntN(2) == 0 {
			listener.Hostname = ptr.To(gwv1.Hostname(pick(w, hostnames)))
		}
		gateway.Spec.Listeners = append(gateway.Spec.Listeners, listener)
	}
	return gateway
}

func (w *world) httpRoute() client.Object {
	route := &gwv1.HTTPRoute{ObjectMeta: w.meta("r1", "r2", "r3")}
	if w.random.IntN(4) == 0 {
		route.Labels = map[string]string{v1alpha1.HTTPScalerLabel: pick(w, []string{"t1", "t2", "t3"})}
	}
	for range 1 + w.random.IntN(2) {
		ref := gwv1.ParentReference{Name: gwv1.ObjectName(pick(w, []string{"g1", "g2"})), Namespace: ptr.To(gwv1.Namespace(pick(w, []string{"a", "b"})))}
		if w.random.IntN(3) == 0 {
			ref.SectionName = ptr.To(gwv1.SectionName(pick(w, []string{"l0", "l1", "l9"})))
		}
		if !slices.ContainsFunc(route.Spec.ParentRefs, func(r gwv1.ParentReference) bool { return cmp.Equal(r, ref) }) {
			route.Spec.ParentRefs = append(route.Spec.ParentRefs, ref)
		}
	}
	for range w.random.IntN(3) {
		hostname := gwv1.Hostname(pick(w, hostnames))
		if !slices.Contains(route.Spec.Hostnames, hostname) {
			route.Spec.Hostnames = append(route.Spec.Hostnames, hostname)
		}
	}
	for range 1 + w.random.IntN(3) {
		route.Spec.Rules = append(route.Spec.Rules, w.rule())
	}
	return route
}

func (w *world) rule() gwv1.HTTPRouteRule {
	rule := gwv1.HTTPRouteRule{Matches: []gwv1.HTTPRouteMatch{{Path: &gwv1.HTTPPathMatch{
		Type:  ptr.To(pick(w, []gwv1.PathMatchType{gwv1.PathMatchPathPrefix, gwv1.PathMatchExact})),
		Value: ptr.To(pick(w, []string{"/", "/a", "/b"})),
	}}}}
	for range w.random.IntN(3) {
		ref := gwv1.HTTPBackendRef{}
		ref.Weight = ptr.To(int32(w.random.IntN(3)))
		ref.Name = gwv1.ObjectName(pick(w, []string{"s1", "s2", "missing"}))
		ref.Port = ptr.To(pick(w, []int32{80, 8080}))
		if w.random.IntN(3) == 0 {
			ref.Namespace = ptr.To(gwv1.Namespace(pick(w, []string{"a", "b"})))
		}
		if w.random.IntN(3) == 0 {
			ref.Group, ref.Kind, ref.Name = ptr.To(gwv1.Group(inferencev1.GroupName)), ptr.To(gwv1.Kind("InferencePool")), "pool"
		}
		rule.BackendRefs = append(rule.BackendRefs, ref)
	}
	return rule
}

func (w *world) httpScaler() client.Object {
	scaler := &v1alpha1.HTTPScaler{ObjectMeta: w.meta("t1", "t2")}
	scaler.Spec = v1alpha1.HTTPScalerSpec{
		Type:    v1alpha1.TriggerHTTP,
		Backend: v1alpha1.HTTPScalerBackend{Service: pick(w, []string{"s1", "s2"})},
		Scale:   v1alpha1.HTTPScalerScale{Min: int32(w.random.IntN(2)), Max: 5},
	}
	switch w.random.IntN(3) {
	case 0:
		scaler.Spec.Backend.PortName = pick(w, []string{"main", "other"})
	case 1:
		scaler.Spec.Backend.InferencePool = "pool"
	default:
		scaler.Spec.Backend.Port = ptr.To(pick(w, []int32{80, 8080}))
	}
	return scaler
}

func (w *world) slice() client.Object {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: w.meta("e1", "e2", "e3"), AddressType: discoveryv1.AddressTypeIPv4}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: pick(w, []string{"s1", "s2", "epp"})}
	slice.Ports = []discoveryv1.EndpointPort{{Name: ptr.To("main"), Port: ptr.To(int32(3000))}}
	for i := range w.random.IntN(3) {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{fmt.Sprintf("10.0.1.%d", 1+i)},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(w.random.IntN(4) > 0)},
		})
	}
	return slice
}

func (w *world) pool() client.Object {
	pool := &inferencev1.InferencePool{ObjectMeta: w.meta("pool")}
	pool.Spec.Selector.MatchLabels = map[inferencev1.LabelKey]inferencev1.LabelValue{"app": inferencev1.LabelValue(pick(w, []string{"x", "y"}))}
	pool.Spec.TargetPorts = []inferencev1.Port{{Number: inferencev1.PortNumber(pick(w, []int32{8000, 8001}))}}
	if w.random.IntN(4) > 0 {
		pool.Spec.EndpointPickerRef = &inferencev1.EndpointPickerRef{
			Name: "epp", Kind: "Service", Port: &inferencev1.Port{Number: 9002},
			FailureMode: pick(w, []inferencev1.EndpointPickerFailureMode{inferencev1.EndpointPickerFailOpen, inferencev1.EndpointPickerFailClose}),
		}
	}
	return pool
}
