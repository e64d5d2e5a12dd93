package staffing_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// A steady load needs what its requests cost, and no reserve.
func TestSteady(t *testing.T) {
	r := newRig(t, nil)
	if n := r.need(); n.Value != 0 || r.meter.Newest() != instant.Never {
		t.Errorf("before the first report: %+v, newest %d", n, r.meter.Newest())
	}
	r.take(120, answered(10))
	n := r.need()
	r.is("level", n.Level, 10*ofAnswered)
	r.is("value", n.Value, n.Level)
	r.is("reserve", n.Reserve, 0)
	r.is("backlog", n.Backlog, 0)
	r.is("tokens in", n.Input, 5000)
	r.is("tokens out", n.Output, 500)
	r.is("mean output", n.MeanOutput, 50)
	r.is("cached share", n.CachedShare, 0.4)
	r.is("bytes per token in", n.BytesPerInput, 8)
	r.is("bytes per token out", n.BytesPerOutput, 400)
	if r.meter.Newest() != r.now {
		t.Errorf("newest %d at %d", r.meter.Newest(), r.now)
	}
}

// The level is the mean over the window, or over the part of it in which there were reports.
func TestLevel(t *testing.T) {
	r := newRig(t, func(s *staffing.Settings) { s.Window = 20 * time.Second })
	r.take(1, requests(30))
	r.is("after a second", r.need().Level, 30*ofRequest)
	r.take(9, requests(10))
	r.is("after ten", r.need().Level, 12*ofRequest)
	r.take(10, requests(10))
	r.is("after twenty", r.need().Level, 11*ofRequest)
	r.take(1, requests(10))
	r.is("when the first second leaves", r.need().Level, 10*ofRequest)
	r.take(10, staffing.Seen{})
	r.is("half a window without requests", r.need().Level, 5*ofRequest)
	r.take(10, staffing.Seen{})
	r.is("a window without requests", r.need().Level, 0)
}

// No report for a moment is no report yet; for longer, there was none to make.
func TestSilence(t *testing.T) {
	r := newRig(t, func(s *staffing.Settings) { s.Reserve = 0 })
	r.take(60, requests(10))
	for _, c := range []struct {
		silent instant.Time
		want   float64
	}{{0, 10}, {5, 10}, {11, 9}, {35, 5}, {65, 0}, {10_000, 0}} {
		r.is("level", r.meter.Need(r.now+c.silent*second, staffing.Held{}).Level, c.want*ofRequest)
	}
	r.now += 1000 * second
	r.take(6, requests(10))
	r.is("after a long time without requests", r.need().Level, ofRequest)
}

// The reserve is the deviation of means of ten seconds: bursts within a bin are none.
func TestReserve(t *testing.T) {
	for _, reserve := range []float64{0, 1, 2.5} {
		r := newRig(t, func(s *staffing.Settings) { s.Reserve, s.History = reserve, 100*time.Second })
		r.take(7, requests(1000)) // a part of a bin is not known
		for range 5 {
			for range 5 {
				r.take(1, requests(16))
				r.take(1, requests(24))
			}
			r.take(10, staffing.Seen{})
		}
		n := r.need()
		r.is("half of the bins empty", n.Reserve, reserve*10*ofRequest)
		r.is("value", n.Value, n.Level+n.Reserve)
		r.take(9, requests(5000)) // a bin that is not over
		r.is("a bin that fills", r.need().Reserve, reserve*10*ofRequest)
		r.take(1, requests(5000))
		r.take(100, requests(20))
		r.is("bursts from before the history", r.need().Reserve, 0)
	}
}

// The reserve is of the time in which there were reports, and of two bins at least.
func TestReserveOfWhatIsKnown(t *testing.T) {
	r := newRig(t, nil)
	r.take(7, requests(10))
	r.take(10, requests(10))
	r.take(9, requests(30))
	r.is("one bin", r.need().Reserve, 0)
	r.take(1, requests(30))
	r.is("two bins", r.need().Reserve, 10*ofRequest)
}

// Reports of several proxies, each at its own moments, add up to one of all of them.
func TestSeveralProxies(t *testing.T) {
	r := newRig(t, nil)
	all := newRig(t, nil)
	for i := range instant.Time(600) {
		n := uint64(10 + i/20%2*10)
		all.take(1, answered(3*n))
		for p := range instant.Time(3) {
			s := answered(n)
			s.From, s.At = start+i*second, start+(i+1)*second
			if p == 2 && i > 0 { // the third is a third of a second late
				s.From, s.At = s.From-second/3, s.At-second/3
			}
			r.meter.Take(s)
		}
	}
	got, want := r.meter.Need(all.now, staffing.Held{}), all.need()
	if d := got.Level/want.Level - 1; d < -0.01 || d > 0.01 {
		t.Errorf("level %v, not %v", got.Level, want.Level)
	}
	if d := got.Reserve/want.Reserve - 1; d < -0.03 || d > 0.03 || want.Reserve < ofAnswered {
		t.Errorf("reserve %v, not %v", got.Reserve, want.Reserve)
	}
}

