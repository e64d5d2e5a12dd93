package hold

import (
	"strings"
	"sync"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// poolPrefix begins the names of the endpoints of InferencePools.
const poolPrefix = string(ir.BackendPool) + "/"

// backend is the state machine of one name of endpoints of one gateway. What is above mu is
// guarded by the mutex of the gateway, the rest by mu.
type backend struct {
	gateway *gateway
	name    string

	// hold is the engine's wish for the hold cluster; nil: nobody is to wait, and the machine is
	// at rest. current is its wish for the endpoints; nil: there is no such backend.
	hold    *resource.Resource
	current *assignment
	// fresh: current was not handed on since it changed.
	fresh bool
	// told is what proxies are told of the endpoints; nil: nothing. history holds what they may
	// have of it, newest last.
	told    *assignment
	history []assignment

	armed bool
	// toldHold is the version of what proxies are told of the hold cluster, "": nothing; holdOf what
	// it was made of.
	toldHold   string
	holdOf     rendering
	disarmedAt time.Time
	// openAt is when endpoints may be used: pools wait for their picker.
	openAt time.Time
	// The last endpoint went: emptyAt is when, restUntil how long it stays published now that
	// nobody uses it, confirmBy how long unconfirmed answers are waited for. Zero: not there yet.
	emptyAt, restUntil, confirmBy time.Time

	// idleAt is since when nothing is wanted of the backend.
	idleAt time.Time
	timer  publish.Timer
	next   time.Time // when step is due at the latest; zero: whenever something happens

	mu sync.Mutex
	// closed: the machine is gone; whoever asks must look for another.
	closed bool
	// free: nobody is to wait; known: there is such a backend.
	free, known bool
	// stocked: there are endpoints. open: who knows them may use them.
	stocked, open bool
	// nodes are the connected proxies, and whether each of them is known to have an endpoint that
	// is in use; everyone: all of them, and there is one.
	nodes    map[string]bool
	everyone bool

	lanes  map[string]*lane
	held   int
	serial uint64
	pace   pace

	// unconfirmed answers were given and may not have been read; draining: somebody waits for
	// the last of them.
	unconfirmed int
	draining    bool
	traffic     traffic
	// asked: proxies ask before they route, and traffic ends that; lookAt is the time before which
	// it is not worth looking whether there is enough.
	asked  bool
	lookAt time.Time
}

func newBackend(g *gateway, name string) *backend {
	return &backend{gateway: g, name: name, lanes: map[string]*lane{}, closed: g.gone}
}

func (b *backend) options() *Options { return &b.gateway.gate.options }

func (b *backend) now() time.Time { return b.options().Clock.Now() }

func (b *backend) pool() bool { return strings.HasPrefix(b.name, poolPrefix) }

// key is the resource with the endpoints, holdKey that with those who are asked.
func (b *backend) key() resource.Key {
	return resource.Key{Type: resource.Endpoint, Name: b.name}
}

func (b *backend) holdKey() resource.Key {
	return resource.Key{Type: resource.Endpoint, Name: b.name + Suffix}
}

// want takes the endpoints that the engine wants; nil: none, and no such name. What can be done
// without a look at the proxies is done at once: nobody goes on to an empty backend.
func (b *backend) want(r *resource.Resource) {
	was := b.current
	b.current, b.fresh = nil, false
	if r == nil {
		b.told, b.history = nil, nil
		b.shut()
		return
	}
	read, err := readAssignment(*r)
	if err != nil {
		b.options().Log.Error(err, "endpoints are passed on unread", "gateway", b.gateway.key.String())
	}
	b.current, b.fresh = &read, true
	if read.empty() {
		b.shut()
		return
	}
	b.emptyAt, b.restUntil, b.confirmBy = time.Time{}, time.Time{}, time.Time{}
	if b.pool() && b.gateway.ready && (was == nil || was.empty()) {
		b.openAt = b.now().Add(b.options().Timing.PickerDelay)
	}
}

// wantHold takes the hold cluster that the engine wants; nil: none.
func (b *backend) wantHold(r *resource.Resource) {
	b.fresh = b.fresh || b.current != nil && (b.hold == nil) != (r == nil)
	b.hold = r
	if r == nil {
		b.toldHold, b.holdOf, b.armed = "", rendering{}, false
	}
}

// shut lets nobody go on until refresh finds that they may.
func (b *backend) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stocked, b.open = false, false
}

// step brings everything up to date: what proxies are told, and who may go on.
func (b *backend) step() {
	if b.gateway.gone {
		return
	}
	if changed := b.plan(); len(changed) > 0 {
		b.options().Publisher.Apply(ir.Key(b.gateway.key), resource.Change{Upsert: changed})
	}
	b.refresh()
}

// stepLater is step for whoever does not have the mutex of the gateway.
func (b *backend) stepLater() {
	b.gateway.mu.Lock()
	defer b.gateway.mu.Unlock()
	if b.gateway.backend(b.name) == b {
		b.step()
	}
}

// alarm has step run at a time, at the latest.
func (b *backend) alarm(at time.Time) {
	if b.next.IsZero() || at.Before(b.next) {
		b.next = at
	}
}

// setTimer follows the alarms since the last time.
func (b *backend) setTimer() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if b.next.IsZero() {
		return
	}
	b.timer = b.options().Clock.AfterFunc(max(b.next.Sub(b.now()), 0), b.stepLater)
}

// forgotten is how long a backend is remembered that nothing is wanted of.
const forgotten = time.Minute

// tidy forgets such a backend. Who asks for its name again gets another.
func (b *backend) tidy(now time.Time) {
	if b.hold != nil || b.current != nil || !b.gateway.ready {
		b.idleAt = time.Time{}
		return
	}
	if b.idleAt.IsZero() {
		b.idleAt = now
	}
	if until := b.idleAt.Add(forgotten); until.After(now) {
		b.alarm(until)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held > 0 {
		return // their proxies come back, or they are sent away
	}
	b.closed = true
	b.gateway.backends.Delete(b.name)
}

// end sends everybody who waits to another replica.
func (b *backend) end() {
	b.next = time.Time{}
	b.setTimer()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for node := range b.lanes {
		b.clear(node, bounced)
	}
}
