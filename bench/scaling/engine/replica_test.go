package engine_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
)

// plain has numbers that are easy to add: a step of one second, a tenth for a token of a prompt.
var plain = engine.Model{Base: 1, PerPrompt: 0.1, Budget: 10, Requests: 4, Memory: 1000}

type job struct {
	at             float64
	prompt, output int
	first, done    float64
}

// run gives a replica jobs at their moments, and returns them as they ended.
func run(m engine.Model, in []job) []engine.Job {
	r := engine.NewReplica(m)
	jobs := make([]engine.Job, len(in))
	for i := 0; i < len(in) || r.Next() < engine.Never; {
		if i < len(in) && in[i].at < r.Next() {
			jobs[i] = engine.Job{ID: i, Prompt: in[i].prompt, Context: in[i].prompt, Output: in[i].output}
			r.Add(in[i].at, &jobs[i])
			i++
			continue
		}
		r.Step()
	}
	return jobs
}

// Steps are as vLLM makes them: decoding first, prompts in chunks with the rest of the budget,
// requests admitted while there is room.
func TestReplica(t *testing.T) {
	small := plain
	small.Memory = 20
	one := plain
	one.Requests = 1
	costly := plain
	costly.PerDecode, costly.PerContext = 0.5, 0.01
	for name, c := range map[string]struct {
		model engine.Model
		jobs  []job
	}{
		"one token":               {plain, []job{{0, 10, 1, 2, 2}}},
		"an answer":               {plain, []job{{0, 10, 5, 2, 6}}},
		"a prompt in chunks":      {plain, []job{{0, 25, 1, 5.5, 5.5}}},
		"two prompts in one step": {plain, []job{{0, 4, 2, 1.4, 3.0}, {0.1, 6, 1, 3.0, 3.0}}},
		"joins at the next step":  {plain, []job{{0, 10, 10, 2, 11.5}, {3.5, 5, 1, 5.5, 5.5}}},
		"waits for memory":        {small, []job{{0, 10, 5, 2, 6}, {1, 10, 5, 8, 12}}},
		"larger than the memory":  {small, []job{{0, 30, 2, 6, 7}}},
		"waits for a place":       {one, []job{{0, 10, 2, 2, 3}, {1, 10, 2, 5, 6}}},
		// 1 + 1 + 0.01 x 10; 1 + 0.5 + 0.01 x 11; and 0.01 more: 2.1 + 1.61 + 1.62.
		"decoding and context": {costly, []job{{0, 10, 3, 2.1, 5.33}}},
	} {
		for i, j := range run(c.model, c.jobs) {
			if w := c.jobs[i]; math.Abs(j.First-w.first) > 1e-9 || math.Abs(j.Done-w.done) > 1e-9 {
				t.Errorf("%s, job %d: first token at %v, done at %v; not %v and %v", name, i, j.First, j.Done, w.first, w.done)
			}
		}
	}
}

// naive is the same model, one step at a time.
func naive(m engine.Model, in []job) []engine.Job {
	jobs := make([]engine.Job, len(in))
	left, made := make([]int, len(in)), make([]int, len(in))
	var running []int
	arrived, admitted, now := 0, 0, 0.0
	for done := 0; done < len(in); {
		if len(running) == 0 && admitted == arrived {
			now = max(now, in[arrived].at)
		}
		for ; arrived < len(in) && in[arrived].at <= now; arrived++ {
			j := in[arrived]
			jobs[arrived] = engine.Job{ID: arrived, Prompt: j.prompt, Context: j.prompt, Output: j.output}
			left[arrived] = j.prompt
		}
		decoding, context, reserved, computed := 0, 0, 0, 0
		for _, i := range running {
			context += in[i].prompt + made[i]
			reserved += in[i].prompt + in[i].output
			if left[i] == 0 {
				decoding++
			}
		}
		budget := m.Budget - decoding
		var ending []int
		chunk := func(i int) {
			n := min(left[i], budget-computed)
			computed += n
			if left[i] -= n; left[i] == 0 && n > 0 {
				ending = append(ending, i)
			}
		}
		decode := slices.DeleteFunc(slices.Clone(running), func(i int) bool { return left[i] > 0 })
		for _, i := range running {
			if left[i] > 0 {
				chunk(i)
			}
		}
		for computed < budget && admitted < arrived && len(running) < m.Requests &&
			reserved+in[admitted].prompt+in[admitted].output <= m.Memory {
			reserved += in[admitted].prompt + in[admitted].output
			context += in[admitted].prompt
			running = append(running, admitted)
			chunk(admitted)
			admitted++
		}
		now += m.Base + m.PerPrompt*float64(computed) + m.PerDecode*float64(decoding) + m.PerContext*float64(context)
		for _, i := range ending {
			jobs[i].First = now
		}
		for _, i := range append(decode, ending...) {
			if made[i]++; made[i] == in[i].output {
				jobs[i].Done = now
				done++
				running = slices.DeleteFunc(running, func(other int) bool { return other == i })
			}
		}
	}
	return jobs
}

// A replica that makes many steps at once ends each job when one does that makes them singly.
func TestStepsAtOnce(t *testing.T) {
	for seed := range uint64(40) {
		dice := rand.New(rand.NewPCG(seed, 3))
		m := engine.Model{
			Base: 0.01 + dice.Float64()/50, PerPrompt: dice.Float64() / 1000, PerDecode: dice.Float64() / 1000, PerContext: dice.Float64() / 1e6,
			Budget: 64 + dice.IntN(500), Requests: 2 + dice.IntN(30), Memory: 2000 + dice.IntN(5000),
		}
		var in []job
		now := 0.0
		for range 150 {
			now += dice.ExpFloat64() * 0.3
			in = append(in, job{at: now, prompt: 1 + dice.IntN(900), output: 1 + dice.IntN(200)})
		}
		got, want := run(m, in), naive(m, in)
		for i := range got {
			if math.Abs(got[i].First-want[i].First) > 1e-6 || math.Abs(got[i].Done-want[i].Done) > 1e-6 {
				t.Fatalf("seed %d, job %d: %v and %v, not %v and %v", seed, i, got[i].First, got[i].Done, want[i].First, want[i].Done)
			}
		}
	}
}
