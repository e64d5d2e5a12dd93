package engine

import (
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/resource"
)

// discard is an Output that counts and keeps what a publisher would keep.
type discard struct {
	attachments int
	kept        map[resource.Key]resource.Resource
	published   int
}

func (d *discard) Publish(_ types.NamespacedName, change resource.Change) {
	for _, r := range change.Upsert {
		d.kept[r.Key] = r
	}
	d.published += len(change.Upsert) + len(change.Remove)
}
func (d *discard) Forget(types.NamespacedName)                 {}
func (d *discard) Ready(types.NamespacedName)                  {}
func (d *discard) Scaler(types.NamespacedName, *scaler.Scaler) {}
func (d *discard) Status(status.Update)                        {}
func (d *discard) DataPlane(*resolve.GatewayResult)            {}
func (d *discard) Synced()                                     {}
func (d *discard) RenderFailed(f *RenderFailure)               { panic(fmt.Sprint(*f)) }

func (d *discard) ModelPods(types.NamespacedName, *scaler.ModelPods) {}

func (d *discard) Attachment(resolve.Object, *resolve.Attachment) { d.attachments++ }

// crowd is a model of one Gateway and n routes, each with its own hostname, Service and slice.
func crowd(n int) (*Model, *discard) {
	out := &discard{kept: map[resource.Key]resource.Resource{}}
	m := New(out, class.Setting{})
	crowdObjects(n, func(kind store.Kind, object client.Object) { m.Set(kind, object) })
	m.Synced()
	m.Flush()
	return m, out
}

// crowdObjects are the objects of crowd.
func crowdObjects(n int, set func(store.Kind, client.Object)) {
	set(store.GatewayClass, &gwv1.GatewayClass{
		ObjectMeta: metav1.ObjectMeta{Name: "kedify"}, Spec: gwv1.GatewayClassSpec{ControllerName: v1alpha1.ControllerName},
	})
	set(store.Gateway, &gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: "infra", Name: "gw", Generation: 1}, Spec: gwv1.GatewaySpec{
		GatewayClassName: "kedify", Listeners: []gwv1.Listener{{Name: "http", Port: 80, Protocol: gwv1.HTTPProtocolType,
			AllowedRoutes: &gwv1.AllowedRoutes{Namespaces: &gwv1.RouteNamespaces{From: ptr.To(gwv1.NamespacesFromAll)}}}},
	}})
	for i := range n {
		set(store.HTTPRoute, crowdRoute(i, 1, "/"))
		meta := metav1.ObjectMeta{Namespace: "apps", Name: fmt.Sprintf("s%d", i)}
		set(store.Service, &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}})
		set(store.EndpointSlice, crowdSlice(i, "10.0.0.1"))
	}
}

func crowdSlice(i int, address string) *discoveryv1.EndpointSlice {
	name := fmt.Sprintf("s%d", i)
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "apps", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To(""), Port: ptr.To(int32(3000))}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
}

func crowdRoute(i int, generation int64, path string) *gwv1.HTTPRoute {
	return &gwv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: fmt.Sprintf("r%d", i), Generation: generation},
		Spec: gwv1.HTTPRouteSpec{
			CommonRouteSpec: gwv1.CommonRouteSpec{ParentRefs: []gwv1.ParentReference{{Name: "gw", Namespace: ptr.To(gwv1.Namespace("infra"))}}},
			Hostnames:       []gwv1.Hostname{gwv1.Hostname(fmt.Sprintf("h%d.example.com", i))},
			Rules: []gwv1.HTTPRouteRule{{
				Matches: []gwv1.HTTPRouteMatch{{Path: &gwv1.HTTPPathMatch{Type: ptr.To(gwv1.PathMatchPathPrefix), Value: &path}}},
				BackendRefs: []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{BackendObjectReference: gwv1.BackendObjectReference{
					Name: gwv1.ObjectName(fmt.Sprintf("s%d", i)), Port: ptr.To(gwv1.PortNumber(80))}}}},
			}},
		},
	}
}

// BenchmarkEdit changes one route among n: the cost must not depend on n.
func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m, out := crowd(n)
			out.published = 0
			b.ReportAllocs()
			generation := int64(1)
			for b.Loop() {
				generation++
				m.Set(store.HTTPRoute, crowdRoute(5, generation, fmt.Sprintf("/v%d", generation)))
				m.Flush()
			}
			b.ReportMetric(float64(out.published)/float64(b.N), "resources/op")
		})
	}
}

// BenchmarkBuild computes everything, and reports the memory that stays for each route.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var m *Model
			var out *discard
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				m, out = crowd(n)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "heap-B/route")
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*n), "us/route")
			runtime.KeepAlive(m)
			runtime.KeepAlive(out)
		})
	}
}

// TestEditTouchesWhatItChanges holds the engine to "an edit pushes one table".
func TestEditTouchesWhatItChanges(t *testing.T) {
	m, out := crowd(100)
	out.published = 0
	m.Set(store.HTTPRoute, crowdRoute(7, 2, "/edited"))
	m.Flush()
	if out.published != 1 {
		t.Errorf("an edited rule published %d resources, want its host's table alone", out.published)
	}
	out.published = 0
	m.Set(store.HTTPRoute, crowdRoute(7, 3, "/edited")) // a new generation with the same meaning
	m.Flush()
	if out.published != 0 {
		t.Errorf("an edit without meaning published %d resources", out.published)
	}
}
