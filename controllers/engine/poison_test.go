package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// wideGateway has 64 ports that take every hostname.
func wideGateway() *gwv1.Gateway {
	gateway := &gwv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant", Name: "wide", Generation: 1}, Spec: gwv1.GatewaySpec{GatewayClassName: "kedify"},
	}
	for i := range 64 {
		gateway.Spec.Listeners = append(gateway.Spec.Listeners, gwv1.Listener{
			Name: gwv1.SectionName(fmt.Sprint("l", i)), Port: gwv1.PortNumber(8000 + i), Protocol: gwv1.HTTPProtocolType,
		})
	}
	return gateway
}

// wideRoute has as many hostnames and matches as it is given, and a header of the size for each match.
func wideRoute(hostnames, matches int, headers ...gwv1.HTTPHeaderMatch) *gwv1.HTTPRoute {
	route := &gwv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant", Name: "poison", Generation: 1},
		Spec:       gwv1.HTTPRouteSpec{CommonRouteSpec: gwv1.CommonRouteSpec{ParentRefs: []gwv1.ParentReference{{Name: "wide"}}}},
	}
	for i := range hostnames {
		route.Spec.Hostnames = append(route.Spec.Hostnames, gwv1.Hostname(fmt.Sprintf("h%d.tenant.test", i)))
	}
	for i := range matches {
		if i%64 == 0 {
			route.Spec.Rules = append(route.Spec.Rules, gwv1.HTTPRouteRule{})
		}
		rule := &route.Spec.Rules[i/64]
		rule.BackendRefs = []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{
			BackendObjectReference: gwv1.BackendObjectReference{Name: "web", Port: ptr.To(gwv1.PortNumber(80))}}}}
		rule.Matches = append(rule.Matches, gwv1.HTTPRouteMatch{
			Path: &gwv1.HTTPPathMatch{Type: ptr.To(gwv1.PathMatchPathPrefix), Value: ptr.To(fmt.Sprint("/p", i))}, Headers: headers,
		})
	}
	return route
}

// headers are 16 matches of headers.
func headers(kind gwv1.HeaderMatchType, value string) []gwv1.HTTPHeaderMatch {
	var matches []gwv1.HTTPHeaderMatch
	for i := range 16 {
		matches = append(matches, gwv1.HTTPHeaderMatch{Type: &kind, Name: gwv1.HTTPHeaderName(fmt.Sprint("x-h", i)), Value: value})
	}
	return matches
}

// expressionsRoute is the attack: 340 expressions of 4 KiB in one object.
func expressionsRoute(expression string) *gwv1.HTTPRoute {
	route := wideRoute(1, 22, headers(gwv1.HeaderMatchRegularExpression, expression)...)
	route.Spec.ParentRefs[0].SectionName = ptr.To[gwv1.SectionName]("l0")
	return route
}

// tenantService is the backend of these routes.
func tenantService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tenant", Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

// cpuTime is the CPU time that this process alone has used.
func cpuTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

var (
	poisonExpression = strings.Repeat("(a|b|cc|dd){999}", 256)
	// foldedRanges takes package regexp/syntax a second to parse.
	foldedRanges = "(?i)[" + strings.Repeat(`\x{42}-\x{1E942}`, 240) + "]"
)

// poison are the objects of a hostile tenant.
var poison = map[string]func() *gwv1.HTTPRoute{
	"expressions": func() *gwv1.HTTPRoute { return expressionsRoute(poisonExpression) },
	"literals":    func() *gwv1.HTTPRoute { return expressionsRoute(strings.Repeat("a", 4096)) },
	"ranges":      func() *gwv1.HTTPRoute { return expressionsRoute(foldedRanges) },
	"foreign": func() *gwv1.HTTPRoute {
		route := expressionsRoute(poisonExpression)
		route.Spec.ParentRefs[0].Name = "gateway-of-another-class"
		return route
	},
	"few but large": func() *gwv1.HTTPRoute {
		return wideRoute(16, 128, headers(gwv1.HeaderMatchExact, strings.Repeat("v", 600))...)
	},
	"large filters": func() *gwv1.HTTPRoute {
		route := wideRoute(16, 128)
		for i := range route.Spec.Rules {
			filter := gwv1.HTTPRouteFilter{Type: gwv1.HTTPRouteFilterRequestHeaderModifier, RequestHeaderModifier: &gwv1.HTTPHeaderFilter{}}
			for j := range 16 {
				filter.RequestHeaderModifier.Set = append(filter.RequestHeaderModifier.Set,
					gwv1.HTTPHeader{Name: gwv1.HTTPHeaderName(fmt.Sprint("x-h", j)), Value: strings.Repeat("v", 4096)})
			}
			route.Spec.Rules[i].Filters = append(route.Spec.Rules[i].Filters, filter)
		}
		return route
	},
	"many pairs": func() *gwv1.HTTPRoute { return wideRoute(16, 128) },
}

