package keda

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/google/go-cmp/cmp"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kedify/inference-gateway/internal/grpcserve"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
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
	w.registry.set(key, idle)
	w.scale(key, 0)
	stream := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
	wantActive(t, stream, false)
	w.registry.set(key, holding)
	wantActive(t, stream, true, true, true) // at once, and again while they are held
	w.registry.set(key, idle)
	gomega.NewWithT(t).Eventually(func() bool { return stream.next().GetResult() }).WithTimeout(patience).Should(gomega.BeFalse())

	again := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
	wantActive(t, again, false)
	measured := w.server.options.Metrics
	if got := value(t, measured.streams.WithLabelValues("StreamIsActive")); got != 2 {
		t.Errorf("%v streams, want 2", got)
	}
	stream.cancel()
	again.cancel()
	wantCode(t, stream.ended(), codes.Canceled, "")
	gomega.NewWithT(t).Eventually(func() float64 {
		return float64(w.registry.subscribers(key)) + value(t, measured.streams.WithLabelValues("StreamIsActive"))
	}).WithTimeout(patience).Should(gomega.BeZero(), "the server forgets both streams")
	for kind, least := range map[string]float64{pushWake: 1, pushRepeat: 2, pushIdle: 3} {
		if got := value(t, measured.pushes.WithLabelValues(kind)); got < least {
			t.Errorf("%v pushes of kind %s, want %v", got, kind, least)
		}
	}
}

// TestStreamBeforeTrigger: a stream that KEDA opened before the trigger is in force is sent nothing
// until it is, and then its state.
func TestStreamBeforeTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bubble()
		key := types.NamespacedName{Namespace: "shop", Name: "web-0"}
		w.registry.set(key, holding)
		w.scale(key, 0)
		stream := w.follow(t, metadata(nil))
		stream.wants(t, time.Minute)
		apply(t, w.catalog, named{"", metadata(nil)})
		stream.wants(t, 0, true)
	})
}

// TestStreamKeepsTrigger: a changed object, which KEDA has not read yet, does not end pushes; a new
// stream of the old metadata finds nothing; a trigger of another name with the same metadata takes
// over.
func TestStreamKeepsTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bubble()
		before, after := metadata(nil), metadata(map[string]string{"hosts": "new.example.com"})
		key := apply(t, w.catalog, named{"a", before})[0]
		w.registry.set(key, idle)
		w.scale(key, 0)
		stream := w.follow(t, before)
		stream.wants(t, 0, false)
		apply(t, w.catalog, named{"a", after})
		w.registry.set(key, holding)
		stream.wants(t, 0, true)

		late := w.follow(t, before)
		fresh := w.follow(t, after)
		fresh.wants(t, 0, true)
		late.wants(t, time.Minute)

		renamed := apply(t, w.catalog, named{"b", after})[0]
		w.registry.set(renamed, idle)
		w.scale(renamed, 0)
		w.catalog.Set(key, nil)
		fresh.since(t)
		fresh.wants(t, heartbeat, false)
		w.registry.set(renamed, holding)
		fresh.wants(t, 0, true)
	})
}

// TestStreamMetricSpec: at open from the metadata, then when the trigger in force changes.
func TestStreamMetricSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bubble()
		type spec struct {
			name   string
			target float64
		}
		follow := func(metadata map[string]string) func(what string, want ...spec) {
			stream := &recorder[pb.GetMetricSpecResponse]{ctx: t.Context(), began: time.Now()}
			go func() { _ = w.server.StreamMetricSpec(refTo(metadata), stream) }()
			return func(what string, want ...spec) {
				t.Helper()
				synctest.Wait()
				var got []spec
				for _, sent := range stream.take() {
					metric := sent.message.GetMetricSpecs()[0]
					got = append(got, spec{metric.GetMetricName(), metric.GetTargetSizeFloat()})
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: sent %v, want %v", what, got, want)
				}
			}
		}
		put := func(changes map[string]string) {
			apply(t, w.catalog, named{"", metadata(changes)})
			synctest.Wait()
		}
		first := follow(metadata(nil))
		first("at open", spec{MetricRate, 10})
		put(nil)
		put(map[string]string{"window": "10s"})
		first("the same metric and target")
		put(map[string]string{"targetValue": "5"})
		first("another target", spec{MetricRate, 5})
		w.catalog.Set(types.NamespacedName{Namespace: "shop", Name: "web-0"}, nil)
		put(map[string]string{"targetValue": "5", "scalingMetric": "concurrency"})
		first("another metric", spec{MetricConcurrency, 5})

		// What is in force is older than what KEDA has: it comes later, and is nothing new then.
		second := follow(metadata(map[string]string{"targetValue": "7"}))
		second("at open, newer than what is in force", spec{MetricRate, 7})
		put(map[string]string{"targetValue": "5", "scalingMetric": "concurrency", "concurrencyAggregation": "peak"})
		second("a change of the older one that changes no answer")
		put(map[string]string{"targetValue": "7"})
		second("what was sent already")
		first("the other stream", spec{MetricRate, 7})
		put(map[string]string{"targetValue": "8"})
		second("newer than both", spec{MetricRate, 8})

		wrong := &recorder[pb.GetMetricSpecResponse]{ctx: t.Context()}
		err := w.server.StreamMetricSpec(refTo(nil), wrong)
		wantCode(t, err, codes.InvalidArgument,
			"ScaledObject shop/web: scalingMetric is missing; use requestRate, concurrency, tokenRate, queueDepth, kvCache or ttft")
	})
}

