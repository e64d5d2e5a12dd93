package policy

import (
	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/hpa"
)

const (
	// scrapeEvery is the interval of a Prometheus, in seconds. scrapeOffset is how long before
	// the HPA looks the last scrape was, which is a matter of chance; 8 is its mean.
	scrapeEvery, scrapeOffset = 15, 8
)

// scraped is KEDA's Prometheus scaler with a query over the metrics of the replicas.
type scraped struct {
	last  fleet.Queue
	query func(fleet.Queue) []hpa.Metric
}

// Queue is the sum of requests that wait in replicas, and a target for each of them: the recipe
// that engines publish for KEDA.
func Queue(target float64) Signal {
	return &scraped{query: func(q fleet.Queue) []hpa.Metric {
		return []hpa.Metric{{Value: float64(q.Waiting), Target: target, PerReplica: true}}
	}}
}

// Load is Queue with the requests that are computed as well.
func Load(target float64) Signal {
	return &scraped{query: func(q fleet.Queue) []hpa.Metric {
		return []hpa.Metric{{Value: float64(q.Waiting + q.Running), Target: target, PerReplica: true}}
	}}
}

// Saturation is the mean queue and the mean use of memory, each by its target, and the HPA takes
// the higher; as the pickers of pools know it.
func Saturation(queue, memory float64) Signal {
	return &scraped{query: func(q fleet.Queue) []hpa.Metric {
		n := float64(max(q.Replicas, 1))
		return []hpa.Metric{
			{Value: float64(q.Waiting) / n, Target: queue},
			{Value: q.Memory / n, Target: memory},
		}
	}}
}

// Count implements Signal.
func (s *scraped) Count(now float64, f *fleet.Fleet) {
	if every(now+scrapeOffset, scrapeEvery) {
		s.last = f.Queue(now)
	}
}

// Metrics implements Signal.
func (s *scraped) Metrics(float64) []hpa.Metric { return s.query(s.last) }
