package counter_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

type (
	observation = counter.Observation
	step        = counter.Step
)

const second = instant.Time(time.Second)

// timing is that of a replica that began at 1,000 s.
var timing = counter.Timing{Began: 1000 * second, Flush: time.Second}

// reported is a process that reported at 2,000 s, at an uptime of 100 s.
func reported() counter.Process {
	return counter.Process{Known: true, Last: 2000 * second, Time: 7000, Uptime: 100 * time.Second}
}

// left is one whose stream ended.
func left(at instant.Time) counter.Process {
	p := reported()
	return p.Left(at)
}

func TestHeard(t *testing.T) {
	gone, silent := reported(), reported()
	gone.Gone = 2001 * second
	for _, c := range []struct {
		name    string
		process counter.Process
		at      instant.Time
		want    bool
	}{
		{"never", counter.Process{}, 0, false},
		{"three flushes ago", silent, 2003 * second, true},
		{"longer ago", silent, 2003*second + 1, false},
		{"gone", gone, 2001 * second, false},
	} {
		if got := c.process.Heard(c.at, timing); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	if at := silent.Deadline(timing); at != 2005*second {
		t.Errorf("silent: in flight until %v", at.Seconds())
	}
	if at := gone.Deadline(timing); at != 2003*second {
		t.Errorf("gone: in flight until %v", at.Seconds())
	}
	if gone.Due(2003*second-1, timing) || !gone.Due(2003*second, timing) {
		t.Error("gone: due at another time than its deadline")
	}
	if dropped := gone.Drop(); dropped.Due(2100*second, timing) {
		t.Error("due again after it was dropped")
	}
}

// The proxy's clock decides which of two replicas has the newer report.
func TestStale(t *testing.T) {
	for _, c := range []struct {
		name         string
		o            observation
		sameReceiver bool
		want         bool
	}{
		{"older", observation{At: 2001 * second, Time: 6999}, false, true},
		{"as old", observation{At: 2001 * second, Time: 7000}, false, false},
		{"newer", observation{At: 2001 * second, Time: 7001}, false, false},
		{"older, of the same receiver", observation{At: 2001 * second, Time: 6999}, true, false},
		{"older, after three flushes", observation{At: 2003 * second, Time: 6999}, false, true},
		{"older, after longer", observation{At: 2003*second + 1, Time: 6999}, false, false},
		{"older and gone, after longer", observation{At: 2004 * second, Time: 6999, Gone: true}, false, true},
	} {
		if p := reported(); p.Stale(c.o, c.sameReceiver, timing) != c.want {
			t.Errorf("%s: stale is not %t", c.name, c.want)
		}
	}
	if p := (counter.Process{}); p.Stale(observation{Time: -1}, false, timing) {
		t.Error("the first report is stale")
	}
	gone := left(2002 * second)
	if !gone.Stale(observation{At: 2005 * second, Time: 1}, false, timing) {
		t.Error("three flushes begin with the end of the stream")
	}
	if p := reported(); !p.Same(observation{Time: 7000, Uptime: 100 * time.Second}) ||
		p.Same(observation{Time: 7001, Uptime: 100 * time.Second}) || p.Same(observation{Time: 7000, Uptime: 99 * time.Second}) {
		t.Error("the same report is told by its time and its uptime")
	}
	if p := (counter.Process{}); p.Same(observation{}) {
		t.Error("the first report is no repetition")
	}
}

// A report stands for the time since the one before, the life of its process, or nothing.
func TestStep(t *testing.T) {
	unknown, young, silent := counter.Process{}, reported(), reported()
	young.Uptime, young.Started = 0, true
	silent.Uptime = 0
	for _, c := range []struct {
		name    string
		process counter.Process
		o       observation
		want    step
	}{
		{"the next", reported(), observation{At: 2001 * second, Uptime: 101 * time.Second}, step{From: 2000 * second, At: 2001 * second}},
		{"received at once", reported(), observation{At: 2000 * second, Uptime: 100 * time.Second},
			step{From: 2000 * second, At: 2000*second + 1}},
		{"uptime fell", reported(), observation{At: 2010 * second, Uptime: 4 * time.Second},
			step{From: 2006 * second, At: 2010 * second, Restarted: true}},
		{"uptime fell to less than a flush", reported(), observation{At: 2010 * second, Started: true},
			step{From: 2009 * second, At: 2010 * second, Restarted: true}},
		{"restarted just after the last report", reported(), observation{At: 2001 * second, Uptime: 4 * time.Second},
			step{From: 2000 * second, At: 2001 * second, Restarted: true}},
		{"no uptime any more", reported(), observation{At: 2001 * second}, step{From: 2000 * second, At: 2001 * second}},
		{"never an uptime, and started", silent, observation{At: 2001 * second, Started: true},
			step{From: 2000 * second, At: 2001 * second, Restarted: true}},
		{"started, and still", young, observation{At: 2001 * second, Started: true}, step{From: 2000 * second, At: 2001 * second}},
		{"first, started", unknown, observation{At: 1000 * second, Started: true}, step{From: 999 * second, At: 1000 * second}},
		{"first, started before the replica", unknown, observation{At: 1000*second - 1, Started: true},
			step{From: 1000*second - 1, At: 1000*second - 1, Baseline: true}},
		{"first, younger than the replica", unknown, observation{At: 1011 * second, Uptime: 10 * time.Second},
			step{From: 1001 * second, At: 1011 * second}},
		{"first, as old as the replica", unknown, observation{At: 1011*second - 1, Uptime: 10 * time.Second},
			step{From: 1011*second - 1, At: 1011*second - 1, Baseline: true}},
		{"first, of no uptime", unknown, observation{At: 1011 * second},
			step{From: 1011 * second, At: 1011 * second, Baseline: true}},
	} {
		if got := c.process.Step(c.o, timing); got != c.want {
			t.Errorf("%s: %+v, not %+v", c.name, got, c.want)
		}
	}
	early := counter.Timing{Began: 0, Flush: time.Second}
	if st := unknown.Step(observation{At: 2, Started: true}, early); st.From != instant.Never+1 {
		t.Errorf("older than the epoch: %+v", st)
	}
}

func TestAfter(t *testing.T) {
	o := observation{Time: 8000, Uptime: 101 * time.Second, Started: true}
	ended := left(1)
	last := ended.Drop()
	if last.Gone != 2000*second {
		t.Errorf("gone before its last report: %+v", last)
	}
	if again := last.Left(2001 * second); again.Gone != last.Gone {
		t.Errorf("gone twice: %+v", again)
	}
	got := last.After(step{From: 2000 * second, At: 2001 * second}, o)
	want := counter.Process{Known: true, Last: 2001 * second, Measured: true, Time: 8000, Uptime: 101 * time.Second, Started: true}
	if got != want {
		t.Errorf("after a report: %+v", got)
	}
	got = (&counter.Process{}).After(step{From: 5, At: 5, Baseline: true}, observation{})
	if want := (counter.Process{Known: true, Last: 5, Since: 5}); got != want {
		t.Errorf("after a baseline: %+v", got)
	}
	if got := got.KnownBefore(); got != (counter.Process{Known: true, Last: 5, Measured: true}) {
		t.Errorf("with a past: %+v", got)
	}
}
