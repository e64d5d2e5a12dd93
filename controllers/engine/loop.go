package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/contain"
)

// Debounce: a change after a quiet time is computed at once; in a burst, the loop waits for
// quietTime without an event, but never longer than maxDelay.
const (
	quietTime = 5 * time.Millisecond
	maxDelay  = 50 * time.Millisecond
	// urgentDelay is maxDelay when endpoints are among the changes: requests fail while a proxy has
	// an address that is gone.
	urgentDelay = 10 * time.Millisecond
	// pauseAfter is how long a flush computes before it looks for changed endpoints. What one user
	// makes expensive delays the endpoints of others by no more than this and one unit.
	pauseAfter = 2 * time.Millisecond
)

// Loop owns a Model in one goroutine. Its other methods may be called from any goroutine and
// never block.
type Loop struct {
	model   *Model
	metrics Metrics

	mu     sync.Mutex
	events []event
	urgent int // how many of them are: an event must not cost a look at all others
	wake   chan struct{}
}

// Metrics takes measurements of the loop.
type Metrics interface {
	// Flushed reports one flush: events in it, how long it computed, and the time between the
	// first of its events and its end.
	Flushed(events int, computing, delay time.Duration)
}

// event is one change of the input, applied by the goroutine that owns the model. It reports
// whether there is something to compute.
type event struct {
	// name says what changed, for a log; nil: nothing of a user.
	name  func() string
	apply func(*Model) bool
	at    time.Time
	// urgent events may overtake others. Kinds of objects come without an order between them.
	urgent bool
}

// urgent are the kinds that endpoints are made of.
func urgent(kind store.Kind) bool { return kind == store.EndpointSlice || kind == store.Pod }

// NewLoop returns a loop around an empty model.
func NewLoop(output Output, setting class.Setting, metrics Metrics) *Loop {
	return &Loop{model: New(output, setting), metrics: metrics, wake: make(chan struct{}, 1)}
}

// Set hands in an object that appeared or changed; it must not be modified afterwards.
func (l *Loop) Set(kind store.Kind, object client.Object) {
	l.enqueue(event{
		name:  func() string { return string(kind) + " " + store.KeyOf(object).String() },
		apply: func(m *Model) bool { return m.Set(kind, object) }, urgent: urgent(kind),
	})
}

// Delete hands in that an object vanished.
func (l *Loop) Delete(kind store.Kind, key types.NamespacedName) {
	l.enqueue(event{
		name:  func() string { return "deletion of " + string(kind) + " " + key.String() },
		apply: func(m *Model) bool { m.Delete(kind, key); return true }, urgent: urgent(kind),
	})
}

// Deliver hands in what the proxies of a gateway have.
func (l *Loop) Deliver(gateway types.NamespacedName, delivery Delivery) {
	l.enqueue(event{apply: func(m *Model) bool { m.Deliver(gateway, delivery); return true }})
}

// Built hands in whether the data plane of a gateway could be made; "" when it could.
func (l *Loop) Built(gateway types.NamespacedName, problem string) {
	l.enqueue(event{apply: func(m *Model) bool { return m.Built(gateway, problem) }})
}

// Addressed hands in what kept the Services for addresses of a gateway from being made; "" when all were.
func (l *Loop) Addressed(gateway types.NamespacedName, failure string) {
	l.enqueue(event{apply: func(m *Model) bool { return m.Addressed(gateway, failure) }})
}

// ProxiesWait hands in what the Pods of the proxies of a gateway wait for; "" when nothing is known.
func (l *Loop) ProxiesWait(gateway types.NamespacedName, reason string) {
	l.enqueue(event{apply: func(m *Model) bool { return m.ProxiesWait(gateway, reason) }})
}

// Installed hands in the CRDs of the Gateway API in the cluster.
func (l *Loop) Installed(crds class.Installed) {
	l.enqueue(event{apply: func(m *Model) bool { return m.Installed(crds) }})
}

// Serve hands in whether the API server serves a kind.
func (l *Loop) Serve(kind store.Kind, served bool) {
	l.enqueue(event{apply: func(m *Model) bool { return m.Serve(kind, served) }})
}

// Synced hands in that all objects that existed at the start were set.
func (l *Loop) Synced() {
	l.enqueue(event{apply: func(m *Model) bool { m.Synced(); return true }})
}

func (l *Loop) enqueue(e event) {
	e.at = time.Now()
	l.mu.Lock()
	l.events = append(l.events, e)
	if e.urgent {
		l.urgent++
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run applies events until the context ends.
func (l *Loop) Run(ctx context.Context) error {
	var last time.Time // end of the last flush
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		}
		if time.Since(last) < quietTime {
			l.gather(ctx)
		}
		l.flush()
		last = time.Now()
	}
}

// gather waits until a burst of events is over or has lasted long enough.
func (l *Loop) gather(ctx context.Context) {
	end := time.Now().Add(maxDelay)
	deadline := time.NewTimer(maxDelay)
	defer deadline.Stop()
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	for hurried := false; ; {
		if !hurried && l.hasUrgent() {
			hurried = true
			deadline.Reset(min(urgentDelay, time.Until(end)))
		}
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		case <-quiet.C:
			return
		case <-l.wake:
			quiet.Reset(quietTime)
		}
	}
}

func (l *Loop) flush() {
	l.mu.Lock()
	events := l.events
	l.events, l.urgent = nil, 0
	l.mu.Unlock()
	start, changed := time.Now(), 0
	first := start
	endpoints := false
	for _, e := range events {
		if l.apply(e) {
			if changed == 0 {
				first = e.at
			}
			changed++
			endpoints = endpoints || e.urgent
		}
	}
	if changed == 0 {
		return
	}
	l.compute(endpoints)
	l.metrics.Flushed(changed, time.Since(start), time.Since(first))
}

// apply takes an event in. One that panics is left out: no other waits for it.
func (l *Loop) apply(e event) bool {
	changed, err := contain.Call(func() (bool, error) { return e.apply(l.model), nil })
	if err != nil {
		step := "input"
		if e.name != nil {
			step = e.name()
		}
		l.model.failedStep(step, err)
		return true // the model may have taken a part of it
	}
	return changed
}

// compute flushes the model. Endpoints that changed go first, also those that change in between.
func (l *Loop) compute(endpoints bool) {
	for {
		done, err := contain.Call(func() (bool, error) {
			if endpoints {
				l.model.PublishEndpoints()
			}
			start := time.Now()
			return l.model.Advance(func() bool { return time.Since(start) > pauseAfter }), nil
		})
		if err != nil {
			// Units contain their own panics, and so does publishing: what is left is between them.
			l.model.failedStep("flush", err)
			return
		}
		if done {
			return
		}
		endpoints = false
		for _, e := range l.takeUrgent() {
			endpoints = l.apply(e) || endpoints
		}
	}
}

func (l *Loop) hasUrgent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.urgent > 0
}

// takeUrgent takes the urgent events out of the queue.
func (l *Loop) takeUrgent() (taken []event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.urgent == 0 {
		return nil
	}
	for _, e := range l.events {
		if e.urgent {
			taken = append(taken, e)
		}
	}
	l.events = slices.DeleteFunc(l.events, func(e event) bool { return e.urgent })
	l.urgent = 0
	return taken
}
