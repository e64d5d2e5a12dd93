package linger

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

// DefaultGrace is several times what consumers of wired Services were seen to take (ADR 0011). A route
// of another trigger for the same host waits for it.
const DefaultGrace = 10 * time.Second

// maxGraces bounds how long a route that is narrowed again and again has what it had, in graces.
const maxGraces = 3

// Next takes objects: an engine.Loop.
type Next interface {
	Set(kind store.Kind, object client.Object)
	Delete(kind store.Kind, key types.NamespacedName)
}

// Linger passes objects on to Next, and what takes requests away from a wired trigger a grace later.
type Linger struct {
	next  Next
	clock clock.WithDelayedExecution
	grace time.Duration

	mu sync.Mutex
	// wired has the HTTPScalers with wired Services, those that are leaving among them. The time is the end of
	// the grace of one that has lost them; zero: it has them.
	wired map[types.NamespacedName]time.Time
	// routes are generated routes as Next has them.
	routes map[item]client.Object
	// leaving is what Next has longer than the API server.
	leaving map[item]*departure
}

type item struct {
	kind store.Kind
	key  types.NamespacedName
}

// departure is the end of an object, or of a part of a route.
type departure struct {
	timer clock.Timer
	// begun is when the first part was taken away.
	begun time.Time
}

// New returns a Linger; a grace of zero is DefaultGrace.
func New(next Next, clk clock.WithDelayedExecution, grace time.Duration) *Linger {
	if grace == 0 {
		grace = DefaultGrace
	}
	return &Linger{
		next: next, clock: clk, grace: grace,
		wired: map[types.NamespacedName]time.Time{}, routes: map[item]client.Object{}, leaving: map[item]*departure{},
	}
}

// Set passes an object on that appeared or changed. A route of a wired trigger keeps for a grace what
// the change takes from it.
func (l *Linger) Set(kind store.Kind, object client.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := item{kind, store.KeyOf(object)}
	begun := l.stay(it)
	if scaler, ok := object.(*v1alpha1.HTTPScaler); ok {
		l.note(it.key, scaler.Status.Wiring)
	}
	if !routes(kind) || !v1alpha1.Generated(object) {
		l.next.Set(kind, object)
		return
	}
	passed := object
	if before := l.routes[it]; before != nil && l.isWired(scalerOf(it)) && l.clock.Since(begun) < (maxGraces-1)*l.grace {
		if kept := keep(before, object); kept != nil {
			passed = kept
			l.depart(it, begun, func() {
				l.routes[it] = object
				l.next.Set(kind, object)
			})
		}
	}
	l.routes[it] = passed
	l.next.Set(kind, passed)
}

// stay ends a departure, and returns when it began; now, if there is none.
func (l *Linger) stay(it item) (begun time.Time) {
	departure := l.leaving[it]
	if departure == nil {
		return l.clock.Now()
	}
	departure.timer.Stop()
	delete(l.leaving, it)
	return departure.begun
}

// depart does something after the grace unless the object changes before.
func (l *Linger) depart(it item, begun time.Time, leave func()) {
	leaving := &departure{begun: begun}
	l.leaving[it] = leaving
	leaving.timer = l.clock.AfterFunc(l.grace, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.leaving[it] == leaving { // not changed in the moment in which the timer fired
			delete(l.leaving, it)
			leave()
		}
	})
}

// note records whether a trigger has wired Services. The command "wiring" takes them from the status before
// consumers have followed, and often before the trigger itself is gone; so the trigger counts as wired for a grace more.
func (l *Linger) note(scaler types.NamespacedName, wiring *v1alpha1.HTTPScalerWiring) {
	if wiring != nil && len(wiring.Services) > 0 {
		l.wired[scaler] = time.Time{}
	} else if until, was := l.wired[scaler]; was && until.IsZero() {
		l.wired[scaler] = l.clock.Now().Add(l.grace)
	}
}

// isWired reports whether requests may come through wired Services of a trigger.
func (l *Linger) isWired(scaler types.NamespacedName) bool {
	until, was := l.wired[scaler]
	return was && (until.IsZero() || l.clock.Now().Before(until))
}

// Delete passes on that an object vanished: at once, or after the grace.
func (l *Linger) Delete(kind store.Kind, object client.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := item{kind, store.KeyOf(object)}
	begun := l.stay(it)
	if !v1alpha1.Generated(object) || !l.isWired(scalerOf(it)) {
		l.forget(it)
		return
	}
	l.depart(it, begun, func() { l.forget(it) })
}

func (l *Linger) forget(it item) {
	delete(l.routes, it)
	if it.kind == store.HTTPScaler {
		delete(l.wired, it.key)
	}
	l.next.Delete(it.kind, it.key)
}
