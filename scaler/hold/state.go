package hold

import "time"

// state is the state of a backend: exactly one of the types below, with the fields that this
// state needs. The package comment has the table of states and events; function next has the
// transitions.
type state interface{ name() string }

type (
	// starting: the first complete state of the gateway is not applied yet.
	starting struct{}
	// unknown: the engine wants neither endpoints nor a hold cluster of this name. The backend is
	// forgotten at forgetAt, unless requests are held.
	unknown struct{ forgetAt time.Time }
	// unheld: the engine wants endpoints but no hold cluster.
	unheld struct{}
	// withdrawn: the engine took the hold cluster away while there was no endpoint: nothing that may come
	// answers the requests. If it does not want the name either, the backend is forgotten at forgetAt.
	withdrawn struct{ forgetAt time.Time }
	// cold: there is no endpoint, and none is published.
	cold struct{}
	// waking: a pool has endpoints again, and its pickers may not know them. They are used at usableAt at the latest.
	waking struct{ usableAt time.Time }
	// armed: there are endpoints, and proxies ask before they route.
	armed struct{}
	// disarmed: there are endpoints, and proxies route without asking.
	disarmed struct{}
	// awaitingACK: the engine wants no endpoint any more, and a proxy may not ask yet.
	awaitingACK struct{ deadline time.Time }
	// lingering: every proxy asks. Requests to a pod that crashed need an endpoint to be retried at.
	lingering struct{ until time.Time }
	// awaitingConfirmation: a proxy may not have read yet that a request passes.
	awaitingConfirmation struct{ deadline time.Time }
)

func (starting) name() string             { return "starting" }
func (unknown) name() string              { return "unknown" }
func (unheld) name() string               { return "unheld" }
func (withdrawn) name() string            { return "withdrawn" }
func (cold) name() string                 { return "cold" }
func (waking) name() string               { return "waking" }
func (armed) name() string                { return "armed" }
func (disarmed) name() string             { return "disarmed" }
func (awaitingACK) name() string          { return "awaitingACK" }
func (lingering) name() string            { return "lingering" }
func (awaitingConfirmation) name() string { return "awaitingConfirmation" }

// policy is how requests are admitted.
type policy uint8

const (
	// holdAll lets no request pass.
	holdAll policy = iota
	// passReady lets the requests of a proxy pass that is known to have an endpoint in use.
	passReady
	// passAll lets every request pass.
	passAll
	// passConnected lets the requests of a proxy pass that is connected to this replica. Another
	// replica may know a backend that this one does not know.
	passConnected
	// turnAway lets no request pass, and holds none.
	turnAway
)

// admits returns how requests are admitted in a state.
func admits(s state) policy {
	switch s.(type) {
	case armed, disarmed:
		return passReady
	case unheld:
		return passAll
	case unknown:
		return passConnected
	case withdrawn:
		return turnAway
	default:
		return holdAll
	}
}

// asks reports whether proxies ask before they route.
func asks(s state) bool {
	switch s.(type) {
	case unknown, unheld, withdrawn, disarmed:
		return false
	default:
		return true
	}
}

// withholds reports whether proxies keep the endpoints that the engine does not want any more.
func withholds(s state) bool {
	switch s.(type) {
	case awaitingACK, lingering, awaitingConfirmation:
		return true
	default:
		return false
	}
}
