package study

import (
	"math"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
)

// Way is a way to scale, with what is to be tuned.
type Way struct {
	Name string
	// Grids are its settings. In each of them one number changes.
	Grids []Grid
}

// Grid is a scaler and the numbers that it is tried with, ascending or descending.
type Grid struct {
	Name string
	At   []float64
	New  func(w *Workload, at float64) fleet.Scaler
}

// point is one run of a grid.
type point struct{ p99, replicas float64 }

// least returns the fewest replicas with which a grid keeps a bound of its p99, interpolated
// between neighbours; +Inf: with none.
func least(grid []point, bound float64) float64 {
	fewest := math.Inf(1)
	for i, p := range grid {
		if p.p99 <= bound {
			fewest = min(fewest, p.replicas)
		}
		if i == 0 {
			continue
		}
		in, out := grid[i-1], p
		if in.p99 > out.p99 {
			in, out = out, in
		}
		if in.p99 <= bound && bound < out.p99 {
			part := math.Log(bound/in.p99) / math.Log(out.p99/in.p99)
			fewest = min(fewest, in.replicas+part*(out.replicas-in.replicas))
		}
	}
	return fewest
}
