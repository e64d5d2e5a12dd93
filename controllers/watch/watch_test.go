package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	toolscache "k8s.io/client-go/tools/cache"
	cachetesting "k8s.io/client-go/tools/cache/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const timeout = 10 * time.Second

var virtualServiceKind = schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"}

func newVirtualService() *unstructured.Unstructured {
	service := &unstructured.Unstructured{}
	service.SetGroupVersionKind(virtualServiceKind)
	return service
}

func virtualService(name string) *unstructured.Unstructured {
	service := newVirtualService()
	service.SetNamespace("shop")
	service.SetName(name)
	return service
}

// crd is that of VirtualService.
func crd() *metav1.PartialObjectMetadata {
	crd := NewCRD()
	crd.SetName("virtualservices.networking.istio.io")
	return crd
}

// cluster has a source of events for each kind; the informers on them are those of client-go.
type cluster struct {
	t       *testing.T
	scheme  *runtime.Scheme
	watcher *Watcher
	clock   *clocktesting.FakeClock

	mu        sync.Mutex
	sources   map[schema.GroupVersionKind]*cachetesting.FakeControllerSource
	informers map[schema.GroupVersionKind]toolscache.SharedIndexInformer
	stops     map[schema.GroupVersionKind]func()
	served    map[string]bool // by kind, of those that may be missing
	away      error           // what the API server answers when it is asked for a kind
	asked     int
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		t: t, scheme: scheme, clock: clocktesting.NewFakeClock(time.Unix(0, 0)),
		sources:   map[schema.GroupVersionKind]*cachetesting.FakeControllerSource{},
		informers: map[schema.GroupVersionKind]toolscache.SharedIndexInformer{},
		stops:     map[schema.GroupVersionKind]func(){},
		served:    map[string]bool{"VirtualService": true},
	}
	c.watcher = New(Options{
		Informers: c, Mapper: mapper{cluster: c}, Resources: c, Scheme: scheme,
		Trims: NewTrims(scheme, func(o client.Object) client.Object { return o }),
		Clock: c.clock, Log: logr.Discard(),
	})
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, stop := range c.stops {
			stop()
		}
		for _, source := range c.sources {
			source.Shutdown()
		}
	})
	return c
}

// mapper serves what the cluster says. Like that of controller-runtime it never forgets a kind.
type mapper struct {
	meta.RESTMapper
	cluster *cluster
}

func (m mapper) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	m.cluster.mu.Lock()
	defer m.cluster.mu.Unlock()
	m.cluster.asked++
	if m.cluster.away != nil {
		return nil, m.cluster.away
	}
	if served, listed := m.cluster.served[kind.Kind]; listed && !served {
		return nil, &meta.NoKindMatchError{GroupKind: kind}
	}
	plural, _ := meta.UnsafeGuessKindToResource(kind.WithVersion(versions[0]))
	return &meta.RESTMapping{Resource: plural}, nil
}

func (c *cluster) source(gvk schema.GroupVersionKind) *cachetesting.FakeControllerSource {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sources[gvk] == nil {
		c.sources[gvk] = cachetesting.NewFakeControllerSource()
	}
	return c.sources[gvk]
}

func (c *cluster) sourceOf(object client.Object) *cachetesting.FakeControllerSource {
	gvk, err := apiutil.GVKForObject(object, c.scheme)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.source(gvk)
}

// GetInformer implements Informers.
func (c *cluster) GetInformer(_ context.Context, object client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	gvk, err := apiutil.GVKForObject(object, c.scheme)
	if err != nil {
		return nil, err
	}
	source := c.source(gvk)
	c.mu.Lock()
	defer c.mu.Unlock()
	if informer := c.informers[gvk]; informer != nil {
		return informer, nil
	}
	informer := toolscache.NewSharedIndexInformer(source, object, 0, toolscache.Indexers{})
	if err := informer.SetTransform(c.watcher.Trims.Transform); err != nil {
		return nil, err
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); informer.Run(stop) }()
	c.informers[gvk] = informer
	c.stops[gvk] = sync.OnceFunc(func() { close(stop); <-stopped })
	return informer, nil
}

