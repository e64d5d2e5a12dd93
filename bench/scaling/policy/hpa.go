package policy

import (
	"math"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/hpa"
)

// Max is the highest number of replicas in all runs.
const Max = 40

// Signal is numbers that KEDA tells an HPA.
type Signal interface {
	// Count is called every second.
	Count(now float64, f *fleet.Fleet)
	// Metrics are read when the HPA decides. KEDA asks its scalers anew each time.
	Metrics(now float64) []hpa.Metric
}

// scaled is an HPA that follows a signal.
type scaled struct {
	hpa    hpa.HPA
	signal Signal
	burst  *burst // nil: the HPA alone
}

// ByHPA returns the replicas that an HPA asks for, floor at least.
func ByHPA(signal Signal, floor int) fleet.Scaler { return byHPA(signal, floor, hpa.Stabilization) }

// ByHPAAndBurst is ByHPA with burstScaling: replicas are raised without waiting for the HPA.
func ByHPAAndBurst(signal Signal, floor int) fleet.Scaler {
	return ByHPAStabilized(signal, floor, hpa.Stabilization)
}

// ByHPAStabilized is ByHPAAndBurst with a scaleDown.stabilizationWindowSeconds.
func ByHPAStabilized(signal Signal, floor int, stabilization float64) fleet.Scaler {
	s := byHPA(signal, floor, stabilization)
	s.burst = &burst{}
	return s
}

func byHPA(signal Signal, floor int, stabilization float64) *scaled {
	return &scaled{signal: signal, hpa: hpa.HPA{Min: floor, Max: Max, Stabilization: stabilization}}
}

// Second implements fleet.Scaler.
func (s *scaled) Second(now float64, f *fleet.Fleet) int {
	s.signal.Count(now, f)
	wanted := f.Wanted()
	if every(now, hpa.Sync) {
		wanted = s.hpa.Decide(now, wanted, f.Ready(now), s.signal.Metrics(now)...)
	}
	if s.burst != nil {
		s.burst.note(now, wanted)
		if every(now, burstEvery) {
			wanted = min(s.burst.raise(wanted, s.signal.Metrics(now)), Max)
		}
	}
	return wanted
}

// every reports whether a second is one of each so many.
func every(now float64, seconds int) bool { return int(math.Round(now))%seconds == 0 }

const (
	// burstEvery is how often burstScaling looks, in seconds. Within burstPeriod it raises by
	// burstLeast or to burstFactor times as many at most, as the HPA does between two looks.
	burstEvery              = 2
	burstPeriod             = 15
	burstFactor, burstLeast = 2, 4
)

// burst raises replicas, and never ends one.
type burst struct{ lately []noted }

type noted struct {
	at       float64
	replicas int
}

// note remembers how many replicas there were.
func (b *burst) note(now float64, replicas int) {
	kept := b.lately[:0]
	for _, n := range b.lately {
		if n.at > now-burstPeriod {
			kept = append(kept, n)
		}
	}
	b.lately = append(kept, noted{now, replicas})
}

func (b *burst) raise(wanted int, metrics []hpa.Metric) int {
	least := wanted
	for _, n := range b.lately {
		least = min(least, n.replicas)
	}
	asked := 0
	for _, m := range metrics {
		asked = max(asked, int(math.Ceil(m.Value/m.Target)))
	}
	return max(wanted, min(asked, max(burstFactor*least, least+burstLeast)))
}
