package keda

import "time"

const (
	// While requests wait at zero replicas: fast at first, because a push is lost when KEDA
	// still sees the replicas that it just removed, which its cache does for some ms.
	fastPush   = 250 * time.Millisecond
	fastPeriod = 2 * time.Second
	slowPush   = time.Second
	// wakePeriod is how long after activity began without held requests pushes go on at zero
	// replicas. Then polls decide: with a formula KEDA may want zero although the trigger is active. Polls that
	// get no answer decide nothing, so pushes go on, slowly.
	wakePeriod = 10 * time.Second
	// minRefresh and refreshes per cooldown: KEDA counts its cooldown from the last true, and
	// each costs it a write of the ScaledObject.
	minRefresh = 5 * time.Second
	refreshes  = 4
	// heartbeat is how often false is sent, and the longest time between two looks at the state.
	heartbeat = 5 * time.Second
)

// Kinds of pushes, for the counter.
const (
	pushWake      = "wake"      // true, and it was not before, or nothing was sent yet
	pushRepeat    = "repeat"    // true, because the last one may be lost
	pushRefresh   = "refresh"   // true, so that KEDA's cooldown begins again
	pushIdle      = "idle"      // false, and it was not before, or nothing was sent yet
	pushHeartbeat = "heartbeat" // false again
	pushSpec      = "spec"      // of StreamMetricSpec
)

// state is the state of the trigger of a stream at one moment.
type state struct {
	// known is false while the demand is unknown.
	known, active bool
	// direct: active because wired Services lead past the proxies. Polls get no answer then.
	direct bool
	held   int
	// replicas of the target, -1 while they are unknown.
	replicas int32
	cooldown time.Duration
	// paused is true while KEDA must not scale out.
	paused bool
	// formula is true while KEDA's polls do not use the answer of IsActive and may stop the workload: pushes alone begin its cooldown again.
	formula bool
}

// refresh is how often true is sent while the workload runs.
func (s state) refresh() time.Duration {
	every := max(minRefresh, s.cooldown/refreshes)
	if s.formula {
		// KEDA cuts the time of a push to seconds.
		every = min(every, max(fastPush, (s.cooldown-time.Second)/2))
	}
	return every
}

// cold reports whether pushes can start the workload. Held requests have no endpoint, so while the
// replicas are unknown they stand for zero.
func (s state) cold() bool {
	return !s.paused && (s.replicas == 0 || s.replicas < 0 && s.held > 0)
}

// pushes decides what a StreamIsActive stream sends and when. The zero value has sent nothing.
type pushes struct {
	sent, last bool      // whether anything was sent, and what
	at         time.Time // of the last push
	active     time.Time // since when the trigger is active; zero: it is not
	waiting    time.Time // since when pushes are to start the workload; zero: they are not
	held       bool      // whether requests were held at the last call of next
}

// next takes the current state. An empty kind means that nothing is sent, otherwise last is. The
// wait, never zero, is when to call next again at the latest.
func (p *pushes) next(now time.Time, s state) (kind string, wait time.Duration) {
	p.observe(now, s)
	switch {
	case !s.known:
		return "", slowPush
	case !s.active:
		return p.idle(now)
	}
	kind, every := p.interval(now, s)
	switch due := p.at.Add(every); {
	case !p.sent || !p.last:
		kind = pushWake
	case kind == "":
		return "", p.bound(s, every)
	case now.Before(due):
		return "", p.bound(s, due.Sub(now))
	}
	p.push(now, true)
	return kind, p.bound(s, every)
}

// observe records since when the trigger is active, and since when pushes are to start its workload.
func (p *pushes) observe(now time.Time, s state) {
	if !s.known || !s.active {
		p.active, p.waiting, p.held = time.Time{}, time.Time{}, false
		return
	}
	if p.active.IsZero() {
		p.active = now
	}
	switch held := s.held > 0; {
	case !s.cold():
		p.waiting = time.Time{}
	case p.waiting.IsZero() || held && !p.held:
		p.waiting = now
	}
	p.held = s.held > 0
}

// idle sends false.
func (p *pushes) idle(now time.Time) (kind string, wait time.Duration) {
	switch due := p.at.Add(heartbeat); {
	case !p.sent || p.last:
		kind = pushIdle
	case now.Before(due):
		return "", due.Sub(now)
	default:
		kind = pushHeartbeat
	}
	p.push(now, false)
	return kind, heartbeat
}

func (p *pushes) push(now time.Time, value bool) { p.sent, p.last, p.at = true, value, now }

// interval is how often true is sent again, and as what. An empty kind: not at all.
func (p *pushes) interval(now time.Time, s state) (kind string, every time.Duration) {
	switch waited := now.Sub(p.waiting); {
	case p.waiting.IsZero() && s.replicas < 0 && !s.paused && now.Sub(p.active) < fastPeriod:
		return pushRepeat, slowPush // perhaps the waiting page was served: one more push is cheap
	case p.waiting.IsZero():
		return pushRefresh, s.refresh()
	case s.held == 0 && now.Sub(p.active) >= wakePeriod && s.direct:
		return pushRepeat, minRefresh
	case s.held == 0 && now.Sub(p.active) >= wakePeriod:
		return "", heartbeat
	case waited < fastPeriod:
		return pushRepeat, fastPush
	case s.replicas < 0:
		return pushRepeat, minRefresh // replicas may exist that take long to become ready
	default:
		return pushRepeat, slowPush
	}
}

// bound shortens a wait: while requests are held, a stream must notice at once that the replicas
// went to zero, and at any time that the activity ended.
func (p *pushes) bound(s state, wait time.Duration) time.Duration {
	if s.held > 0 {
		return min(wait, fastPush)
	}
	return min(wait, heartbeat)
}