// tenants is a model of a crowd, and of a tenant with a Gateway of 64 ports.
func tenants(n int) (*Model, *discard) {
	m, out := crowd(n)
	m.Set(store.Gateway, wideGateway())
	m.Set(store.Service, tenantService())
	m.Flush()
	return m, out
}

// TestX1PoisonIsRefused: each object is refused by name, in a time and with an amount of memory that no other tenant notices.
func TestX1PoisonIsRefused(t *testing.T) {
	const (
		mostTime  = 10 * time.Millisecond
		mostBytes = 16 << 20
	)
	wanted := map[string]string{
		"expressions":   `rules[0].matches[0].headers[0].value "(a|b|cc|dd){999}`,
		"literals":      "the regular expressions of the route make more than 100000 instructions together; move rules to another route",
		"ranges":        `is not a regular expression the proxy takes (\x is not followed by the number of a byte`,
		"foreign":       "",
		"few but large": "The rules of the route make 1",
		"large filters": "The rules of the route make 8",
		"many pairs":    "parentRefs[0]: the rules of the route would be repeated for 1024 pairs of a listener and a hostname",
	}
	for name, object := range poison {
		t.Run(name, func(t *testing.T) {
			f := newFailing(t)
			f.model.Set(store.Gateway, wideGateway())
			f.model.Set(store.Service, tenantService())
			f.model.Flush()
			route := object()
			var before, after runtime.MemStats
			least := time.Hour
			for generation := range int64(5) { // the best of some, because other programs run as well
				route = route.DeepCopy()
				route.Generation = generation + 1
				runtime.ReadMemStats(&before)
				start := cpuTime()
				f.model.Set(store.HTTPRoute, route)
				f.model.Flush()
				least = min(least, cpuTime()-start)
				runtime.ReadMemStats(&after)
			}
			if least > slowdown*mostTime {
				t.Errorf("the goroutine of the engine computes for %s, want at most %s", least, mostTime)
			}
			bytes := after.TotalAlloc - before.TotalAlloc
			if bytes > mostBytes {
				t.Errorf("%d KiB allocated, want at most %d", bytes>>10, mostBytes>>10)
			}
			t.Logf("%s, %d KiB", least.Round(time.Microsecond), bytes>>10)
			update := f.out.statuses[resolve.Object{Kind: store.HTTPRoute, Key: store.KeyOf(route)}]
			if text := fmt.Sprint(update.Value); !strings.Contains(text, wanted[name]) || len(text) > 16<<10 {
				t.Errorf("the status does not say %q: %.2000s", wanted[name], text)
			}
		})
	}
}

// TestX1LargestRoute: what the largest route that is taken makes of memory.
func TestX1LargestRoute(t *testing.T) {
	const most = 256 << 20
	m, out := tenants(1)
	tables := func() (count, bytes int) {
		for key, r := range out.kept {
			if key.Type == resource.Route {
				count, bytes = count+1, bytes+len(r.Body)
			}
		}
		return count, bytes
	}
	others, _ := tables()
	route := wideRoute(1, 128, headers(gwv1.HeaderMatchExact, strings.Repeat("v", 32))...)
	route.Spec.ParentRefs[0].SectionName = ptr.To[gwv1.SectionName]("l0")
	for i := range 15 {
		route.Spec.Hostnames = append(route.Spec.Hostnames, gwv1.Hostname(fmt.Sprintf("more%d.tenant.test", i)))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.Set(store.HTTPRoute, route)
	m.Flush()
	runtime.ReadMemStats(&after)
	count, sent := tables()
	if count-others != 16 {
		t.Fatalf("%d tables, want 16", count-others)
	}
	t.Logf("%d KiB sent, %d KiB allocated", sent>>10, (after.TotalAlloc-before.TotalAlloc)>>10)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > most {
		t.Errorf("%d KiB allocated, want at most %d", bytes>>10, most>>10)
	}
}

// watcher tells when endpoints of a backend are published.
type watcher struct {
	discard
	mu      sync.Mutex
	reached map[string]chan struct{} // by address
}

func (w *watcher) Publish(_ types.NamespacedName, change resource.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range change.Upsert {
		if r.Endpoints == nil {
			continue
		}
		for address, reached := range w.reached {
			if strings.Contains(string(r.Body), address) {
				close(reached)
				delete(w.reached, address)
			}
		}
	}
}

func (w *watcher) await(address string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	reached := make(chan struct{})
	w.reached[address] = reached
	return reached
}

// cpuTimeOf is the time of the CPU that a thread of this process has used.
func cpuTimeOf(t *testing.T, thread int) time.Duration {
	t.Helper()
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^thread<<3|6), &used); err != nil { // clock_getcpuclockid(3)
		t.Fatal(err)
	}
	return time.Duration(used.Nano())
}

