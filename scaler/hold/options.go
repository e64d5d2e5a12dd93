package hold

import (
	"context"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// Publisher is the next stage, with knowledge of what proxies have; publish.Publisher.
type Publisher interface {
	stage.Stage
	// Accepted returns what every connected proxy has of a resource.
	Accepted(gateway ir.Key, key resource.Key) map[string]publish.ACKState
}

// Options of a Gate. Publisher and Catalog are required, zero values of others take defaults.
type Options struct {
	Publisher Publisher
	Catalog   *scaler.Catalog
	// LastArrival returns when the last request of a demand key arrived at a backend; false:
	// unknown. Nil: always unknown.
	LastArrival func(types.NamespacedName) (time.Time, bool)
	// AtZero reports whether the target of a trigger is known to have no replica. It is asked about triggers
	// whose target stays at zero then (HTTPScalerScale), from memory. Nil: it is never known.
	AtZero func(*scaler.Scaler) bool
	// Held is called when the requests that this replica holds for a demand key change: held are
	// held now, arrived ever were held or shown the waiting page. Calls of one key come one after
	// the other, in order. Requests wait for it: it must not block.
	Held func(key types.NamespacedName, held int, arrived uint64)
	// Answered is called when a request that found no endpoint is answered for a trigger: it passed after a wait, or failed
	// for want of an endpoint. Passed is called when one found an endpoint at once; it must cost next to nothing.
	Answered func(key types.NamespacedName, served bool)
	Passed   func(key types.NamespacedName)
	// Waited is called when a request was answered that was held, or that the product answered with an error because it could not
	// be. The context is that of its call, which may be over, with the metadata of the proxy. Nil: not called.
	Waited func(context.Context, Wait)
	// Pickers is asked whether the pickers of a pool know its first endpoint. Nil: they get Timing.PickerDelay to learn of it.
	Pickers Pickers
	Limits  Limits
	Timing  Timing
	Clock   publish.Clock // nil: the time of the machine
	Metrics *Metrics      // nil: nothing is exported
	Log     logr.Logger
}

// Wait is what became of a request that did not pass when its proxy asked.
type Wait struct {
	Gateway types.NamespacedName
	Scaler  *scaler.Scaler // nil: its trigger is not in force
	// Answer is a value of the label "answer" of hold_answers_total. Failed: it is an error of the product's own.
	Answer string
	Failed bool
	// Position in the queue of its backend when it came, from 1 on; zero: it was not held.
	Position int
	// Endpoints that the backend had when the request was released; zero: that is not known.
	Endpoints int
	// Since and Until are when the wait began and ended, by Clock; equal for a request that was not held.
	Since, Until time.Time
}

// Limits of held requests. A trigger can set its own Timeout and MaxPending. Zero values take the
// defaults.
type Limits struct {
	// Timeout after which a held request is answered 504.
	Timeout time.Duration
	// MaxPending limits the held requests of one demand key, MaxTotal those of this replica. Requests
	// over a limit are answered 503.
	MaxPending, MaxTotal int
	// RetryAfter is the header of such answers.
	RetryAfter time.Duration
}

// Timing has the times of the gate. Zero values take the defaults, negative ones are zero.
type Timing struct {
	// Quiet is how long no request came until a disarmed backend is armed.
	Quiet time.Duration
	// DisarmAfter of traffic, or DisarmAnswers, disarm a backend. DisarmPause is the least time
	// between two times.
	DisarmAfter, DisarmPause time.Duration
	DisarmAnswers            int
	// AckWait and ConfirmWait limit the waits for proxies before the last endpoint goes.
	AckWait, ConfirmWait time.Duration
	// Linger is how long the last endpoint stays published after every proxy asks: requests to a pod
	// that crashed need an endpoint to be retried at.
	Linger time.Duration
	// PickerWait is how long requests are held at most until every picker of their pool knows its first endpoint. PickerDelay is
	// how long they are held for a picker that cannot tell.
	PickerWait, PickerDelay time.Duration
	// OrphanWait is how long requests are held while their proxy has no ADS stream here. Then they
	// are sent to another replica, which may have that stream.
	OrphanWait time.Duration
	// Pace is the time between two steps of releases to endpoints that have their load.
	Pace time.Duration
}

// Defaults. The timeout is less than that of common load balancers.
const (
	DefaultTimeout       = scaler.DefaultHoldTimeout
	DefaultMaxPending    = scaler.DefaultMaxPending
	DefaultMaxTotal      = scaler.DefaultMaxTotal
	DefaultRetryAfter    = 5 * time.Second
	DefaultQuiet         = 5 * time.Second
	DefaultDisarmAfter   = 100 * time.Millisecond
	DefaultDisarmAnswers = 20
	DefaultDisarmPause   = time.Second
	DefaultAckWait       = 2 * time.Second
	DefaultConfirmWait   = 2 * time.Second
	DefaultLinger        = 15 * time.Second
	DefaultPickerWait    = 3 * time.Second
	DefaultPickerDelay   = 100 * time.Millisecond
	DefaultOrphanWait    = 3 * time.Second
	DefaultPace          = 50 * time.Millisecond
)

func (o *Options) defaults() {
	if o.LastArrival == nil {
		o.LastArrival = func(types.NamespacedName) (time.Time, bool) { return time.Time{}, false }
	}
	if o.AtZero == nil {
		o.AtZero = func(*scaler.Scaler) bool { return false }
	}
	if o.Held == nil {
		o.Held = func(types.NamespacedName, int, uint64) {}
	}
	if o.Answered == nil {
		o.Answered = func(types.NamespacedName, bool) {}
	}
	if o.Passed == nil {
		o.Passed = func(types.NamespacedName) {}
	}
	if o.Clock == nil {
		o.Clock = publish.WallClock()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	otherwise(&o.Limits.Timeout, DefaultTimeout)
	otherwise(&o.Limits.MaxPending, DefaultMaxPending)
	otherwise(&o.Limits.MaxTotal, DefaultMaxTotal)
	otherwise(&o.Limits.RetryAfter, DefaultRetryAfter)
	t := &o.Timing
	otherwise(&t.Quiet, DefaultQuiet)
	otherwise(&t.DisarmAfter, DefaultDisarmAfter)
	otherwise(&t.DisarmPause, DefaultDisarmPause)
	otherwise(&t.DisarmAnswers, DefaultDisarmAnswers)
	otherwise(&t.AckWait, DefaultAckWait)
	otherwise(&t.ConfirmWait, DefaultConfirmWait)
	otherwise(&t.Linger, DefaultLinger)
	otherwise(&t.PickerWait, DefaultPickerWait)
	otherwise(&t.PickerDelay, DefaultPickerDelay)
	otherwise(&t.OrphanWait, DefaultOrphanWait)
	otherwise(&t.Pace, DefaultPace)
}

// paused reports whether nothing will start the target of a trigger: it is at zero, and a pause keeps KEDA from starting it.
func (o *Options) paused(s *scaler.Scaler) bool {
	return s != nil && s.Spec.Scale.StaysAtZero && o.AtZero(s)
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
