package study

import (
	"math"
	"slices"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/policy"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Slack is by which part a bound or a number of replicas may be missed: the differences that
// chance makes between two seeds.
const Slack = 0.05

// Cell is a workload, or several that differ by chance, and a bound of its p99 in seconds.
type Cell struct {
	Workloads []*Workload
	Bound     float64
}

// Cells returns a cell for each bound.
func Cells(bounds []float64, workloads ...*Workload) (cells []Cell) {
	for _, bound := range bounds {
		cells = append(cells, Cell{workloads, bound})
	}
	return cells
}

// Mean returns the mean of the fewest replicas with which a way keeps the bound of a cell.
func (l *Lab) Mean(c Cell, way Way) float64 {
	sum := 0.0
	for _, w := range c.Workloads {
		sum += l.Least(w, way, c.Bound)
	}
	return sum / float64(len(c.Workloads))
}

// Saving returns which part of the replicas of another way one needs less, the mean over cells.
func (l *Lab) Saving(cells []Cell, way, other Way) float64 {
	sum := 0.0
	for _, c := range cells {
		sum += 1 - l.Mean(c, way)/l.Mean(c, other)
	}
	return sum / float64(len(cells))
}

// Worst returns by which part a way needs more replicas than another in the cell where it is
// worst. A cell that the other does not keep with any setting does not count.
func (l *Lab) Worst(cells []Cell, way, other Way) float64 {
	worst := math.Inf(-1)
	for _, c := range cells {
		if than := l.Mean(c, other); !math.IsInf(than, 1) {
			worst = max(worst, l.Mean(c, way)/than-1)
		}
	}
	return worst
}

// Tuned are the cells in which tokenRate is compared with a tuned requestRate: three of the four
// workloads, and days. No target of requestRate that is tried is low enough for Mooncake.
func Tuned(four []*Workload, days ...*Workload) []Cell {
	return slices.Concat(
		Cells([]float64{1.5, 2, 3, 5}, four[0]), Cells([]float64{10, 20}, four[1]),
		Cells([]float64{3, 5, 10}, four[2]), Cells([]float64{2, 3, 5, 10}, days...))
}

// Untouched is the one setting of tokenRate for all workloads: its defaults, burstScaling, and
// 85 % of the speed of a replica as its target.
func Untouched(w *Workload) fleet.Scaler { return Share(busy, staffing.DefaultReserve, true)(w) }

// Share is tokenRate with a share of the speed of a replica as its target, for all workloads.
func Share(share, reserve float64, burst bool) func(*Workload) fleet.Scaler {
	by := policy.ByHPA
	if burst {
		by = policy.ByHPAAndBurst
	}
	return func(w *Workload) fleet.Scaler { return by(tokenRate(w, reserve, share), 1) }
}

// Rate is one target of requestRate for all workloads.
func Rate(target float64) func(*Workload) fleet.Scaler {
	return func(*Workload) fleet.Scaler { return policy.ByHPA(policy.RequestRate(target), 1) }
}

// oneRates are tried for all workloads, the highest first.
var oneRates = []float64{0.6, 0.5, 0.45, 0.4, 0.37, 0.34, 0.32, 0.3, 0.29, 0.28, 0.27, 0.26, 0.25, 0.24, 0.22, 0.2}

// HighestRate returns the highest target of requestRate that keeps the bounds of all workloads,
// and its results; 0: none does.
func (l *Lab) HighestRate(workloads []*Workload, bounds []float64) (float64, []fleet.Result) {
	for _, rate := range oneRates {
		if results := l.Run(workloads, Rate(rate)); Keeps(results, bounds) {
			return rate, results
		}
	}
	return 0, nil
}

// Keeps reports whether all results are within their bounds, with slack.
func Keeps(results []fleet.Result, bounds []float64) bool {
	for i, r := range results {
		if r.P99 > bounds[i]*(1+Slack) {
			return false
		}
	}
	return true
}

// Sum returns the sum of the replicas.
func Sum(results []fleet.Result) (sum float64) {
	for _, r := range results {
		sum += r.Replicas
	}
	return sum
}
