package publish

import (
	"time"

	"github.com/kedify/inference-gateway/xds/resource"
)

// resourceState is one name of a gateway: what it should be, and what is known about it across all
// proxies. Values are compared by pointer.
type resourceState struct {
	kind kind
	name string

	// desired is what the engine asked for; nil: the resource is gone, or was only named.
	desired *revision
	// current is what proxies are told: desired, or what stands in for it while it is
	// quarantined. Nil: nothing.
	current *revision
	// lastAccepted is the newest revision that a proxy accepted, previousAccepted the one before: a proxy may
	// refuse what another accepted.
	lastAccepted, previousAccepted *revision
	// lastDesired is what was desired last, when nothing is desired any more.
	lastDesired *revision

	// rejection is set while desired is quarantined.
	rejection *Rejection
	// needed counts the current revisions that name this resource, keepers those among them that
	// are not desired themselves: what stands in for a refused revision keeps what it names.
	needed, keepers int
	// keeps: current is not what is desired, and counted in the keepers of what it names.
	keeps bool

	// seq is the Apply that last changed desired.
	seq uint64
	// applied is when desired changed, zero once every proxy has it: propagation is
	// observed once.
	applied time.Time
	// behind counts the proxies that do not have current yet, acked those that accepted
	// desired.
	behind, acked int
	// swept resources were dropped from the gateway; a new one may have taken the name.
	swept bool
	// reported: OnAccepted is called for its ACKs.
	reported bool
}

func (e *resourceState) key() resource.Key {
	return resource.Key{Type: kindTypes[e.kind], Name: e.name}
}

// dead reports whether the gateway neither wants nor names the resource any more.
func (e *resourceState) dead() bool {
	return e.desired == nil && e.needed == 0
}

// standIn returns what proxies are told when the engine's wish cannot or need not be sent.
func (e *resourceState) standIn() *revision {
	switch {
	case e.desired != nil && e.rejection == nil:
		return e.desired
	case e.desired != nil:
		return e.lastAccepted // quarantined: the last good version, or nothing
	case e.keepers > 0:
		return e.lastDesired // gone, perhaps with the change that was refused
	default:
		return nil
	}
}