// listed waits until the informer of a kind knows what its source holds: it never hears of what was deleted before.
func (c *cluster) listed(object client.Object) {
	c.t.Helper()
	informer, err := c.GetInformer(context.Background(), object)
	if err != nil {
		c.t.Fatal(err)
	}
	wait(c.t, informer.(toolscache.SharedIndexInformer).HasSyncedChecker().Done())
}

// RemoveInformer implements Informers.
func (c *cluster) RemoveInformer(_ context.Context, object client.Object) error {
	gvk, err := apiutil.GVKForObject(object, c.scheme)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops[gvk]()
	delete(c.informers, gvk)
	return nil
}

func (c *cluster) serve(kind string, served bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served[kind] = served
}

// start runs the watcher until the test ends.
func (c *cluster) start() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.watcher.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	})
}

// log is a Handler that tells what was called.
type log struct {
	t     *testing.T
	calls chan string
}

func newLog(t *testing.T) *log { return &log{t: t, calls: make(chan string, 100)} }

func (l *log) Set(before, after client.Object) {
	if before == nil {
		l.calls <- "add " + after.GetName()
		return
	}
	l.calls <- fmt.Sprintf("set %s %s to %s", after.GetName(), before.GetLabels()["v"], after.GetLabels()["v"])
}
func (l *log) Delete(object client.Object) { l.calls <- "delete " + object.GetName() }
func (l *log) Synced()                     { l.calls <- "synced" }
func (l *log) Lost()                       { l.calls <- "lost" }

// expect waits for the calls, in any order, and nothing else before them.
func (l *log) expect(calls ...string) {
	l.t.Helper()
	for len(calls) > 0 {
		select {
		case call := <-l.calls:
			at := slices.Index(calls, call)
			if at < 0 {
				l.t.Fatalf("%q was called, want %q", call, calls)
			}
			calls = slices.Delete(calls, at, at+1)
		case <-time.After(timeout):
			l.t.Fatalf("%q was not called", calls)
		}
	}
}

func wait(t *testing.T, synced <-chan struct{}) {
	t.Helper()
	select {
	case <-synced:
	case <-time.After(timeout):
		t.Fatal("not synced")
	}
}

func open(synced <-chan struct{}) bool {
	select {
	case <-synced:
		return false
	default:
		return true
	}
}

func service(name, version string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"v": version}}}
}

func TestEvents(t *testing.T) {
	c, calls := newCluster(t), newLog(t)
	services := c.sourceOf(&corev1.Service{})
	services.Add(service("a", "1"))
	synced := c.watcher.Add(Row{Object: &corev1.Service{}, Handler: calls})
	c.start()
	wait(t, synced)
	calls.expect("add a")
	calls.expect("synced") // after everything that existed
	services.Add(service("b", "1"))
	calls.expect("add b")
	services.Modify(service("b", "2"))
	calls.expect("set b 1 to 2")
	services.Delete(service("a", "1"))
	calls.expect("delete a")
}

func TestUnchangedAndSelect(t *testing.T) {
	c, calls := newCluster(t), newLog(t)
	services := c.sourceOf(&corev1.Service{})
	wait(t, func() <-chan struct{} {
		defer c.start()
		return c.watcher.Add(Row{
			Object: &corev1.Service{}, Handler: calls,
			Select:    func(object client.Object) bool { return object.GetLabels()["v"] != "not selected" },
			Unchanged: func(_, after client.Object) bool { return after.GetLabels()["v"] == "the same" },
		})
	}())
	calls.expect("synced")
	services.Add(service("a", "not selected"))
	services.Add(service("b", "1"))
	calls.expect("add b")
	services.Modify(service("b", "the same"))
	services.Modify(service("b", "2"))
	calls.expect("set b the same to 2")
	services.Modify(service("b", "not selected"))
	calls.expect("delete b")
	services.Modify(service("a", "1"))
	calls.expect("add a")
}

