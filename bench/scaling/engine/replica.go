package engine

import "math"

// Job is one request in a replica.
type Job struct {
	// ID is the caller's.
	ID int
	// Prompt is what is computed of the prompt, Context all that is in memory of it. Output is
	// the tokens of the answer, one at least.
	Prompt, Context, Output int
	// First is when its first token came, Done when the last did; Never before.
	First, Done float64

	left int // of Prompt
}

// Never is the time of what does not happen.
var Never = math.Inf(1)

// Replica computes jobs. Times are seconds, and never go back.
type Replica struct {
	model Model
	// waiting are not admitted yet. prompts are admitted, and a part of their prompt is to be
	// computed. decoding have their first token.
	waiting  fifo
	prompts  []*Job
	decoding answers
	// steps is how many were made, of those that decode.
	steps int64
	// reserved is the memory of the jobs that are admitted, context what they have in it.
	reserved, context int
	// The phase is one step with prompts, or several without.
	phase phase
	done  []*Job
}

// phase is what a replica does until it ends.
type phase struct {
	begin, end float64
	steps      int64
	prompts    int // tokens
}

// NewReplica returns a replica that has nothing to do.
func NewReplica(m Model) *Replica { return &Replica{model: m, phase: phase{end: Never}} }

// Next returns when something ends.
func (r *Replica) Next() float64 { return r.phase.end }

// Waiting returns how many jobs wait for their first step.
func (r *Replica) Waiting() int { return r.waiting.len() }

// Running returns how many jobs are computed.
func (r *Replica) Running() int { return len(r.prompts) + len(r.decoding) }

// Jobs returns how many there are.
func (r *Replica) Jobs() int { return r.Waiting() + r.Running() }

// Memory returns the part of the memory that is in use.
func (r *Replica) Memory() float64 { return float64(r.reserved) / float64(r.model.Memory) }

// Add gives the replica a job at a moment that is not after Next.
func (r *Replica) Add(now float64, j *Job) {
	j.left, j.First, j.Done = max(j.Prompt, 1), Never, Never
	r.waiting.push(j)
	switch {
	case r.phase.end == Never:
		r.plan(now)
	case r.phase.steps > 1 && r.fits(j) && r.waiting.len() == 1:
		r.cut(now)
	}
}

// cut ends a phase of several steps with the step that a moment is in.
func (r *Replica) cut(now float64) {
	p := &r.phase
	n := r.stepsUntil(now - p.begin)
	if n < p.steps {
		p.steps = n
		p.end = p.begin + r.decodeTime(n)
	}
}

// Step ends the phase, at Next, and returns the jobs that are done with it. The slice is valid
// until the next call.
func (r *Replica) Step() []*Job {
	r.done = r.done[:0]
	p := r.phase
	r.steps += p.steps
	r.context += int(p.steps) * len(r.decoding)
	for len(r.decoding) > 0 && r.decoding[0].last <= r.steps {
		r.finish(r.decoding.pop().job, p.end)
	}
	kept := r.prompts[:0]
	for _, j := range r.prompts { // those with prompts to compute come first come first served
		if j.left > 0 {
			kept = append(kept, j)
			continue
		}
		j.First = p.end
		r.context++
		if j.Output <= 1 {
			r.finish(j, p.end)
		} else {
			r.decoding.push(answer{job: j, last: r.steps + int64(j.Output) - 1})
		}
	}
	clear(r.prompts[len(kept):])
	r.prompts = kept
	r.plan(p.end)
	return r.done
}

func (r *Replica) finish(j *Job, at float64) {
	j.Done = at
	r.reserved -= r.reserve(j)
	r.context -= j.Context + j.Output
	r.done = append(r.done, j)
}

// reserve returns the memory of a job. One that is larger than all there is has all of it.
func (r *Replica) reserve(j *Job) int { return min(j.Context+j.Output, r.model.Memory) }

func (r *Replica) fits(j *Job) bool {
	return r.Running() < r.model.Requests && r.reserved+r.reserve(j) <= r.model.Memory
}

// plan begins the next phase.
func (r *Replica) plan(now float64) {
	budget := r.model.Budget - len(r.decoding)
	computed := 0
	for _, j := range r.prompts {
		n := min(j.left, budget-computed)
		j.left -= n
		computed += n
	}
	for computed < budget && r.waiting.len() > 0 && r.fits(r.waiting.first()) {
		j := r.waiting.pop()
		r.reserved += r.reserve(j)
		r.context += j.Context
		r.prompts = append(r.prompts, j)
		n := min(j.left, budget-computed)
		j.left -= n
		computed += n
	}
	switch {
	case computed > 0:
		r.phase = phase{begin: now, steps: 1, prompts: computed}
		r.phase.end = now + r.decodeTime(1) + r.model.PerPrompt*float64(computed)
	case len(r.decoding) > 0:
		n := r.decoding[0].last - r.steps
		r.phase = phase{begin: now, steps: n, end: now + r.decodeTime(n)}
	default:
		r.phase = phase{begin: now, end: Never}
	}
}

// decodeTime returns how long n steps take whose prompts are none. Each makes the context longer
// by one token of each request.
func (r *Replica) decodeTime(n int64) float64 {
	requests := float64(len(r.decoding))
	each := r.model.Base + r.model.PerDecode*requests + r.model.PerContext*float64(r.context)
	return float64(n)*each + r.model.PerContext*requests*float64(n)*float64(n-1)/2
}

// stepsUntil returns how many steps of a phase without prompts have begun after some time: that
// which the moment is in is the last of them.
func (r *Replica) stepsUntil(passed float64) int64 {
	requests := float64(len(r.decoding))
	each := r.model.Base + r.model.PerDecode*requests + r.model.PerContext*float64(r.context)
	grows := r.model.PerContext * requests
	n := passed / each
	if grows > 0 { // grows/2 n^2 + (each-grows/2) n = passed
		b := each - grows/2
		n = (-b + math.Sqrt(b*b+2*grows*passed)) / grows
	}
	return max(int64(math.Ceil(n-1e-9)), 1)
}
