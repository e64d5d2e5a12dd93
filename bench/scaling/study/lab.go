package study

import (
	"math"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
)

// Each runs a function for 0 up to n, in any order or side by side, and returns when all have.
type Each func(n int, run func(i int))

// InTurn runs one after the other.
func InTurn(n int, run func(i int)) {
	for i := range n {
		run(i)
	}
}

// Lab runs policies over workloads, and remembers the results.
type Lab struct {
	each Each
	done map[cell][]point
}

type cell struct {
	workload *Workload
	way      string
	grid     int
}

// NewLab returns a Lab that has run nothing.
func NewLab(each Each) *Lab { return &Lab{each: each, done: map[cell][]point{}} }

// Run runs one scaler.
func (w *Workload) Run(s fleet.Scaler) fleet.Result {
	return fleet.Run(w.Trace, fleet.Options{
		Model: w.Model, ColdStart: w.ColdStart, Start: w.Start, Warmup: w.Warmup, Patience: patience,
	}, s)
}

// Run runs one setting over workloads.
func (l *Lab) Run(workloads []*Workload, one func(*Workload) fleet.Scaler) []fleet.Result {
	results := make([]fleet.Result, len(workloads))
	l.each(len(workloads), func(i int) { results[i] = workloads[i].Run(one(workloads[i])) })
	return results
}

// Least returns the fewest replicas with which a way keeps a bound; +Inf: it keeps it with none of its
// settings.
func (l *Lab) Least(w *Workload, way Way, bound float64) float64 {
	fewest := math.Inf(1)
	for _, grid := range l.grids(w, way) {
		fewest = min(fewest, least(grid, bound))
	}
	return fewest
}

// grids returns all runs of a way. Ways have names of their own.
func (l *Lab) grids(w *Workload, way Way) [][]point {
	grids := make([][]point, len(way.Grids))
	type job struct{ grid, at int }
	var jobs []job
	for i, g := range way.Grids {
		if grids[i] = l.done[cell{w, way.Name, i}]; grids[i] != nil {
			continue
		}
		grids[i] = make([]point, len(g.At))
		for at := range g.At {
			jobs = append(jobs, job{i, at})
		}
	}
	l.each(len(jobs), func(i int) {
		j := jobs[i]
		g := &way.Grids[j.grid]
		r := w.Run(g.New(w, g.At[j.at]))
		grids[j.grid][j.at] = point{r.P99, r.Replicas}
	})
	for i := range grids {
		l.done[cell{w, way.Name, i}] = grids[i]
	}
	return grids
}
