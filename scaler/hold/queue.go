package hold

import (
	"container/list"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
)

// outcome of a held request.
type outcome uint8

const (
	pending outcome = iota
	released
	timedOut
	canceled   // by the client
	redirected // another replica is to be asked
	turnedAway // nothing that may come would answer it
	stopped    // nothing will start its target, which is at zero
)

// pendingRequest is a request that is held. Its outcome is decided once, under the mutex of
// requests.
type pendingRequest struct {
	origin
	since   time.Time
	timeout time.Duration // it is answered 504 then
	serial  uint64        // in order of arrival
	// position in the queue of the backend when it came, from 1 on
	position int
	place    *list.Element
	timer    publish.Timer

	outcome outcome
	// endpoints of the backend when it was released; zero: unknown
	endpoints int
	done      chan struct{} // closed when the outcome is decided
}

func (p *pendingRequest) end(o outcome) {
	p.outcome = o
	if p.timer != nil {
		p.timer.Stop()
	}
	close(p.done)
}

// queue holds the requests of one proxy in order of arrival.
type queue struct {
	requests       list.List // of *pendingRequest
	disconnectedAt time.Time // zero: the proxy is connected
}

func (q *queue) head() *pendingRequest { return q.requests.Front().Value.(*pendingRequest) }

// longestWait returns how long the request that came first has waited, and the largest part of its own timeout that one has spent,
// 0 to 1.
func (q *queue) longestWait(now time.Time) (age time.Duration, spent float64) {
	for place := q.requests.Front(); place != nil; place = place.Next() {
		p := place.Value.(*pendingRequest)
		waited := now.Sub(p.since)
		age = max(age, waited)
		if p.timeout > 0 {
			spent = max(spent, min(waited.Seconds()/p.timeout.Seconds(), 1))
		}
	}
	return age, spent
}
