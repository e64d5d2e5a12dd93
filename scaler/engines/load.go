package engines

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

// ErrUnknown says that the Pods of a trigger did not say what is asked. It is not zero.
var ErrUnknown = errors.New("what the Pods say is unknown")

// Waiting returns how many requests wait in the ready Pods of a trigger; 0 when none is ready.
func (r *Reader) Waiting(key types.NamespacedName) (float64, error) {
	sum, err := r.tally(key, func(n *exposition.Numbers) *float64 { return n.Waiting }, "how many requests wait")
	if err != nil || sum.pods == 0 {
		return 0, err
	}
	return sum.mean() * float64(sum.pods), nil
}

// CacheUsage returns the mean share of the KV cache that is in use in the ready Pods of a trigger, from 0 to 1; 0 when none is ready.
func (r *Reader) CacheUsage(key types.NamespacedName) (float64, error) {
	sum, err := r.tally(key, func(n *exposition.Numbers) *float64 { return n.Cache }, "how full their KV cache is")
	if err != nil || sum.pods == 0 {
		return 0, err
	}
	return sum.mean(), nil
}

// tally is one number of all ready Pods of a trigger. Pods that are unknown count as the mean of the others, and when they are more
// than half, nothing is known.
type tally struct {
	pods, known int
	total       float64
	// why one of those that are unknown is, empty: there is none.
	why string
}

func (s *tally) mean() float64 { return s.total / float64(s.known) }

func (s *tally) unknown(why string) {
	s.pods++
	if s.why == "" {
		s.why = why
	}
}

func (s *tally) add(value float64) {
	s.pods++
	s.known++
	s.total += value
}

// tally adds up a number, which is named in an error.
func (r *Reader) tally(key types.NamespacedName, of func(*exposition.Numbers) *float64, what string) (tally, error) {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.backends[key]
	switch {
	case b == nil:
		return tally{}, fmt.Errorf("%w: which Pods the trigger has was not found out yet", ErrUnknown)
	case b.pods.Missing != "":
		return tally{}, fmt.Errorf("%w: %s", ErrUnknown, b.pods.Missing)
	}
	sum := b.tally(now, of, what)
	if 2*sum.known < sum.pods {
		return sum, fmt.Errorf("%w: %d of %d ready Pods do not say %s: %s", ErrUnknown, sum.pods-sum.known, sum.pods, what, sum.why)
	}
	return sum, nil
}

func (b *backend) tally(now time.Time, of func(*exposition.Numbers) *float64, what string) tally {
	sum := tally{}
	for _, t := range b.targets {
		numbers, fresh := t.known(now)
		switch value := of(&numbers); {
		case !fresh:
			sum.unknown(fmt.Sprintf("%s: %s", t, t.why()))
		case value == nil:
			sum.unknown(fmt.Sprintf("%s: engine %s does not say %s", t, numbers.Engine, what))
		default:
			sum.add(*value)
		}
	}
	for range b.pods.Foreign {
		sum.unknown("an endpoint that is no Pod of the namespace is not read")
	}
	return sum
}