// A clock may stand still, jump and be set back.
func TestClock(t *testing.T) {
	r := newRig(t, func(s *staffing.Settings) { s.Reserve = 0 })
	r.take(1, requests(10))
	for range 10 { // ten reports of one moment
		s := requests(5)
		s.From, s.At = r.now, r.now
		r.meter.Take(s)
	}
	r.take(1, requests(0))
	r.is("stood still", r.need().Level, 30*ofRequest)

	s := requests(3600 * 7)
	s.From, s.At = r.now, r.now+3600*second
	r.now = s.At
	r.meter.Take(s)
	r.is("a report of an hour", r.need().Level, 7*ofRequest)

	r.now = 500 * second
	r.take(10, requests(9))
	r.is("set back", r.need().Level, 9*ofRequest)
	if r.meter.Newest() != r.now {
		t.Errorf("newest is %d at %d", r.meter.Newest(), r.now)
	}
	r.now -= 20 * second // no further than what is remembered: reports that are late
	r.take(10, requests(3))
	r.is("late reports from before counting began", r.meter.Need(510*second, staffing.Held{}).Level, 9*ofRequest)
}

// A moment before every other is one, too.
func TestMomentsThatAreNone(t *testing.T) {
	for _, at := range []instant.Time{instant.Never, -5 * second, 1 << 62, -1 << 63, 1<<63 - 1} {
		r := newRig(t, nil)
		for _, from := range []instant.Time{at, at - 1, instant.Never, -1 << 63, 1<<63 - 1} {
			s := answered(10)
			s.From, s.At = from, at
			r.meter.Take(s)
			sane(t, r.meter.Need(at, staffing.Held{}))
			sane(t, r.meter.Need(-1<<63, staffing.Held{}))
			sane(t, r.meter.Need(1<<63-1, staffing.Held{}))
		}
	}
}

// Settings that change keep what was counted, as far as it goes back.
func TestSet(t *testing.T) {
	r := newRig(t, func(s *staffing.Settings) { s.Reserve = 0 })
	r.take(60, requests(20))
	r.take(60, requests(10))
	s := staffing.Defaults()
	s.Reserve, s.Window = 0, 5*time.Minute
	r.meter.Set(s)
	r.is("a longer window has what the shorter one had", r.need().Level, 10*ofRequest)
	r.take(60, requests(40))
	r.is("and goes on", r.need().Level, 25*ofRequest)
	s.Window = 30 * time.Second
	r.meter.Set(s)
	r.is("a shorter one", r.need().Level, 40*ofRequest)
	s.OutputWeight = 0
	r.meter.Set(s)
	r.is("without output", r.need().Level, 40*1000)
	s.Reserve = 1
	r.meter.Set(s)
	before := r.need().Reserve
	s.History = time.Hour
	r.meter.Set(s)
	r.is("a longer history", r.need().Reserve, before)
	if before < 10_000 {
		t.Errorf("a reserve of %v for a load that went from 10 to 40", before)
	}
}

// What does not count any more takes no memory, and what was learned stays.
func TestTrim(t *testing.T) {
	r := newRig(t, nil)
	r.take(60, answered(10))
	before := r.need()
	r.meter.Trim(r.now + 60*second)
	if r.meter.Buckets() == 0 || r.need() != before {
		t.Error("what still counts was dropped")
	}
	r.meter.Trim(r.now + 66*second)
	if after := r.need(); after.Level != 0 || r.meter.Buckets() == 0 {
		t.Errorf("after a window: %+v, %d buckets", after, r.meter.Buckets())
	}
	r.meter.Trim(r.now + 606*second)
	after := r.meter.Need(r.now+606*second, staffing.Held{})
	if after.Value != 0 || r.meter.Buckets() != 0 {
		t.Errorf("after the history: %+v, %d buckets", after, r.meter.Buckets())
	}
	r.is("mean output", after.MeanOutput, 50)
	r.now += 606 * second
	r.take(60, answered(10))
	r.is("and then", r.need().Level, 10*ofAnswered)
}
