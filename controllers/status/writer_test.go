package status

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// bench is a writer on a fake API server that counts writes.
type bench struct {
	*gomega.WithT
	client client.Client
	writer *Writer
	writes atomic.Int32
	reads  atomic.Int32 // of the writer
}

// Get is the client.Reader of the writer.
func (b *bench) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	b.reads.Add(1)
	return b.client.Get(ctx, key, object, options...)
}

// List is not what the writer does.
func (b *bench) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.ErrUnsupported
}

func newBench(t *testing.T, hooks interceptor.Funcs) *bench {
	t.Helper()
	return newRestingBench(t, hooks, 0)
}

func newRestingBench(t *testing.T, hooks interceptor.Funcs, rest time.Duration) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := gwv1.Install(scheme); err != nil {
		t.Fatal(err)
	}
	route := &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "r", Generation: 3}}
	b := &bench{WithT: gomega.NewWithT(t)}
	b.SetDefaultEventuallyTimeout(10 * time.Second)
	b.SetDefaultEventuallyPollingInterval(time.Millisecond)
	b.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(route).WithStatusSubresource(route).WithInterceptorFuncs(hooks).Build()
	b.writer = NewWriter(Options{
		Reader: b, Writer: b.client, Rest: rest, Log: logr.Discard(), Now: func() time.Time { return now.Time },
		Wrote: func(store.Kind, error) { b.writes.Add(1) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.writer.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

var routeObject = resolve.Object{Kind: store.HTTPRoute, Key: types.NamespacedName{Namespace: "ns", Name: "r"}}

func wantParent(name string, generation int64) Update {
	return Update{Object: routeObject, Generation: generation, Value: []gwv1.RouteParentStatus{
		parent(v1alpha1.ControllerName, name, condition("Accepted", metav1.ConditionTrue, metav1.Time{})),
	}}
}

func (b *bench) live(t *testing.T) []gwv1.RouteParentStatus {
	t.Helper()
	route := &gwv1.HTTPRoute{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "r"}, route); err != nil {
		t.Fatal(err)
	}
	return route.Status.Parents
}

// drained waits until what was wanted or observed before was worked on to its end. A read begins an
// attempt, and an object has one attempt at a time: when a second one begins, the first has ended.
func (b *bench) drained(t *testing.T) {
	t.Helper()
	for range 2 {
		before := b.reads.Load()
		b.writer.queue.Add(routeObject)
		b.Eventually(func() bool { return b.reads.Load() > before }).Should(gomega.BeTrue(), "an attempt")
	}
}

func TestWriterWritesOnceAndRestsThen(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(wantParent("a", 3))
	b.Eventually(func() bool { return len(b.live(t)) == 1 && b.writes.Load() == 1 }).Should(gomega.BeTrue(), "the status")
	for range 5 {
		b.writer.Observed(routeObject)
		b.writer.Want(wantParent("a", 3))
		b.drained(t)
	}
	if n := b.writes.Load(); n != 1 {
		t.Errorf("%d writes, want 1: nothing differed after the first", n)
	}
}

func TestWriterMakesOneWriteOfWhatFollowsEachOther(t *testing.T) {
	const rest = 200 * time.Millisecond
	b := newRestingBench(t, interceptor.Funcs{}, rest)
	begun := time.Now()
	for _, name := range []string{"a", "b", "c"} {
		b.writer.Want(wantParent(name, 3))
		b.writer.Observed(routeObject)
	}
	b.Eventually(func() bool {
		parents := b.live(t)
		return len(parents) == 1 && parents[0].ParentRef.Name == "c"
	}).Should(gomega.BeTrue(), "the newest status")
	if took := time.Since(begun); took < rest {
		t.Errorf("written after %s, want the rest of %s before", took, rest)
	}
	if n := b.writes.Load(); n > 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

func TestWriterHealsWhatOthersOverwrote(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(wantParent("a", 3))
	b.Eventually(func() bool { return len(b.live(t)) == 1 }).Should(gomega.BeTrue(), "the status")
	route := &gwv1.HTTPRoute{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "r"}, route); err != nil {
		t.Fatal(err)
	}
	route.Status.Parents = nil
	if err := b.client.Status().Update(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	b.writer.Observed(routeObject)
	b.Eventually(func() bool { return len(b.live(t)) == 1 }).Should(gomega.BeTrue(), "the status again")
}

func TestWriterRetriesAndTakesTheNewest(t *testing.T) {
	var failures atomic.Int32
	b := newBench(t, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, object client.Object,
			options ...client.SubResourceUpdateOption) error {
			if failures.Add(1) <= 3 {
				return context.DeadlineExceeded
			}
			return c.SubResource(sub).Update(ctx, object, options...)
		},
	})
	b.writer.Want(wantParent("a", 3))
	b.writer.Want(wantParent("b", 3))
	b.Eventually(func() bool {
		parents := b.live(t)
		return len(parents) == 1 && parents[0].ParentRef.Name == "b"
	}).Should(gomega.BeTrue(), "the newest status")
}

func TestWriterLeavesNewerGenerationsAlone(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(wantParent("a", 2)) // computed from a generation that is gone
	b.drained(t)
	if parents := b.live(t); len(parents) != 0 {
		t.Errorf("a status of generation 2 was written to generation 3: %v", parents)
	}
	b.writer.Want(wantParent("a", 3))
	b.Eventually(func() bool { return len(b.live(t)) == 1 }).Should(gomega.BeTrue(), "the status")
}

func TestWriterForgets(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(wantParent("a", 3))
	b.drained(t)
	b.writer.Want(Update{Object: routeObject})
	route := &gwv1.HTTPRoute{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "r"}, route); err != nil {
		t.Fatal(err)
	}
	route.Status.Parents = nil
	if err := b.client.Status().Update(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	b.writer.Observed(routeObject)
	if err := b.writer.write(t.Context(), routeObject); err != nil {
		t.Error(err)
	}
	if n := b.writes.Load(); n != 1 || len(b.live(t)) > 0 {
		t.Errorf("%d writes, want the one of before the status was not wanted any more", n)
	}
}
