package counter

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// KeepActive is how long requests in flight in a proxy that is gone still count: a stream that
// breaks is back within one flush.
const KeepActive = 2 * time.Second

// Timing is what a replica knows about time: when it began to count and how often proxies
// report.
type Timing struct {
	Began instant.Time
	Flush time.Duration
}

// Silence is how long a proxy may be silent before it counts as gone: three flushes.
func (t Timing) Silence() instant.Time { return instant.Time(3 * t.Flush) }

// Floor is the shortest time that a number is taken over: two reports of a proxy.
func (t Timing) Floor() time.Duration { return 2 * t.Flush }

// Process is what the reports of one Envoy say about its process so far.
type Process struct {
	// Known: it has reported. Nothing else is set before.
	Known bool
	// Last is when it reported last, Gone when its stream ended; Never: the stream is open.
	Last, Gone instant.Time
	// Since is from when on its requests are counted; Never: from its start.
	Since instant.Time
	// Measured: there is an interval between two reports.
	Measured bool
	// Dropped: its requests in flight do not count any more.
	Dropped bool
	// Time is when it counted, in ms on its own clock.
	Time    int64
	Uptime  time.Duration
	Started bool
}

// Observation is the head of a report.
type Observation struct {
	// At is when a replica received it.
	At instant.Time
	// Time is when the proxy counted, in ms on its own clock.
	Time int64
	// Uptime of the proxy in whole seconds; zero: it did not say. Started: the uptime is below
	// two flushes.
	Uptime  time.Duration
	Started bool
	// Gone: the stream of the proxy has ended since.
	Gone bool
}

// Step is the span of time that a report stands for: after From, up to At.
type Step struct {
	From, At instant.Time
	// Baseline: the counts say nothing about when they were counted.
	Baseline bool
	// Restarted: all counters began anew.
	Restarted bool
}

// maxRate bounds the requests per second of one key in one proxy. It is more than an Envoy serves.
const maxRate = 1_000_000

// Clamp returns how many of the requests that a proxy counted can have arrived in the span.
func (s Step) Clamp(requests uint64) uint64 { return s.most(requests, maxRate) }

// most returns a number, or what it can be at most in the span, at a rate per second.
func (s Step) most(number, rate uint64) uint64 {
	span := max(time.Duration(s.At-s.From), time.Second)
	return min(number, uint64(span.Seconds()*float64(rate)))
}

// Heard reports whether the proxy reports now.
func (p *Process) Heard(now instant.Time, t Timing) bool {
	return p.Known && p.Gone == instant.Never && now-p.Last <= t.Silence()
}

// Deadline is when the requests in flight are to be dropped, if the proxy does not report
// until then.
func (p *Process) Deadline(t Timing) instant.Time {
	if p.Gone != instant.Never {
		return p.Gone + instant.Time(KeepActive)
	}
	return p.Last + t.Silence() + instant.Time(KeepActive)
}

// Due reports whether the requests in flight are to be dropped.
func (p *Process) Due(now instant.Time, t Timing) bool { return !p.Dropped && p.Deadline(t) <= now }

// Stale reports whether a report is older than one that another replica received. Reports that
// one replica received (sameReceiver) are in order.
//
// The proxy's clock decides. When it was put back, the replica that receives the reports is
// believed once no other has received one for a while.
func (p *Process) Stale(o Observation, sameReceiver bool, t Timing) bool {
	if !p.Known || sameReceiver || o.Time >= p.Time {
		return false
	}
	return o.Gone || o.At-max(p.Last, p.Gone) <= t.Silence()
}

// Same reports whether the report is the last one, told once more.
func (p *Process) Same(o Observation) bool {
	return p.Known && o.Time == p.Time && o.Uptime == p.Uptime
}

// restarted reports whether the report is of another process than the one before.
func (p *Process) restarted(o Observation) bool {
	if o.Uptime < p.Uptime && (o.Uptime > 0 || o.Started) {
		return true
	}
	return p.Known && o.Uptime == 0 && o.Started && !p.Started
}

// Step returns the span that a report stands for.
func (p *Process) Step(o Observation, t Timing) Step {
	st := Step{From: p.Last, At: max(o.At, p.Last+1)}
	lived := instant.Time(max(o.Uptime, t.Flush))
	switch {
	case p.restarted(o):
		st.Restarted = true
		st.From = max(st.From, st.At-lived)
	case p.Known:
	case o.Started && o.At >= t.Began, o.Uptime > 0 && instant.Time(o.Uptime+time.Second) <= st.At-t.Began:
		// It is younger than this replica, or as old: nothing that it counted was counted before.
		st.From = max(st.At-lived, instant.Never+1)
	default:
		st.From, st.Baseline = st.At, true
	}
	return st
}

// After returns the process after a report.
func (p *Process) After(st Step, o Observation) Process {
	next := *p
	if st.Baseline {
		next.Since = st.At
	} else {
		next.Measured = true
	}
	next.Known, next.Dropped, next.Gone = true, false, instant.Never
	next.Last, next.Time, next.Uptime, next.Started = st.At, o.Time, o.Uptime, o.Started
	return next
}

// Left returns the process after the end of its stream.
func (p *Process) Left(at instant.Time) Process {
	if p.Gone != instant.Never {
		return *p
	}
	next := *p
	next.Gone = max(at, p.Last)
	return next
}

// Drop returns the process without its requests in flight.
func (p *Process) Drop() Process {
	next := *p
	next.Dropped = true
	return next
}

// KnownBefore returns the process when another replica has told its past: it counts from its
// start.
func (p *Process) KnownBefore() Process {
	next := *p
	next.Since, next.Measured = instant.Never, true
	return next
}