// TestStop: every stream ends with EOF, at which KEDA comes back after 2 s; with any other
// error it would wait up to a minute.
func TestStop(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	w.registry.set(key, holding)
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
	if took := time.Since(begin); took > grpcserve.StopTimeout {
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
type recorder[T any] struct {
	grpc.ServerStream
	ctx   context.Context
	began time.Time
	mu    sync.Mutex
	sent  []sending[T]
}

type sending[T any] struct {
	at      time.Duration
	message *T
}

func (r *recorder[T]) Context() context.Context { return r.ctx }

func (r *recorder[T]) Send(message *T) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, sending[T]{time.Since(r.began), message})
	return nil
}

// take returns what was sent since the last call.
func (r *recorder[T]) take() []sending[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

// following is a StreamIsActive in a bubble.
type following struct{ *recorder[pb.IsActiveResponse] }

// follow opens a stream for the metadata of a trigger.
func (w *world) follow(t *testing.T, metadata map[string]string) following {
	t.Helper()
	stream := following{&recorder[pb.IsActiveResponse]{ctx: t.Context(), began: time.Now()}}
	go func() { _ = w.server.StreamIsActive(refTo(metadata), stream) }()
	synctest.Wait()
	return stream
}

// since forgets what was sent so far.
func (f following) since(t *testing.T) {
	t.Helper()
	synctest.Wait()
	f.take()
}

// wants lets a span pass and compares all that was sent since the last call.
func (f following) wants(t *testing.T, span time.Duration, want ...bool) {
	t.Helper()
	time.Sleep(span)
	synctest.Wait()
	var got []bool
	for _, sent := range f.take() {
		got = append(got, sent.message.GetResult())
	}
	if !slices.Equal(got, want) {
		t.Errorf("after %s: sent %v, want %v", span, got, want)
	}
}

// bubble is a world for synctest: without gRPC, whose sockets would let no time pass.
func bubble() *world {
	w := &world{catalog: scaler.NewCatalog(), registry: newRegistry(), replicas: map[types.NamespacedName]int32{}}
	w.server = New(Options{Catalog: w.catalog, Registry: w.registry, Replicas: w.informed})
	return w
}

// TestRhythm: the moments of pushes, from before the trigger is known through wake, hold, start
// and end, in the time of a bubble.
func TestRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bubble()
		key := types.NamespacedName{Namespace: "shop", Name: "web-0"}
		ctx, cancel := context.WithCancel(t.Context())
		stream := &recorder[pb.IsActiveResponse]{ctx: ctx, began: time.Now()}
		ended := make(chan error)
		go func() { ended <- w.server.StreamIsActive(refTo(metadata(nil)), stream) }()
		until := func(at time.Duration) { time.Sleep(time.Until(stream.began.Add(at))); synctest.Wait() }

		until(500 * ms)
		w.registry.set(key, demand.Reading{}) // not settled: it is not known to be idle
		w.scale(key, 0)
		apply(t, w.catalog, named{"", metadata(nil)})
		until(1700 * ms)
		w.registry.set(key, idle)
		until(7100 * ms)
		w.registry.set(key, holding) // a request
		until(7400 * ms)
		w.scale(key, 1) // KEDA has done it
		until(9 * time.Second)
		w.registry.set(key, serving) // the pod is ready
		until(100 * time.Second)
		w.registry.mu.Lock()
		w.registry.readings[key] = idle // nothing rings when activity ends
		w.registry.mu.Unlock()
		until(111 * time.Second)
		w.registry.set(key, holding)
		until(111100 * ms)
		apply(t, w.catalog, named{"", metadata(map[string]string{"window": "30s"})}) // looked at, and nothing to say
		until(111200 * ms)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		type pushed struct {
			At    time.Duration
			Value bool
		}
		var got []pushed
		for _, sent := range stream.sent {
			got = append(got, pushed{sent.at, sent.message.GetResult()})
		}
		want := []pushed{
			{1700 * ms, false}, {6700 * ms, false}, {7100 * ms, true}, {7350 * ms, true},
			// Cooldown is 300 s: refreshed every 75 s.
			{82350 * ms, true},
			// Looked at every 5 s.
			{102350 * ms, false}, {107350 * ms, false}, {111 * time.Second, true},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("messages (- want, + got):\n%s", diff)
		}
	})
}

// TestRhythmOfNewTrigger: requests that wait when the trigger comes into force are not kept
// waiting until the next look at the trigger.
func TestRhythmOfNewTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := bubble()
		key := types.NamespacedName{Namespace: "shop", Name: "web-0"}
		w.registry.set(key, holding)
		stream := &recorder[pb.IsActiveResponse]{ctx: t.Context(), began: time.Now()}
		go func() { _ = w.server.StreamIsActive(refTo(metadata(nil)), stream) }()
		time.Sleep(1234 * ms)
		synctest.Wait()
		apply(t, w.catalog, named{"", metadata(nil)})
		synctest.Wait()
		if len(stream.sent) != 1 || stream.sent[0].at != 1234*ms || !stream.sent[0].message.GetResult() {
			t.Errorf("sent %v, want true after 1.234s", stream.sent)
		}
	})
}
