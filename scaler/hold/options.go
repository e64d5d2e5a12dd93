package hold

import (
	"time"

	"github.com/go-logr/logr"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Publisher is where changes go; publish.Publisher.
type Publisher interface {
	Apply(gateway ir.Key, change resource.Change)
	Ready(gateway ir.Key)
	Forget(gateway ir.Key)
	// Accepted says what every connected proxy has of a resource.
	Accepted(gateway ir.Key, key resource.Key) map[string]publish.Possession
}

// Options of a Gate. Publisher and Catalog are required, zero values of others take defaults.
type Options struct {
	Publisher Publisher
	Catalog   *scaler.Catalog
	// LastArrival is when a request of a demand key was last known to have arrived at a backend;
	// false: nothing is known. Nil: nothing ever is.
	LastArrival func(ir.Key) (time.Time, bool)
	// Held hears of every change of what this replica holds for a demand key: requests that wait
	// now, and how many ever arrived that had to wait or were shown the waiting page. Calls of one
	// key come one after the other, in order. It is on the way of requests and must not block.
	Held    func(key ir.Key, held int, arrived uint64)
	Limits  Limits
	Timing  Timing
	Clock   publish.Clock // defaults to the time of the machine
	Metrics *Metrics      // nil: nothing is exported
	Log     logr.Logger
}

// Limits are what a trigger does not say itself.
type Limits struct {
	// Timeout after which a held request is answered 504. Zero: 55 s, which is less than the
	// patience of the usual load balancers.
	Timeout time.Duration
	// MaxPending held requests of one demand key; zero: 1,000.
	MaxPending int
	// MaxTotal held requests of this replica; zero: 10,000.
	MaxTotal int
	// RetryAfter in such answers; zero: 5 s.
	RetryAfter time.Duration
}

// Timing is how long things take. Zero values take the defaults.
type Timing struct {
	// Quiet is how long no request came before proxies ask again although all is well; 5 s.
	Quiet time.Duration
	// DisarmAfter and DisarmAnswers: so much traffic, or so many answers, have the proxies ask no
	// more; 100 ms, 20. DisarmPause is the least time between two such decisions; 1 s.
	DisarmAfter, DisarmPause time.Duration
	DisarmAnswers            int
	// AckWait and ConfirmWait bound the waits for proxies when the last endpoint goes; 2 s each.
	AckWait, ConfirmWait time.Duration
	// Linger is how long the last endpoint stays published after it went, because the retries of
	// requests to a pod that crashed need something to be retried at; 15 s, negative: none.
	Linger time.Duration
	// PickerDelay is how much later than ready the endpoints of a pool are used: its picker must
	// know them, too; 100 ms, negative: none.
	PickerDelay time.Duration
	// OrphanWait is how long requests wait for the ADS stream of their proxy before it is sent to
	// ask another replica, which may have that stream; 3 s.
	OrphanWait time.Duration
	// Pace is the time between two releases to endpoints that have as much as they said they can
	// take; 50 ms.
	Pace time.Duration
}

// busyGap ends a period of traffic.
const busyGap = time.Second

func (o *Options) defaults() {
	if o.LastArrival == nil {
		o.LastArrival = func(ir.Key) (time.Time, bool) { return time.Time{}, false }
	}
	if o.Held == nil {
		o.Held = func(ir.Key, int, uint64) {}
	}
	if o.Clock == nil {
		o.Clock = publish.WallClock()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	otherwise(&o.Limits.Timeout, 55*time.Second)
	otherwise(&o.Limits.MaxPending, 1000)
	otherwise(&o.Limits.MaxTotal, 10_000)
	otherwise(&o.Limits.RetryAfter, 5*time.Second)
	t := &o.Timing
	otherwise(&t.Quiet, 5*time.Second)
	otherwise(&t.DisarmAfter, 100*time.Millisecond)
	otherwise(&t.DisarmPause, time.Second)
	otherwise(&t.DisarmAnswers, 20)
	otherwise(&t.AckWait, 2*time.Second)
	otherwise(&t.ConfirmWait, 2*time.Second)
	otherwise(&t.Linger, 15*time.Second)
	otherwise(&t.PickerDelay, 100*time.Millisecond)
	otherwise(&t.OrphanWait, 3*time.Second)
	otherwise(&t.Pace, 50*time.Millisecond)
}

// otherwise sets what is zero to a default, and what is negative to zero.
func otherwise[T int | time.Duration](value *T, byDefault T) {
	switch {
	case *value == 0:
		*value = byDefault
	case *value < 0:
		*value = 0
	}
}