// A kind whose CRD is installed later is watched from then on, without a wait for the next round;
// one that is deleted takes its objects along, and comes back.
func TestKindComesAndGoes(t *testing.T) {
	c, calls, also := newCluster(t), newLog(t), newLog(t)
	c.serve("VirtualService", false)
	row := func(handler Handler) Row {
		return Row{Object: newVirtualService(), Optional: true, Handler: handler}
	}
	synced := c.watcher.Add(row(calls), row(also))
	c.start()
	wait(t, synced) // missing is an answer

	crds, services := c.sourceOf(NewCRD()), c.source(virtualServiceKind)
	services.Add(virtualService("a"))
	services.Add(virtualService("b"))
	c.serve("VirtualService", true)
	crds.Add(crd())
	for _, calls := range []*log{calls, also} {
		calls.expect("add a", "add b", "synced")
	}
	services.Delete(virtualService("b"))
	for _, calls := range []*log{calls, also} {
		calls.expect("delete b")
	}
	crds.Delete(crd())
	for _, calls := range []*log{calls, also} {
		calls.expect("delete a")
		calls.expect("lost")
	}
	services.Add(virtualService("c"))
	crds.Add(crd())
	for _, calls := range []*log{calls, also} {
		calls.expect("add a", "add c", "synced")
	}
}

// A kind of an aggregated API server has no CRD: the API server is asked again and again.
func TestKindWithoutCRDComes(t *testing.T) {
	c, calls := newCluster(t), newLog(t)
	c.serve("VirtualService", false)
	synced := c.watcher.Add(Row{Object: newVirtualService(), Optional: true, Handler: calls})
	c.start()
	wait(t, synced)
	c.serve("VirtualService", true)
	gomega.NewWithT(t).Eventually(c.clock.HasWaiters).WithTimeout(timeout).Should(gomega.BeTrue())
	c.clock.Step(RetryMissing)
	calls.expect("synced")
}

func TestAddWhileRunning(t *testing.T) {
	c, services, virtual := newCluster(t), newLog(t), newLog(t)
	c.sourceOf(&corev1.Service{}).Add(service("a", "1"))
	c.source(virtualServiceKind).Add(virtualService("b"))
	c.start()
	wait(t, c.watcher.Add())
	wait(t, c.watcher.Add(Row{Object: &corev1.Service{}, Handler: services}))
	services.expect("add a", "synced")
	wait(t, c.watcher.Add(Row{Object: newVirtualService(), Optional: true, Handler: virtual}))
	virtual.expect("add b", "synced")
	late := newLog(t) // a second row of a kind that is watched already
	wait(t, c.watcher.Add(Row{Object: &corev1.Service{}, Handler: late}))
	late.expect("add a", "synced")
}

func TestRequiredKindIsMissing(t *testing.T) {
	c := newCluster(t)
	c.serve("Service", false)
	c.watcher.Add(Row{Object: &corev1.Service{}, Handler: newLog(t)})
	if err := c.watcher.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}

// An API server that does not answer is asked again: it did not say that a kind is missing.
func TestAPIServerAway(t *testing.T) {
	c, calls := newCluster(t), newLog(t)
	c.away = errors.New("connection refused")
	synced := c.watcher.Add(Row{Object: newVirtualService(), Optional: true, Handler: calls})
	c.start()
	gomega.NewWithT(t).Eventually(c.clock.HasWaiters).WithTimeout(timeout).Should(gomega.BeTrue())
	if !open(synced) {
		t.Fatal("a kind counts as missing that the API server said nothing about")
	}
	c.mu.Lock()
	c.away = nil
	c.mu.Unlock()
	c.clock.Step(retryFailed)
	wait(t, synced)
	calls.expect("synced")
}

func TestTrim(t *testing.T) {
	c := newCluster(t)
	full := virtualService("a")
	full.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "x"}})
	full.Object["spec"] = map[string]any{"hosts": []any{"a.test"}, "big": "x"}
	c.source(virtualServiceKind).Add(full)
	got := make(chan *unstructured.Unstructured, 1)
	wait(t, func() <-chan struct{} {
		defer c.start()
		return c.watcher.Add(Row{
			Object: newVirtualService(), Optional: true,
			Trim: func(object client.Object) client.Object {
				unstructured.RemoveNestedField(object.(*unstructured.Unstructured).Object, "spec", "big")
				return object
			},
			Handler: Funcs[*unstructured.Unstructured]{OnSet: func(_, after *unstructured.Unstructured) { got <- after }},
		})
	}())
	trimmed := <-got
	_, big, _ := unstructured.NestedString(trimmed.Object, "spec", "big")
	hosts, _, _ := unstructured.NestedStringSlice(trimmed.Object, "spec", "hosts")
	if big || len(hosts) != 1 || trimmed.GetManagedFields() != nil {
		t.Errorf("kept %v", trimmed.Object)
	}
}
