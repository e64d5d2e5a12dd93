package keda

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/ir"
)

var (
	idle    = demand.Reading{Settled: true}
	holding = demand.Reading{Settled: true, Active: true, Held: 1}
	serving = demand.Reading{Settled: true, Active: true}
)

// client is one end of a stream of T, whose messages and end are taken by a goroutine.
type client[T any] struct {
	t        *testing.T
	messages chan *T
	end      chan error
	cancel   context.CancelFunc
}

func open[T any](t *testing.T, call func(context.Context, *pb.ScaledObjectRef, ...grpc.CallOption) (grpc.ServerStreamingClient[T], error),
	ref *pb.ScaledObjectRef) *client[T] {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := call(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	c := &client[T]{t: t, messages: make(chan *T, 1000), end: make(chan error, 1), cancel: cancel}
	go func() {
		for {
			message, err := stream.Recv()
			if err != nil {
				c.end <- err
				return
			}
			c.messages <- message
		}
	}()
	t.Cleanup(cancel)
	return c
}

func (c *client[T]) next() *T {
	c.t.Helper()
	select {
	case message := <-c.messages:
		return message
	case err := <-c.end:
		c.t.Fatalf("the stream ended: %v", err)
	case <-time.After(10 * time.Second):
		c.t.Fatal("no message")
	}
	return nil
}

// ended returns the error that the stream ended with.
func (c *client[T]) ended() error {
	c.t.Helper()
	select {
	case err := <-c.end:
		return err
	case <-time.After(10 * time.Second):
		c.t.Fatal("the stream did not end")
		return nil
	}
}

func wantActive(t *testing.T, c *client[pb.IsActiveResponse], want ...bool) {
	t.Helper()
	for i, w := range want {
		if got := c.next().GetResult(); got != w {
			t.Fatalf("message %d is %v, want %v", i, got, w)
		}
	}
}

// TestStreamIsActive: state at open, a wake, and the client that leaves.
func TestStreamIsActive(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	w.board.set(key, idle)
	w.scale(key, 0)
	stream := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
	wantActive(t, stream, false)
	w.board.set(key, holding)
	wantActive(t, stream, true, true, true) // at once, and again while they are held
	w.board.set(key, idle)
	eventually(t, "false after the requests went", func() bool { return !stream.next().GetResult() })

	again := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
	wantActive(t, again, false)
	measured := w.server.options.Metrics
	if got := value(t, measured.streams.WithLabelValues("StreamIsActive")); got != 2 {
		t.Errorf("%v streams, want 2", got)
	}
	stream.cancel()
	again.cancel()
	wantCode(t, stream.ended(), codes.Canceled, "")
	eventually(t, "the server forgets them", func() bool {
		return w.board.waiters(key) == 0 && value(t, measured.streams.WithLabelValues("StreamIsActive")) == 0
	})
	for kind, least := range map[string]float64{pushWake: 1, pushRepeat: 2, pushIdle: 3} {
		if got := value(t, measured.pushes.WithLabelValues(kind)); got < least {
			t.Errorf("%v pushes of kind %s, want %v", got, kind, least)
		}
	}
}

// TestStreamBeforeTrigger: KEDA may be faster than our informer.
func TestStreamBeforeTrigger(t *testing.T) {
	w := newWorld(t)
	key := ir.Key{Namespace: "shop", Name: "web-0"}
	w.board.set(key, holding)
	w.scale(key, 0)
	stream := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
	eventually(t, "the stream waits for the object", func() bool {
		w.server.index.mu.RLock()
		defer w.server.index.mu.RUnlock()
		return len(w.server.index.objects) == 1
	})
	if len(stream.messages) > 0 {
		t.Error("something was sent of a trigger that nobody knows")
	}
	apply(t, w.catalog, named{"", metadata(nil)})
	wantActive(t, stream, true)
}

// TestStreamKeepsTrigger: a changed object, that KEDA has not read yet, does not end pushes;
// a new stream with what is no more finds nothing; a trigger of another name takes over.
func TestStreamKeepsTrigger(t *testing.T) {
	w := newWorld(t)
	before, after := metadata(nil), metadata(map[string]string{"hosts": "new.example.com"})
	key := apply(t, w.catalog, named{"a", before})[0]
	w.board.set(key, idle)
	w.scale(key, 0)
	stream := open(t, w.client.StreamIsActive, refTo(before))
	wantActive(t, stream, false)
	apply(t, w.catalog, named{"a", after})
	w.board.set(key, holding)
	wantActive(t, stream, true)

	late := open(t, w.client.StreamIsActive, refTo(before))
	fresh := open(t, w.client.StreamIsActive, refTo(after))
	wantActive(t, fresh, true)
	if len(late.messages) > 0 {
		t.Error("something was sent of hosts that are no more")
	}

	renamed := apply(t, w.catalog, named{"b", after})[0]
	w.board.set(renamed, idle)
	w.scale(renamed, 0)
	w.catalog.Set(key, nil)
	eventually(t, "the new stream follows the name", func() bool { return w.board.waiters(renamed) == 1 && w.board.waiters(key) == 0 })
	eventually(t, "its state is sent", func() bool { return !fresh.next().GetResult() })
	w.board.set(renamed, holding)
	wantActive(t, fresh, true)
}

// TestStreamMetricSpec: at open from the metadata, then when the trigger in force changes.
func TestStreamMetricSpec(t *testing.T) {
	w := newWorld(t)
	stream := open(t, w.client.StreamMetricSpec, refTo(metadata(nil)))
	spec := func(what string, name string, target float64) {
		t.Helper()
		specs := stream.next().GetMetricSpecs()
		if len(specs) != 1 || specs[0].GetMetricName() != name || specs[0].GetTargetSizeFloat() != target || specs[0].GetTargetSize() != 0 {
			t.Fatalf("%s: %v, want %s %v", what, specs, name, target)
		}
	}
	spec("at open", MetricRate, 10)
	apply(t, w.catalog, named{"", metadata(nil)})
	apply(t, w.catalog, named{"", metadata(map[string]string{"window": "10s"})})
	apply(t, w.catalog, named{"", metadata(map[string]string{"targetValue": "5"})})
	spec("another target", MetricRate, 5)
	w.catalog.Set(ir.Key{Namespace: "shop", Name: "web-0"}, nil)
	apply(t, w.catalog, named{"", metadata(map[string]string{"targetValue": "5", "scalingMetric": "concurrency"})})
	spec("another metric", MetricConcurrency, 5)

	// What is in force is older than what KEDA has: it comes later, and is nothing new then.
	stream = open(t, w.client.StreamMetricSpec, refTo(metadata(map[string]string{"targetValue": "7"})))
	spec("at open, newer than what is in force", MetricRate, 7)
	apply(t, w.catalog, named{"", metadata(map[string]string{"targetValue": "5", "scalingMetric": "concurrency", "concurrencyAggregation": "peak"})})
	apply(t, w.catalog, named{"", metadata(map[string]string{"targetValue": "7"})})
	apply(t, w.catalog, named{"", metadata(map[string]string{"targetValue": "8"})})
	spec("newer than both", MetricRate, 8)

	wrong := open(t, w.client.StreamMetricSpec, refTo(nil))
	wantCode(t, wrong.ended(), codes.InvalidArgument, "ScaledObject shop/web: scalingMetric is missing; use requestRate or concurrency")
}

// TestStop: every stream ends with EOF, at which KEDA comes back after 2 s; with any other
// error it would wait up to a minute.
func TestStop(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	w.board.set(key, holding)
	w.scale(key, 0)
	var actives []*client[pb.IsActiveResponse]
	var specs []*client[pb.GetMetricSpecResponse]
	for range 20 {
		actives = append(actives, open(t, w.client.StreamIsActive, refTo(metadata(nil))))
		specs = append(specs, open(t, w.client.StreamMetricSpec, refTo(metadata(nil))))
	}
	actives = append(actives, open(t, w.client.StreamIsActive, refTo(map[string]string{"hosts": "unknown"})))
	for _, stream := range specs {
		stream.next()
	}
	for _, stream := range actives[:20] {
		wantActive(t, stream, true)
	}
	begin := time.Now()
	w.stop()
	if took := time.Since(begin); took > stopTimeout {
		t.Errorf("the stop took %v", took)
	}
	for _, stream := range actives {
		if err := stream.ended(); !errors.Is(err, io.EOF) {
			t.Errorf("StreamIsActive ended with %v, want EOF", err)
		}
	}
	for _, stream := range specs {
		if err := stream.ended(); !errors.Is(err, io.EOF) {
			t.Errorf("StreamMetricSpec ended with %v, want EOF", err)
		}
	}
	_, err := w.client.IsActive(t.Context(), refTo(metadata(nil)))
	wantCode(t, err, codes.Unavailable, "")
}

// recorder is a server's end of a stream that notes when messages are sent.
type recorder struct {
	grpc.ServerStream
	ctx   context.Context
	began time.Time
	sent  []sending
}

type sending struct {
	At    time.Duration
	Value bool
}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Send(message *pb.IsActiveResponse) error {
	r.sent = append(r.sent, sending{time.Since(r.began), message.GetResult()})
	return nil
}

// TestRhythm: the moments of pushes through wake, hold, start and end, in the time of a bubble.
func TestRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{catalog: scaler.NewCatalog(), board: newBoard(), replicas: map[ir.Key]int32{}}
		w.server = New(Options{Catalog: w.catalog, Board: w.board, Replicas: w.informed})
		key := apply(t, w.catalog, named{"", metadata(nil)})[0]
		w.board.set(key, idle)
		w.scale(key, 0)
		ctx, cancel := context.WithCancel(t.Context())
		stream := &recorder{ctx: ctx, began: time.Now()}
		ended := make(chan error)
		go func() { ended <- w.server.StreamIsActive(refTo(metadata(nil)), stream) }()
		until := func(at time.Duration) { time.Sleep(time.Until(stream.began.Add(at))); synctest.Wait() }

		until(7100 * ms)
		w.board.set(key, holding) // a request
		until(7400 * ms)
		w.scale(key, 1) // KEDA has done it
		until(9 * time.Second)
		w.board.set(key, serving) // the pod is ready
		until(100 * time.Second)
		w.board.mu.Lock()
		w.board.readings[key] = idle // nothing rings when activity ends
		w.board.mu.Unlock()
		until(111 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := []sending{
			{0, false}, {5 * time.Second, false}, {7100 * ms, true}, {7350 * ms, true},
			// Cooldown is 300 s: refreshed every 75 s.
			{82350 * ms, true},
			// Looked at every 5 s.
			{102350 * ms, false}, {107350 * ms, false},
		}
		if diff := cmp.Diff(want, stream.sent); diff != "" {
			t.Errorf("messages (- want, + got):\n%s", diff)
		}
	})
}
