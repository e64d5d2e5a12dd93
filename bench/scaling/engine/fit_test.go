package engine_test

import (
	"math"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
)

// What a Model costs is found in what a replica of it does, from the numbers of another one.
func TestFit(t *testing.T) {
	models, err := engine.Models()
	if err != nil {
		t.Fatal(err)
	}
	for name, like := range map[string]string{"S": "L", "L": "S"} {
		want := models[name]
		var runs []engine.Measured
		for _, prompt := range []int{64, 512, 2048} {
			for _, inFlight := range []int{1, 8, 32} {
				const requests = 96
				runs = append(runs, want.Measure(engine.Measured{
					Completed: requests, Input: requests * prompt, Output: requests * 64, InFlight: inFlight,
				}))
			}
		}
		from := models[like]
		from.Memory = want.Memory
		got, off, err := engine.Fit("found", from, runs)
		if err != nil || off > 0.02 {
			t.Errorf("%s: off by %.3f, %v", name, off, err)
		}
		for _, c := range []struct {
			name      string
			got, want float64
		}{{"base", got.Base, want.Base}, {"perPrompt", got.PerPrompt, want.PerPrompt}} {
			if math.Abs(c.got/c.want-1) > 0.1 {
				t.Errorf("%s: %s of %.3g, not %.3g", name, c.name, c.got, c.want)
			}
		}
		other := engine.Measured{Completed: 96, Input: 96 * 1024, Output: 96 * 128, InFlight: 16} // not among the runs
		is, is2 := want.Measure(other), got.Measure(other)
		if math.Abs(is2.Duration/is.Duration-1) > 0.1 || math.Abs(is2.MeanTPOT/is.MeanTPOT-1) > 0.1 {
			t.Errorf("%s, another run: %.1f s and %.1f ms per token, not %.1f and %.1f", name,
				is2.Duration, is2.MeanTPOT, is.Duration, is.MeanTPOT)
		}
	}
}

// A result of vLLM is read by its names.
func TestReadMeasured(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                "EOF",
		`{"completed":10}`: "above zero",
		`{"completed":10,"duration":5,"total_input_tokens":100,"total_output_tokens":10,"mean_tpot_ms":1,"mean_ttft_ms":1,
			"max_concurrency":1}`: "two",
	} {
		if _, err := engine.ReadMeasured(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	one, err := engine.ReadMeasured(strings.NewReader(`{"date":"20261201","backend":"vllm","max_concurrency":2,"duration":5,"completed":10,
		"total_input_tokens":100,"total_output_tokens":200,"request_throughput":2,"mean_ttft_ms":20.5,"p99_ttft_ms":30,"mean_tpot_ms":9}`))
	want := engine.Measured{Completed: 10, Duration: 5, Input: 100, Output: 200, InFlight: 2, MeanTTFT: 20.5, MeanTPOT: 9}
	if err != nil || one != want {
		t.Errorf("%+v, %v", one, err)
	}
	if _, _, err := engine.Fit("x", engine.Model{}, []engine.Measured{one}); err == nil {
		t.Error("four numbers of one run")
	}
}
