package health

import (
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// State is what is known of the readiness of something.
type State int

const (
	// Unknown: not observed, or not lately.
	Unknown State = iota
	Ready
	NotReady
)

// Settings of a Machine.
type Settings struct {
	// Debounce is how long illness lasts before the traffic leaves the proxies.
	Debounce time.Duration
	// Recovery is how long health lasts before it returns; MaxRecovery bounds its doubling.
	Recovery, MaxRecovery time.Duration
	// FlapWindow is how soon after a return a fallback doubles the recovery period.
	FlapWindow time.Duration
}

// DefaultSettings are those of the product.
func DefaultSettings() Settings {
	return Settings{Debounce: 5 * time.Second, Recovery: 30 * time.Second, MaxRecovery: 10 * time.Minute, FlapWindow: 10 * time.Minute}
}

// Observation is what is known at one time.
type Observation struct {
	// Proxies and Controllers have a ready endpoint, or none.
	Proxies, Controllers State
	// Streams says whether a proxy of the namespace has a stream to a controller and accepted what it was
	// sent. It counts only while the controllers are ready. Unknown says nothing, and the other two
	// decide: this is polled, and the way to a controller may be closed to the one that asks.
	Streams State
	// Path that is in force: the one of the wired Services, not the one that is wanted.
	Path v1alpha1.WiringPath
}

// Decision is what to do now.
type Decision int

const (
	Stay Decision = iota
	// ToDirect: lead the traffic past the proxies.
	ToDirect
	// ToProxy: lead it through the proxies again.
	ToProxy
)

// Judgement is the outcome of an observation.
type Judgement struct {
	Decision Decision
	// Again is after how long to ask again although nothing was observed; zero: not at all.
	Again time.Duration
	// Recovery is the recovery period in force. Flapped is set when this observation doubled it.
	Recovery time.Duration
	Flapped  bool
}

// Machine follows one namespace.
type Machine struct {
	settings Settings
	// condition since when, without a break.
	condition condition
	since     time.Time
	// path of the last observation; empty: there was none.
	path v1alpha1.WiringPath
	// returned is when the traffic last came back to the proxies; zero: not seen.
	returned time.Time
	recovery time.Duration
}

// condition of a namespace.
type condition int

const (
	unknown condition = iota
	ill
	well
)

// New returns a Machine that has seen nothing.
func New(settings Settings) *Machine {
	return &Machine{settings: settings, recovery: settings.Recovery}
}

// Observe judges what is known at a time, which is not before the time of the last observation.
func (m *Machine) Observe(now time.Time, seen Observation) Judgement {
	if now.Before(m.since) {
		m.since = now // a clock that was set back must not lengthen a period
	}
	flapped := m.follow(now, seen.Path)
	if found := seen.condition(); found != m.condition {
		m.condition, m.since = found, now
	}
	judgement := Judgement{Recovery: m.recovery, Flapped: flapped}
	switch {
	case m.condition == ill && seen.Path == v1alpha1.PathProxy:
		judgement.Decision, judgement.Again = due(ToDirect, m.settings.Debounce-now.Sub(m.since))
	case m.condition == well && seen.Path == v1alpha1.PathDirect:
		judgement.Decision, judgement.Again = due(ToProxy, m.recovery-now.Sub(m.since))
	}
	return judgement
}

// due is the decision once nothing remains of its period.
func due(decision Decision, remaining time.Duration) (Decision, time.Duration) {
	if remaining > 0 {
		return Stay, remaining
	}
	return decision, 0
}

// follow notes moves, and reports whether a fallback doubled the recovery period.
func (m *Machine) follow(now time.Time, path v1alpha1.WiringPath) (doubled bool) {
	before := m.path
	m.path = path
	switch {
	case before == "" || before == path:
		return false
	case path == v1alpha1.PathProxy:
		m.returned = now
		return false
	case m.returned.IsZero() || now.Sub(m.returned) > m.settings.FlapWindow:
		m.recovery = m.settings.Recovery
		return false
	}
	doubledTo := min(2*m.recovery, m.settings.MaxRecovery)
	doubled = doubledTo > m.recovery
	m.recovery = max(m.recovery, doubledTo)
	return doubled
}

// condition weighs an observation. Each of the conditions of illness is enough, but none counts before
// both of what is always observed is known.
func (o Observation) condition() condition {
	switch {
	case o.Proxies == Unknown || o.Controllers == Unknown:
		return unknown
	case o.Proxies == NotReady || o.Controllers == NotReady || o.Streams == NotReady:
		return ill
	}
	return well
}
