package study_test

import (
	"flag"
	"os"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/study"
)

var long = flag.Bool("long", false, "all bounds and two days: minutes")

// lab has the traces, the larger engine and a Lab.
func lab(t *testing.T) (study.Traces, engine.Model, *study.Lab) {
	t.Helper()
	traces, err := study.ReadTraces(os.DirFS("../testdata"))
	if err != nil {
		t.Fatal(err)
	}
	models, err := engine.Models()
	if err != nil {
		t.Fatal(err)
	}
	return traces, models["L"], study.NewLab(study.InTurn)
}

// On a day, tokenRate needs 30 % fewer replicas than KEDA with the queue of a Prometheus, whose
// floor and target are the best in hindsight, at the same p99 of the time to the first token.
func TestSavesMoreThanQueue(t *testing.T) {
	traces, model, l := lab(t)
	days := []*study.Workload{traces.Day(model, 1)}
	bounds, queue := []float64{5}, study.Recipe()
	if *long {
		days = append(days, traces.Day(model, 2))
		bounds, queue = []float64{5, 10}, study.QueueAndFloor()
	}
	for _, day := range days {
		saving := l.Saving(study.Cells(bounds, day), study.Staffing(true), queue)
		t.Logf("%.1f %%", 100*saving)
		if saving < 0.30*(1-study.Slack) {
			t.Errorf("%.1f %% fewer replicas", 100*saving)
		}
	}
}

// One setting of tokenRate keeps the bounds of four workloads with 30 % fewer replicas than the
// one target of requestRate that does.
func TestOneSetting(t *testing.T) {
	traces, model, l := lab(t)
	four, bounds := traces.Four(model)
	ours := l.Run(four, study.Untouched)
	rate, theirs := l.HighestRate(four, bounds)
	for i, r := range ours {
		t.Logf("%s: p99 %.2f s of %.0f with %.2f replicas", four[i].Name, r.P99, bounds[i], r.Replicas)
	}
	t.Logf("%.2f replicas; %.2f with a requestRate of %.2f", study.Sum(ours), study.Sum(theirs), rate)
	if !study.Keeps(ours, bounds) {
		t.Error("a bound is not kept")
	}
	if rate == 0 {
		t.Fatal("no target of requestRate keeps the bounds")
	}
	if saving := 1 - study.Sum(ours)/study.Sum(theirs); saving < 0.30*(1-study.Slack) {
		t.Errorf("%.1f %% fewer replicas", 100*saving)
	}
}

// Nowhere does tokenRate need 5 % more replicas than a requestRate whose target is the best for
// that workload and bound in hindsight.
func TestNoWorseThanTunedRate(t *testing.T) {
	traces, model, l := lab(t)
	four, _ := traces.Four(model)
	cells := study.Cells([]float64{2, 3, 5}, four[0])
	if *long {
		cells = study.Tuned(four, traces.Day(model, 1), traces.Day(model, 2))
	}
	worst := l.Worst(cells, study.Staffing(true), study.RequestRate())
	t.Logf("%.1f %% more replicas", 100*worst)
	if worst > 0.05+study.Slack {
		t.Errorf("%.1f %% more replicas", 100*worst)
	}
}
