package hold

import (
	"container/list"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
)

// fate is what becomes of a request that waits.
type fate uint8

const (
	waiting fate = iota
	released
	expired // its time is over
	left    // nobody wants its answer any more
	bounced // another replica is to be asked
)

// waiter is a request that waits. Its fate is decided once, under the mutex of its backend.
type waiter struct {
	backend *backend
	node    string // node id of the proxy; "": unknown
	probe   bool   // no sign of traffic
	since   time.Time
	serial  uint64
	place   *list.Element
	timer   publish.Timer

	fate fate
	done chan struct{} // closed when fate is decided
}

func (w *waiter) decide(f fate) {
	w.fate = f
	if w.timer != nil {
		w.timer.Stop()
	}
	close(w.done)
}

// lane is the queue of one proxy.
type lane struct {
	queue  list.List // of *waiter
	lostAt time.Time // since when the proxy is not connected; zero: it is
}

func (l *lane) head() *waiter { return l.queue.Front().Value.(*waiter) }
