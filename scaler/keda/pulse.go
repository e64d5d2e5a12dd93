package keda

import "time"

const (
	// While requests wait at zero replicas: fast at first, because a push is lost when KEDA
	// still sees the replicas that it just removed, which its cache does for some ms.
	fastPush   = 250 * time.Millisecond
	fastPeriod = 2 * time.Second
	slowPush   = time.Second
	// wakePeriod is how long after activity began without held requests pushes go on at zero
	// replicas. Then polls decide: with a formula KEDA may want zero although we are active.
	wakePeriod = 10 * time.Second
	// minRefresh and refreshes per cooldown: KEDA counts its cooldown from the last true, and
	// each costs it a write.
	minRefresh = 5 * time.Second
	refreshes  = 4
	// heartbeat is how often false is sent, and the longest that nothing is looked at.
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

// state is what a stream is about, at one moment.
type state struct {
	// known: the demand is.
	known, active bool
	held          int
	// replicas of the target; -1: not known.
	replicas int32
	cooldown time.Duration
	// paused: KEDA starts nothing.
	paused bool
}

// cold says that pushes can start the workload. Held requests have no endpoint: without a view
// of the replicas that is all there is.
func (s state) cold() bool {
	return !s.paused && (s.replicas == 0 || s.replicas < 0 && s.held > 0)
}

// pulse decides what a StreamIsActive stream sends and when. The zero value has sent nothing.
type pulse struct {
	sent, last bool      // whether anything was sent, and what
	at         time.Time // of the last push
	active     time.Time // since when the trigger is active; zero: it is not
	waiting    time.Time // since when pushes are to start the workload; zero: they are not
	held       bool      // whether requests were held when it was last looked at
}

// next takes the state of now. Kind is empty when nothing is to be sent; otherwise last is to
// be. Wait, never zero, is when to ask again at the latest.
func (p *pulse) next(now time.Time, s state) (kind string, wait time.Duration) {
	p.note(now, s)
	switch {
	case !s.known:
		return "", slowPush
	case !s.active:
		return p.idle(now)
	}
	kind, every := p.rhythm(now, s)
	switch due := p.at.Add(every); {
	case !p.sent || !p.last:
		kind = pushWake
	case kind == "":
		return "", p.look(s, every)
	case now.Before(due):
		return "", p.look(s, due.Sub(now))
	}
	p.push(now, true)
	return kind, p.look(s, every)
}

// note keeps the beginnings of what goes on.
func (p *pulse) note(now time.Time, s state) {
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
func (p *pulse) idle(now time.Time) (kind string, wait time.Duration) {
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

func (p *pulse) push(now time.Time, value bool) { p.sent, p.last, p.at = true, value, now }

// rhythm is how often true is sent again, and as what. An empty kind: not at all.
func (p *pulse) rhythm(now time.Time, s state) (kind string, every time.Duration) {
	switch waited := now.Sub(p.waiting); {
	case p.waiting.IsZero() && s.replicas < 0 && !s.paused && now.Sub(p.active) < fastPeriod:
		return pushRepeat, slowPush // a page was shown, perhaps: once more is cheap
	case p.waiting.IsZero():
		return pushRefresh, max(minRefresh, s.cooldown/refreshes)
	case s.held == 0 && now.Sub(p.active) >= wakePeriod:
		return "", heartbeat
	case waited < fastPeriod:
		return pushRepeat, fastPush
	case s.replicas < 0:
		return pushRepeat, minRefresh // there may be some that are not ready, for long
	default:
		return pushRepeat, slowPush
	}
}

// look bounds the wait: with held requests it must be noticed at once that the replicas are
// zero, and in any case that the activity ended.
func (p *pulse) look(s state, wait time.Duration) time.Duration {
	if s.held > 0 {
		return min(wait, fastPush)
	}
	return min(wait, heartbeat)
}
