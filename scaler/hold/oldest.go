package hold

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Ended returns what became of the requests of a trigger at this replica.
func (g *Gate) Ended(key types.NamespacedName) Ended { return g.counts.ended(key) }

// Oldest returns how long the request that is held longest at this replica has waited, and the largest part of its own
// holdTimeout that a held request has spent, 0 to 1. Both are zero when none is held.
func (g *Gate) Oldest() (age time.Duration, spent float64) {
	now := g.options.Clock.Now()
	for _, each := range g.all() {
		each.backends.Range(func(_, found any) bool {
			ofBackend, spentOfBackend := found.(*backend).requests.oldestWait(now)
			age, spent = max(age, ofBackend), max(spent, spentOfBackend)
			return true
		})
	}
	return age, spent
}

// oldestWait is Oldest of one backend.
func (r *requests) oldestWait(now time.Time) (age time.Duration, spent float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.queues {
		for place := q.requests.Front(); place != nil; place = place.Next() {
			p := place.Value.(*pendingRequest)
			waited := now.Sub(p.since)
			age = max(age, waited)
			if timeout := p.until.Sub(p.since); timeout > 0 {
				spent = max(spent, min(waited.Seconds()/timeout.Seconds(), 1))
			}
		}
	}
	return age, spent
}

// Register registers the metrics of what is held now.
func (g *Gate) Register(registerer prometheus.Registerer) error {
	gauge := func(name, help string, value func() float64) error {
		return registerer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "kedify_gateway", Subsystem: "hold", Name: name, Help: help,
		}, value))
	}
	return errors.Join(
		gauge("oldest_request_seconds", "How long the request that is held longest has waited; 0 when none is held.", func() float64 {
			age, _ := g.Oldest()
			return age.Seconds()
		}),
		gauge("oldest_request_ratio", "The largest part of its own holdTimeout that a held request has waited, 0 to 1.", func() float64 {
			_, spent := g.Oldest()
			return spent
		}),
	)
}
