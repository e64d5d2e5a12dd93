package hold

import "time"

// forgetAfter is how long a backend is remembered that the engine does not know.
const forgetAfter = time.Minute

// The waits that can be given up, values of the metric label "wait": for proxies, and for pickers.
const (
	waitACK          = "ack"
	waitConfirmation = "confirmation"
	waitPicker       = "picker"
)

// wanted is what the engine wants of the endpoints of a backend.
type wanted uint8

const (
	wantsNothing wanted = iota // there is no such name
	wantsNone                  // there is no endpoint
	wantsSome
)

// facts are what transitions depend on. The last group is read in the named states only.
type facts struct {
	now    time.Time
	timing *Timing

	gatewayReady bool
	holdCluster  bool // the engine wants one
	endpoints    wanted
	published    bool      // endpoints are published
	usableAt     time.Time // from when on the endpoints are used: pickers know them, or had their time
	askingPicker bool      // a picker that can tell has not named an endpoint
	disarmedAt   time.Time // the last time

	maintenance     bool      // armed, disarmed: a page answers every request
	busy            bool      // armed: there is enough traffic, and no request is held
	everyProxyReady bool      // armed, if mayDisarm: every proxy has an endpoint in use, and there is a proxy
	lastArrival     time.Time // disarmed: zero: unknown
	everyProxyAsks  bool      // awaitingACK: every connected proxy accepted that it asks
	unconfirmed     int       // awaitingConfirmation: answers that a proxy may not have read
}

// next returns the state that follows, and the wait that was given up to get there.
// It is called until the state stays.
func next(s state, f *facts) (to state, gaveUp string) {
	switch {
	case !f.gatewayReady:
		return starting{}, ""
	case !f.holdCluster && f.endpoints == wantsNothing:
		return nextWithoutName(s, f), ""
	case !f.holdCluster:
		return nextWithoutHold(s, f), ""
	case f.endpoints == wantsSome:
		return nextWithEndpoints(s, f)
	case !f.published:
		return cold{}, ""
	default:
		return nextWithoutEndpoints(s, f)
	}
}

// nextWithoutHold: a backend that loses its hold cluster while it has no endpoint answers its requests no more. Of
// one that this replica never knew otherwise, another replica and the proxies may know more.
func nextWithoutHold(s state, f *facts) state {
	if f.endpoints == wantsNone {
		switch s.(type) {
		case starting, unknown, unheld:
		default:
			return withdrawn{}
		}
	}
	return unheld{}
}

// nextWithoutName: what was taken away while it had no endpoint answers its requests no more. Of what had
// endpoints, or was never known here, another replica and the proxies may know more.
func nextWithoutName(s state, f *facts) state {
	switch s := s.(type) {
	case unknown:
		return s
	case withdrawn:
		if !s.forgetAt.IsZero() {
			return s
		}
		return withdrawn{forgetAt: f.now.Add(forgetAfter)}
	case cold, waking, awaitingACK, lingering, awaitingConfirmation:
		return withdrawn{forgetAt: f.now.Add(forgetAfter)}
	default:
		return unknown{forgetAt: f.now.Add(forgetAfter)}
	}
}

// nextWithEndpoints: the endpoints are used at once. A busy backend is disarmed, because asking
// costs every request some hundred microseconds. A quiet one is armed, because it must be armed
// before its last endpoint goes.
func nextWithEndpoints(s state, f *facts) (to state, gaveUp string) {
	if f.usableAt.After(f.now) {
		return waking{usableAt: f.usableAt}, ""
	}
	switch s.(type) {
	case waking:
		if f.askingPicker {
			return armed{}, waitPicker
		}
		return armed{}, ""
	case disarmed:
		if f.maintenance || f.quiet() {
			return armed{}, ""
		}
		return disarmed{}, ""
	case armed:
		if f.mayDisarm() && f.everyProxyReady {
			return disarmed{}, ""
		}
		return armed{}, ""
	default:
		return armed{}, ""
	}
}

// nextWithoutEndpoints: the last endpoint goes only when every proxy asks, the retries of its
// requests had time to meet the next endpoint instead of none, and every answer is confirmed.
func nextWithoutEndpoints(s state, f *facts) (to state, gaveUp string) {
	switch s := s.(type) {
	case awaitingACK:
		switch {
		case f.everyProxyAsks:
			return lingering{until: f.now.Add(f.timing.Linger)}, ""
		case !s.deadline.After(f.now):
			return lingering{until: f.now.Add(f.timing.Linger)}, waitACK
		}
		return s, ""
	case lingering:
		if !s.until.After(f.now) {
			return awaitingConfirmation{deadline: f.now.Add(f.timing.ConfirmWait)}, ""
		}
		return s, ""
	case awaitingConfirmation:
		switch {
		case f.unconfirmed == 0:
			return cold{}, ""
		case !s.deadline.After(f.now):
			return cold{}, waitConfirmation
		}
		return s, ""
	default:
		return awaitingACK{deadline: f.now.Add(f.timing.AckWait)}, ""
	}
}

// quietAt is when a disarmed backend is quiet, unless requests come. If the last arrival is
// unknown, assume no traffic: staying armed adds latency, disarming can lose requests.
func (f *facts) quietAt() time.Time {
	last := f.disarmedAt
	if f.lastArrival.After(last) {
		last = f.lastArrival
	}
	return last.Add(f.timing.Quiet)
}

func (f *facts) quiet() bool { return !f.quietAt().After(f.now) }

// disarmAt is when an armed backend may be disarmed again.
func (f *facts) disarmAt() time.Time { return f.disarmedAt.Add(f.timing.DisarmPause) }

// mayDisarm reports whether proxies need not ask, if all of them have the endpoints.
func (f *facts) mayDisarm() bool { return f.busy && !f.maintenance && !f.disarmAt().After(f.now) }

// due returns when the state must be looked at again although nothing happens; zero: never.
func due(s state, f *facts) time.Time {
	var at time.Time
	switch s := s.(type) {
	case unknown:
		at = s.forgetAt
	case withdrawn:
		at = s.forgetAt
	case waking:
		at = s.usableAt
	case armed:
		if f.busy && !f.maintenance {
			at = f.disarmAt()
		}
	case disarmed:
		at = f.quietAt()
	case awaitingACK:
		at = s.deadline
	case lingering:
		at = s.until
	case awaitingConfirmation:
		at = s.deadline
	}
	if !at.After(f.now) {
		return time.Time{}
	}
	return at
}

// Why a backend is armed, the values of the metric label "reason".
const (
	armNew    = "new"    // nothing is known of the backend yet
	armEmpty  = "empty"  // it has no endpoint
	armQuiet  = "quiet"  // no request came for a while: the last endpoint may go soon
	armPinned = "pinned" // a maintenance page answers every request
)

// armReason returns why a disarmed backend is armed.
func armReason(to state, f *facts) string {
	if _, serving := to.(armed); !serving {
		return armEmpty
	}
	if f.maintenance {
		return armPinned
	}
	return armQuiet
}
