// Package hpa is how many replicas the HPA asks for.
//
// Job: the arithmetic of Kubernetes' HorizontalPodAutoscaler for external metrics, as KEDA makes
// its HPAs (no behavior): ratio with tolerance, the highest of several metrics, the limit of a
// scale-up, the stabilization of a scale-down.
// Inputs: metrics with their targets, the replicas that there are, moments in seconds.
// Outputs: replicas. TestKubernetes compares them with what the real controller decided.
// Ownership: pure. An HPA belongs to its caller.
package hpa

import "math"

const (
	// Sync is how often the controller decides, in seconds.
	Sync = 15
	// Stabilization is for how long the highest recommendation stays, in seconds, unless
	// spec.behavior says otherwise.
	Stabilization = 300
	tolerance     = 0.1
	// upFactor and upLeast limit one scale-up.
	upFactor, upLeast = 2, 4
)

// Metric is an external metric and its target.
type Metric struct {
	Value, Target float64
	// PerReplica: the target is for each replica (AverageValue). Otherwise it is one for all of
	// them (Value), and the ratio counts for the replicas that are ready.
	PerReplica bool
	// Unknown: the metric could not be read.
	Unknown bool
}

// HPA is one HorizontalPodAutoscaler with its memory.
type HPA struct {
	Min, Max int
	// Stabilization is in seconds.
	Stabilization float64

	recommended []recommendation
}

type recommendation struct {
	at       float64
	replicas int
}

// Decide returns how many replicas there are to be from now on. It is asked every Sync.
func (h *HPA) Decide(now float64, current, ready int, metrics ...Metric) int {
	if h.recommended == nil {
		h.recommended = []recommendation{{now, current}}
	}
	switch {
	case current == 0:
		return 0 // KEDA raises from zero
	case current > h.Max:
		return h.Max
	case current < h.Min:
		return h.Min
	}
	desired, unknown := 0, false
	for _, m := range metrics {
		if m.Unknown {
			unknown = true
			continue
		}
		desired = max(desired, m.replicas(current, ready))
	}
	if unknown && desired < current {
		return current // with a metric unknown there is no scale-down
	}
	desired = h.stabilized(now, desired)
	return min(max(desired, h.Min), h.Max, max(upFactor*current, upLeast))
}

// replicas returns how many the metric asks for.
func (m Metric) replicas(current, ready int) int {
	value, target := milli(m.Value), milli(m.Target)
	ratio := value / target
	if m.PerReplica {
		ratio /= float64(current)
	}
	switch {
	case ratio >= 1-tolerance && ratio <= 1+tolerance:
		return current
	case m.PerReplica:
		return bounded(value / target)
	default:
		return bounded(ratio * float64(ready))
	}
}

// milli is a number as KEDA hands it on: a quantity with three digits, and none below zero.
func milli(v float64) float64 { return max(math.RoundToEven(v*1000), 0) }

func bounded(n float64) int { return int(min(math.Ceil(n), math.MaxInt32)) }

// stabilized returns the highest number of replicas that were recommended lately.
func (h *HPA) stabilized(now float64, desired int) int {
	kept, most := h.recommended[:0], desired
	for _, r := range h.recommended {
		if r.at >= now-h.Stabilization {
			kept = append(kept, r)
			most = max(most, r.replicas)
		}
	}
	h.recommended = append(kept, recommendation{now, desired})
	return most
}
