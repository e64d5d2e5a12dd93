package main

import (
	"fmt"
	"slices"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/policy"
	"github.com/kedify/inference-gateway/bench/scaling/study"
)

// hours are the public traces, each way with the best target for each bound in hindsight.
func (r *report) hours() {
	ways := slices.Concat(baselines(), products())
	for i, bounds := range [][]float64{{1.5, 2, 3, 5}, {5, 10, 20}, {3, 5, 10}, {26, 28, 30, 35}} {
		w := r.four[i]
		title := fmt.Sprintf("%s: %d requests in %.0f min, engine %s, %d replicas at first, ready after %.0f s; targets tuned in hindsight",
			w.Name, len(w.Trace.Requests), w.Trace.End/60, w.Model.Name, w.Start, w.ColdStart)
		r.fewest(title, columns(w, bounds...), ways...)
	}
}

// recipes are the published ones of the queue of a Prometheus.
func (r *report) recipes() {
	r.one("Queue depth alone, as published: a target of 5 waiting requests",
		setting{"1 replica at least", recipe(1)}, setting{"4 replicas at least", recipe(4)}, setting{"8 replicas at least", recipe(8)})
}

// days are made of the mix of two traces, with a night and a noon.
func (r *report) days() {
	for i, day := range r.two {
		title := fmt.Sprintf("A day of %.0f h, made of conversation+code, seed %d: %d requests, 10 %% of them at night",
			day.Trace.End/3600, i+1, len(day.Trace.Requests))
		r.fewest(title, columns(day, 2, 3, 5, 10), slices.Concat(baselines(), products())...)
	}
}

// setting is one scaler for all workloads.
type setting struct {
	name string
	new  func(*study.Workload) fleet.Scaler
}

// recipe is the published one, with a floor.
func recipe(floor int) func(*study.Workload) fleet.Scaler {
	return func(*study.Workload) fleet.Scaler { return policy.ByHPA(policy.Queue(5), floor) }
}

func constant(n int) func(*study.Workload) fleet.Scaler {
	return func(*study.Workload) fleet.Scaler { return policy.Constant(n) }
}

// settings are those that are the same for all workloads.
func (r *report) settings() {
	rate, _ := r.lab.HighestRate(r.four, r.bounds)
	if rate == 0 {
		r.print("\nNo target of requestRate that is tried keeps the bounds of all four\n")
		rate = 0.2
	}
	r.one("One setting for all",
		setting{"constant, 13", constant(13)},
		setting{"constant, 14", constant(14)},
		setting{"constant, 15", constant(15)},
		setting{"requestRate 1.5", study.Rate(1.5)},
		setting{"requestRate 0.35", study.Rate(0.35)},
		setting{fmt.Sprintf("requestRate %.2f, the best for all", rate), study.Rate(rate)},
		setting{"concurrency 6", func(*study.Workload) fleet.Scaler { return policy.ByHPA(policy.Concurrency(6), 1) }},
		setting{"Prometheus, queue of 5, min 4", recipe(4)},
		setting{"tokenRate 100 %, burstReserve 0", study.Share(1, 0, false)},
		setting{"tokenRate 100 %", study.Share(1, 1, false)},
		setting{"tokenRate 100 %, burstScaling", study.Share(1, 1, true)},
		setting{"tokenRate 85 %", study.Share(0.85, 1, false)},
		setting{"tokenRate 85 %, burstScaling", study.Untouched})
}

// one prints what settings make of each of the four workloads.
func (r *report) one(title string, settings ...setting) {
	r.print("\n%s; engine %s\n\n%-42s", title, r.model.Name, "p99 s / mean replicas")
	for i, w := range r.four {
		r.print(" %19s", fmt.Sprintf("%s (%g s)", w.Name, r.bounds[i]))
	}
	r.print(" %9s\n", "sum")
	for _, s := range settings {
		results := r.lab.Run(r.four, s.new)
		r.print("%-42s", s.name)
		for _, result := range results {
			r.print(" %19s", fmt.Sprintf("%.2f / %.2f", result.P99, result.Replicas))
		}
		kept := "late"
		if study.Keeps(results, r.bounds) {
			kept = ""
		}
		r.print(" %9.1f %s\n", study.Sum(results), kept)
	}
}

// foresight is what a second day gains by what is known of it.
func (r *report) foresight() {
	day := r.traces.SecondDay(r.model, 1)
	for _, w := range []*study.Workload{day, day.With(60), day.With(30)} {
		r.fewest(fmt.Sprintf("What would help: the second of two days, replicas ready after %.0f s", w.ColdStart),
			columns(w, 3, 5, 10), slices.Concat([]study.Way{study.Clairvoyant(), study.Staffing(true)}, study.Foresights())...)
	}
}

func (r *report) coldStarts() {
	w := r.two[0].With(30)
	r.fewest(fmt.Sprintf("The day of seed 1, replicas ready after %.0f s", w.ColdStart), columns(w, 3, 5, 10),
		study.Clairvoyant(), study.RequestRate(), study.QueueAndFloor(), study.Staffing(true))
}

// smoothDay has no night that lasts.
func (r *report) smoothDay() {
	for seed := range uint64(2) {
		w := r.traces.SmoothDay(r.model, seed+1)
		r.fewest(fmt.Sprintf("A day whose load is a cosine, 10 %% at midnight alone, seed %d", seed+1), columns(w, 3, 5, 10),
			study.Clairvoyant(), study.RequestRate(), study.Recipe(), study.QueueAndFloor(), study.Staffing(true))
	}
}

// otherEngine has the same settings on the other engine.
func (r *report) otherEngine() error {
	models, err := engine.Models()
	if err != nil {
		return err
	}
	for name, m := range models {
		if name != r.model.Name {
			other := newReport(r.out, r.traces, m)
			other.settings()
		}
	}
	return nil
}

// bar prints the last line.
func (r *report) bar() {
	ours := study.Staffing(true)
	days := study.Cells([]float64{5, 10}, r.two...)
	untouched := r.lab.Run(r.four, study.Untouched)
	_, rated := r.lab.HighestRate(r.four, r.bounds)
	r.print("\nsaving_queue: days, at p99 of 5 and 10 s, two seeds, against the best min and target; saving_one_setting: four workloads,\n" +
		"within their bounds; worse_than_tuned_rps: where it is worst; gap_clairvoyant: what the planner needs less, days\n")
	r.print("bar: saving_queue=%.1f saving_one_setting=%.1f worse_than_tuned_rps=%.1f gap_clairvoyant=%.1f\n",
		100*r.lab.Saving(days, ours, study.QueueAndFloor()),
		100*(1-study.Sum(untouched)/study.Sum(rated)),
		100*r.lab.Worst(study.Tuned(r.four, r.two...), ours, study.RequestRate()),
		100*r.lab.Saving(days, study.Clairvoyant(), ours))
}
