package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// Measured is one run of `vllm bench serve --save-result --max-concurrency N`, as far as it is
// read here, or what a Model does in such a run.
type Measured struct {
	Completed int     `json:"completed"`
	Duration  float64 `json:"duration"` // seconds
	Input     int     `json:"total_input_tokens"`
	Output    int     `json:"total_output_tokens"`
	InFlight  int     `json:"max_concurrency"`
	// MeanTTFT and MeanTPOT are in milliseconds.
	MeanTTFT float64 `json:"mean_ttft_ms"`
	MeanTPOT float64 `json:"mean_tpot_ms"`
}

// ReadMeasured reads one result.
func ReadMeasured(in io.Reader) (m Measured, err error) {
	if err := json.NewDecoder(in).Decode(&m); err != nil {
		return m, err
	}
	if m.Completed < 1 || m.Input < m.Completed || m.Output < 2*m.Completed || m.InFlight < 1 ||
		!(m.Duration > 0) || !(m.MeanTTFT > 0) || !(m.MeanTPOT > 0) {
		return m, errors.New("completed, duration, total_input_tokens, max_concurrency, mean_ttft_ms and mean_tpot_ms have to be above " +
			"zero, and total_output_tokens two at least for each request")
	}
	return m, nil
}

// Measure returns what a replica of the Model does in such a run: as many requests in flight, and
// all of them of the mean length.
func (m Model) Measure(run Measured) Measured {
	r := NewReplica(m)
	jobs := make([]Job, run.Completed)
	sent := make([]float64, run.Completed)
	next := 0
	add := func(now float64) {
		if next < len(jobs) {
			input, output := share(run.Input, next, len(jobs)), share(run.Output, next, len(jobs))
			jobs[next], sent[next] = Job{Prompt: input, Context: input, Output: output}, now
			r.Add(now, &jobs[next])
			next++
		}
	}
	for range run.InFlight {
		add(0)
	}
	for r.Next() < Never {
		run.Duration = r.Next()
		for range r.Step() {
			add(run.Duration)
		}
	}
	run.MeanTTFT, run.MeanTPOT = 0, 0
	for i, j := range jobs {
		run.MeanTTFT += (j.First - sent[i]) * 1000 / float64(len(jobs))
		run.MeanTPOT += (j.Done - j.First) / float64(j.Output-1) * 1000 / float64(len(jobs))
	}
	return run
}

// share returns a part of a sum, by its number: they add up to it.
func share(sum, i, of int) int { return sum*(i+1)/of - sum*i/of }

// Fit returns the Model that does what was measured, with the limits of another, from whose
// numbers it begins to search, and how far it is off: the root of the mean of the squares of the
// logarithms of ratios, of durations, times to the first token and times per token. Runs have to
// differ in the length of prompts and in the requests in flight: four at least. Prompts must not
// have been in the prefix cache (--no-enable-prefix-caching).
func Fit(name string, like Model, runs []Measured) (best Model, off float64, err error) {
	if len(runs) < 4 {
		return best, 0, fmt.Errorf("%d runs: four numbers need four at least", len(runs))
	}
	best = like
	best.Name, best.Source = name, fmt.Sprintf("Fitted to %d runs of vllm bench serve.", len(runs))
	off = best.off(runs)
	const first, last = 0.4, 0.002
	for step := first; step > last; {
		better := false
		for i := range 4 {
			for _, factor := range []float64{math.Exp(step), math.Exp(-step)} {
				other := best
				*[]*float64{&other.Base, &other.PerPrompt, &other.PerDecode, &other.PerContext}[i] *= factor
				if o := other.off(runs); o < off {
					best, off, better = other, o, true
				}
			}
		}
		if !better {
			step /= 2
		}
	}
	return best, off, nil
}

// off returns how far the Model is off what was measured.
func (m Model) off(runs []Measured) float64 {
	sum := 0.0
	for _, run := range runs {
		is := m.Measure(run)
		for _, ratio := range []float64{is.Duration / run.Duration, is.MeanTTFT / run.MeanTTFT, is.MeanTPOT / run.MeanTPOT} {
			sum += math.Log(ratio) * math.Log(ratio)
		}
	}
	return math.Sqrt(sum / float64(3*len(runs)))
}
