package status

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
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
	client client.Client
	writer *Writer
	writes atomic.Int32
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
	b := &bench{}
	b.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(route).WithStatusSubresource(route).WithInterceptorFuncs(hooks).Build()
	b.writer = NewWriter(Options{
		Reader: b.client, Writer: b.client, Rest: rest, Log: logr.Discard(), Now: func() time.Time { return now.Time },
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

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// settled waits until the queue is empty and nothing is being written.
func (b *bench) settled(t *testing.T) {
	t.Helper()
	eventually(t, "an empty queue", func() bool { return b.writer.queue.Len() == 0 })
	b.writer.queue.Add(routeObject) // processed after whatever was under way for the object
	eventually(t, "an empty queue", func() bool { return b.writer.queue.Len() == 0 })
}

func TestWriterWritesOnceAndRestsThen(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(wantParent("a", 3))
	eventually(t, "the status", func() bool { return len(b.live(t)) == 1 && b.writes.Load() == 1 })
	for range 5 {
		b.writer.Observed(routeObject)
		b.writer.Want(wantParent("a", 3))
		b.settled(t)
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
	eventually(t, "the newest status", func() bool {
		parents := b.live(t)
		return len(parents) == 1 && parents[0].ParentRef.Name == "c"
	})
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
	eventually(t, "the status", func() bool { return len(b.live(t)) == 1 })
	route := &gwv1.HTTPRoute{}
	if err := b.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "r"}, route); err != nil {
		t.Fatal(err)
	}
	route.Status.Parents = nil
	if err := b.client.Status().Update(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	b.writer.Observed(routeObject)
	eventually(t, "the status again", func() bool { return len(b.live(t)) == 1 })
}

func TestWriterRetriesAndTakesTheNewest(t *testing.T) {
	var failures atomic.Int32
	b := newBench(t, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, object client.Object, options ...client.SubResourceUpdateOption) error {
			if failures.Add(1) <= 3 {
				return context.DeadlineExceeded
			}
			return c.SubResource(sub).Update(ctx, object, options...)
		},
	})
	b.writer.Want(wantParent("a", 3))
	b.writer.Want(wantParent("b", 3))
	eventually(t, "the newest status", func() bool {
		parents := b.live(t)
		return len(parents) == 1 && parents[0].ParentRef.Name == "b"
	})
}

func TestWriterLeavesNewerGenerationsAlone(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(wantParent("a", 2)) // computed from a generation that is gone
	b.settled(t)
	if parents := b.live(t); len(parents) != 0 {
		t.Errorf("a status of generation 2 was written to generation 3: %v", parents)
	}
	b.writer.Want(wantParent("a", 3))
	eventually(t, "the status", func() bool { return len(b.live(t)) == 1 })
}

func TestWriterForgets(t *testing.T) {
	b := newBench(t, interceptor.Funcs{})
	b.writer.Want(Update{Object: routeObject})
	b.writer.Observed(routeObject)
	b.settled(t)
	if n := b.writes.Load(); n != 0 {
		t.Errorf("%d writes for an object that is not wanted", n)
	}
}
