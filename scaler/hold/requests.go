package hold

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// requests are the requests of one backend that proxies ask about: those that are held, and those
// that pass until the proxy has read so. Nothing is called with its mutex held.
type requests struct {
	options *Options
	// stepBackend is called without the mutex.
	stepBackend func()

	mu        sync.Mutex
	closed    bool // the backend is forgotten, and another may have its name
	admission admission

	queues map[string]*queue // by node id
	held   int
	serial uint64
	pace   pace

	// unconfirmed answers were given and may not have been read; awaited: the backend waits for the
	// last of them.
	unconfirmed int
	awaited     bool
	traffic     traffic
	// nextCheck is the time before which it is not worth checking whether there is enough traffic.
	nextCheck time.Time
}

// admission is what the state of a backend and the endpoints of its proxies mean for requests.
type admission struct {
	policy    policy
	endpoints int // that are wanted, whether a proxy has them or not
	// proxies are the connected ones, by node id, and whether each of them is known to have an
	// endpoint in use. everyProxyReady: all of them are, and there is one.
	proxies         map[string]bool
	everyProxyReady bool
	// window and load of an endpoint, for the pace of releases.
	window, load int
	mayDisarm    bool // enough traffic disarms the backend
	starting     bool // no request is sent to another replica
	// paused are the demand keys that nothing will start. mayPause: there may be others in a moment.
	paused   map[types.NamespacedName]bool
	mayPause bool
}

// origin is what the decision about a request depends on.
type origin struct {
	node  string // node id of the proxy; "": unknown
	probe bool   // no sign of traffic
	// demand is the key of its trigger; zero: none.
	demand types.NamespacedName
}

// decision about a request.
type decision uint8

const (
	askAgain decision = iota // the backend is forgotten; there may be another one of its name
	pass
	mustHold
	refuse // nothing that may come would answer it
)

// decide decides about a request that arrives. check: the caller is to step the
// backend, which may be disarmed.
func (r *requests) decide(o origin) (d decision, check bool) {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decideLocked(o, now)
}

func (r *requests) decideLocked(o origin, now time.Time) (d decision, check bool) {
	switch {
	case r.closed:
		return askAgain, false
	case r.admission.policy == turnAway:
		return refuse, false
	case r.queues[o.node] != nil || !r.passes(o.node): // no request overtakes another
		return mustHold, false
	default:
		return pass, r.answered(o.probe, now)
	}
}

// passes reports whether requests of a proxy pass. mu is held.
func (r *requests) passes(node string) bool {
	a := &r.admission
	switch a.policy {
	case passAll:
		return true
	case passConnected:
		_, connected := a.proxies[node]
		return connected
	case passReady:
		if node == "" {
			return a.everyProxyReady
		}
		return a.proxies[node]
	default:
		return false
	}
}

// answered notes that a request passes. Until the proxy has read so, the last endpoint stays.
// mu is held.
func (r *requests) answered(probe bool, now time.Time) (check bool) {
	r.unconfirmed++
	if probe {
		return false
	}
	r.traffic.note(now)
	if !r.admission.mayDisarm || now.Before(r.nextCheck) || !r.traffic.enough(now, &r.options.Timing) {
		return false
	}
	r.nextCheck = now.Add(r.options.Timing.DisarmAfter)
	return true
}

// hold holds a request, or lets it pass when that became possible. check: the caller is to step the
// backend, which may redirect the request later.
func (r *requests) hold(o origin, timeout time.Duration) (p *pendingRequest, d decision, check bool) {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, check = r.decideLocked(o, now); d != mustHold {
		return nil, d, check
	}
	q := r.queues[o.node]
	if q == nil {
		q = &queue{}
		r.queues[o.node] = q
		if check = !r.connected(o.node); check {
			q.disconnectedAt = now
		}
	}
	r.serial++
	r.held++
	p = &pendingRequest{origin: o, since: now, timeout: timeout, serial: r.serial, position: r.held, done: make(chan struct{})}
	p.place = q.requests.PushBack(p)
	p.timer = r.options.Clock.AfterFunc(timeout, func() { r.end(p, timedOut) })
	return p, mustHold, check
}

// longestWait returns what queue.longestWait does, over all queues; zero when no request is held.
func (r *requests) longestWait(now time.Time) (age time.Duration, spent float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.queues {
		ofQueue, spentOfQueue := q.longestWait(now)
		age, spent = max(age, ofQueue), max(spent, spentOfQueue)
	}
	return age, spent
}

// connected reports whether the proxy of a queue has a stream here. mu is held.
func (r *requests) connected(node string) bool {
	_, connected := r.admission.proxies[node]
	return connected || node == "" && len(r.admission.proxies) > 0
}

// end ends the wait of a request, unless it is over, and returns its outcome.
func (r *requests) end(p *pendingRequest, o outcome) outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.outcome == pending {
		r.dequeue(p)
		p.end(o)
	}
	return p.outcome
}

// endpointsGone lets no request pass until admit allows it again.
func (r *requests) endpointsGone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admission.endpoints = 0
	if r.admission.policy == passReady {
		r.admission.policy = holdAll
	}
}

// hasEndpoints reports whether there are endpoints, whether a proxy has them or not.
func (r *requests) hasEndpoints() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admission.endpoints > 0
}

// busy reports whether there is traffic that proxies could route without asking.
func (r *requests) busy(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admission.policy == passReady && r.held == 0 && r.traffic.enough(now, &r.options.Timing)
}

func (r *requests) forgetTraffic() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.traffic = traffic{}
}

// awaitConfirmation returns how many answers were not confirmed. Unless there is none, the backend
// is stepped when the last of them is.
func (r *requests) awaitConfirmation() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited = r.unconfirmed > 0
	return r.unconfirmed
}

// confirm notes that the proxy has read an answer, or will never read it.
func (r *requests) confirm() {
	now := r.options.Clock.Now()
	r.mu.Lock()
	r.unconfirmed--
	if r.pace.confirmed() {
		r.release(now, false)
	}
	last := r.awaited && r.unconfirmed == 0
	r.awaited = r.awaited && !last
	r.mu.Unlock()
	if last {
		r.stepBackend()
	}
}

// closeIfNoneHeld closes, unless requests are held.
func (r *requests) closeIfNoneHeld() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = r.closed || r.held == 0
	return r.closed
}

// close sends every held request to another replica.
func (r *requests) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for node := range r.queues {
		r.endAll(node, redirected)
	}
}

// busyGap ends a period of traffic.
const busyGap = time.Second

// traffic is a period of requests without a gap.
type traffic struct {
	first, last time.Time
	answers     int
}

func (t *traffic) note(now time.Time) {
	if now.Sub(t.last) > busyGap {
		t.first, t.answers = now, 0
	}
	t.last = now
	t.answers++
}

// enough reports whether requests come, and do so for long enough.
func (t *traffic) enough(now time.Time, timing *Timing) bool {
	return t.answers > 0 && now.Sub(t.last) <= busyGap &&
		(t.answers >= timing.DisarmAnswers || t.last.Sub(t.first) >= timing.DisarmAfter)
}
