package peers

import "github.com/kedify/inference-gateway/scaler/demand/replica"

// follower is what the registry tells one subscriber; nil: there is no registry.
type follower struct{ *replica.Follower }

func (e *Exchange) follow() follower {
	if e.options.Registry == nil {
		return follower{}
	}
	return follower{e.options.Registry.Follow()}
}

// take adds to an envelope what is due.
func (f follower) take(to *envelope) {
	if f.Follower != nil {
		delta := f.Take()
		to.Demand = &delta
	}
}

// Wake is that of the follower; without one it is never ready.
func (f follower) Wake() <-chan struct{} {
	if f.Follower == nil {
		return nil
	}
	return f.Follower.Wake()
}

// Leave ends the follower.
func (f follower) Leave() {
	if f.Follower != nil {
		f.Follower.Leave()
	}
}

// merge hands on what another replica counts and holds. One of an older version says nothing
// of it.
func (e *Exchange) merge(said envelope) {
	if e.options.Registry != nil && said.Demand != nil {
		e.options.Registry.Merge(said.Replica, *said.Demand)
	}
}

// lost hands on that the stream of another replica ended.
func (e *Exchange) lost(replica string) {
	if e.options.Registry != nil {
		e.options.Registry.Lost(replica)
	}
}
