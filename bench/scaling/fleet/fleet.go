package fleet

import (
	"slices"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
)

// Fleet is the replicas at a moment.
type Fleet struct {
	options  Options
	replicas []*replica
	held     []*request
	requests []request
	counted  Counts
	wanted   int
	bill     bill
}

type replica struct {
	engine *engine.Replica
	ready  float64
	ended  bool // takes no more requests
}

func (r *replica) takes(now float64) bool { return !r.ended && r.ready <= now }

type request struct {
	engine.Job
	at float64
	wire
}

// Wanted returns how many replicas there are to be.
func (f *Fleet) Wanted() int { return f.wanted }

// Ready returns how many of them take requests.
func (f *Fleet) Ready(now float64) (n int) {
	for _, r := range f.replicas {
		if r.takes(now) {
			n++
		}
	}
	return n
}

// InFlight returns the requests in replicas.
func (f *Fleet) InFlight() (n int) {
	for _, r := range f.replicas {
		n += r.engine.Jobs()
	}
	return n
}

// Held returns how many requests wait for a replica, and the bytes of their prompts.
func (f *Fleet) Held() (requests, bytes int) {
	for _, r := range f.held {
		bytes += r.sent
	}
	return len(f.held), bytes
}

// Queue is what the replicas that are ready say of themselves.
type Queue struct {
	Waiting, Running, Replicas int
	// Memory is the sum of the parts of their memory that are in use.
	Memory float64
}

// Queue returns what a scrape of the replicas has.
func (f *Fleet) Queue(now float64) (q Queue) {
	for _, r := range f.replicas {
		if r.takes(now) {
			q.Waiting += r.engine.Waiting()
			q.Running += r.engine.Running()
			q.Memory += r.engine.Memory()
			q.Replicas++
		}
	}
	return q
}

// give hands a request to the replica with the fewest, or holds it.
func (f *Fleet) give(now float64, r *request) {
	var to *replica
	for _, other := range f.replicas {
		if other.takes(now) && (to == nil || other.engine.Jobs() < to.engine.Jobs()) {
			to = other
		}
	}
	if to == nil {
		f.held = append(f.held, r)
		return
	}
	f.counted.arrived(r)
	to.engine.Add(now, &r.Job)
}

// release gives the held requests to replicas, once there are some.
func (f *Fleet) release(now float64) {
	if len(f.held) == 0 || f.Ready(now) == 0 {
		return
	}
	held := f.held
	f.held = nil
	for _, r := range held {
		f.give(now, r)
	}
}

// scale starts and ends replicas. Those that are not ready end first, then the youngest, as a
// ReplicaSet ends them.
func (f *Fleet) scale(now float64, wanted int) {
	if wanted == f.wanted {
		return
	}
	for n := f.wanted; n < wanted; n++ {
		f.replicas = append(f.replicas, &replica{engine: engine.NewReplica(f.options.Model), ready: now + f.options.ColdStart})
	}
	excess := f.wanted - wanted
	for i := len(f.replicas) - 1; i >= 0 && excess > 0; i-- { // they are ordered by when they are ready
		if r := f.replicas[i]; !r.ended {
			r.ended = true
			excess--
		}
	}
	f.wanted = wanted
	f.remove()
}

// remove forgets the replicas that have ended and have nothing to do.
func (f *Fleet) remove() {
	f.replicas = slices.DeleteFunc(f.replicas, func(r *replica) bool { return r.ended && r.engine.Jobs() == 0 })
}
