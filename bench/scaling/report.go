package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/study"
)

// report writes the tables.
type report struct {
	out    io.Writer
	traces study.Traces
	model  engine.Model
	lab    *study.Lab
	four   []*study.Workload
	bounds []float64
	// two are days of two seeds.
	two []*study.Workload
}

func newReport(out io.Writer, t study.Traces, m engine.Model) *report {
	r := &report{out: out, traces: t, model: m, lab: study.NewLab(sideBySide)}
	r.four, r.bounds = t.Four(m)
	r.two = []*study.Workload{t.Day(m, 1), t.Day(m, 2)}
	return r
}

// sideBySide runs as many at a time as there are processors.
func sideBySide(n int, run func(i int)) {
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		running.Go(func() {
			run(i)
			<-places
		})
	}
	running.Wait()
}

func (r *report) print(format string, values ...any) { _, _ = fmt.Fprintf(r.out, format, values...) }

// column is a workload and a bound.
type column struct {
	workload *study.Workload
	bound    float64
}

func columns(w *study.Workload, bounds ...float64) (all []column) {
	for _, bound := range bounds {
		all = append(all, column{w, bound})
	}
	return all
}

// fewest prints with how many replicas each way keeps each bound.
func (r *report) fewest(title string, columns []column, ways ...study.Way) {
	r.print("\n%s\n\n%-38s", title, "mean replicas at p99 of the first token")
	for _, c := range columns {
		r.print(" %8s", fmt.Sprintf("<= %g s", c.bound))
	}
	r.print("\n")
	for _, way := range ways {
		r.print("%-38s", way.Name)
		for _, c := range columns {
			r.print(" %8s", replicas(r.lab.Least(c.workload, way, c.bound)))
		}
		r.print("\n")
	}
}

func replicas(n float64) string {
	if math.IsInf(n, 1) {
		return "never"
	}
	return fmt.Sprintf("%.2f", n)
}

// baselines are what others do, and the limit.
func baselines() []study.Way {
	return []study.Way{
		study.Static(), study.Clairvoyant(), study.RequestRate(), study.Concurrency(), study.Load(),
		study.Queue(), study.Recipe(), study.QueueAndFloor(), study.Saturation(),
	}
}

// products are ways of tokenRate.
func products() []study.Way {
	return []study.Way{study.TokenRate(false), study.TokenRate(true), study.Staffing(false), study.Staffing(true)}
}