// change changes the endpoints of a backend, and returns how long that took until they were published,
// and how much of it the thread of the engine computed.
func (w *watcher) change(t *testing.T, loop *Loop, thread, backend int) (took, computed time.Duration) {
	t.Helper()
	address := fmt.Sprintf("10.1.%d.%d", backend/200, 1+backend%200)
	reached := w.await(address)
	start, used := time.Now(), cpuTimeOf(t, thread)
	loop.Set(store.EndpointSlice, crowdSlice(backend, address))
	<-reached
	return time.Since(start), cpuTimeOf(t, thread) - used
}

// latencies are sorted.
type latencies []time.Duration

func (l latencies) quantile(q float64) time.Duration { return l[min(int(q*float64(len(l))), len(l)-1)] }

// TestX1EndpointsPassPoison: while a tenant applies such objects as fast as the API server lets it, the endpoints of
// others change within 25 ms. The time of the CPU counts, because other programs may keep the machine busy;
// TestX1EndpointsAreGatheredShortly has the rest.
func TestX1EndpointsPassPoison(t *testing.T) {
	const most = 25 * time.Millisecond
	out := &watcher{discard: discard{kept: map[resource.Key]resource.Resource{}}, reached: map[string]chan struct{}{}}
	loop := NewLoop(out, class.Setting{}, &flushes{})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	threads := make(chan int, 1)
	running.Go(func() {
		runtime.LockOSThread()
		threads <- unix.Gettid()
		_ = loop.Run(ctx)
	})
	thread := <-threads
	defer running.Wait()
	defer cancel()
	first := out.await("10.0.0.1")
	crowdObjects(500, loop.Set)
	loop.Set(store.Gateway, wideGateway())
	loop.Set(store.Service, tenantService())
	loop.Synced()
	<-first

	applied := 0
	running.Go(func() {
		// The last is the largest that is taken.
		objects := []*gwv1.HTTPRoute{wideRoute(4, 64)}
		for _, object := range poison {
			objects = append(objects, object())
		}
		for ; ctx.Err() == nil; applied++ {
			route := *objects[applied%len(objects)]
			route.Generation = int64(applied + 2)
			loop.Set(store.HTTPRoute, &route)
			time.Sleep(5 * time.Millisecond) // an API server takes some 200 writes of such objects in a second
		}
	})
	var took, computed latencies
	for backend := range 300 {
		whole, part := out.change(t, loop, thread, backend)
		took, computed = append(took, whole), append(computed, part)
		time.Sleep(7 * time.Millisecond)
	}
	cancel()
	running.Wait()
	slices.Sort(took)
	slices.Sort(computed)
	t.Logf("p50 %s, p99 %s, of it computing %s and %s, with %d objects applied", took.quantile(0.5), took.quantile(0.99),
		computed.quantile(0.5), computed.quantile(0.99), applied)
	// The clock of a thread has steps of some milliseconds, and the three slowest of 300 samples are those of a
	// collector or a neighbour: the bar is for the 95th part.
	if p95 := computed.quantile(0.95); p95 > slowdown*most {
		t.Errorf("p95 of the computing before an endpoint change is published is %s, want at most %s", p95, most)
	}
}

// TestX1EndpointsOvertake: endpoints that change in a pause of a flush are published before the rest of it, and
// nothing else is.
func TestX1EndpointsOvertake(t *testing.T) {
	m, out := tenants(2)
	m.Set(store.HTTPRoute, wideRoute(2, 64)) // 128 tables
	out.published = 0
	computed := 0
	if m.Advance(func() bool { computed++; return computed > 20 }) {
		t.Fatal("the flush does not pause")
	}
	m.Set(store.EndpointSlice, crowdSlice(1, "10.9.9.9"))
	m.PublishEndpoints()
	if out.published != 1 {
		t.Errorf("%d resources published in a pause, want the endpoints alone", out.published)
	}
	m.Flush()
	if want := 1 + 2*128; out.published < want || out.published > want+4 {
		t.Errorf("%d resources published in all, want %d and the backend", out.published, want)
	}
}
