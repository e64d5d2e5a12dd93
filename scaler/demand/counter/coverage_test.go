package counter_test

import (
	"testing"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

type (
	coverage = counter.Coverage
	process  = counter.Process
)

// What is known of a gateway, by what is known of its proxies.
func TestCoverage(t *testing.T) {
	now := 2000 * second
	begun := coverage{Why: "its proxies have just begun to report"}
	at := func(last instant.Time, measured bool) process {
		return process{Known: true, Last: last, Measured: measured}
	}
	for _, c := range []struct {
		name      string
		processes []counter.Process
		began     instant.Time
		want      coverage
	}{
		{"no proxy", nil, 0, coverage{Why: "no proxy has reported"}},
		{"one that never reported", []process{{}}, 0, coverage{Why: "its proxies are silent", Due: true}},
		{"one report of a proxy that counted before", []process{at(now, false)}, now, begun},
		{"measured", []process{at(now-second, true)}, 0, coverage{AsOf: now}},
		{"measured, others may come", []process{at(now, true)}, now - 4*second + 1, begun},
		{"measured, all had the time to come", []process{at(now, true)}, now - 4*second, coverage{AsOf: now}},
		{"one silent for a moment", []process{at(now, true), at(now-4*second, true)}, 0, coverage{AsOf: now}},
		{"one silent for long", []process{at(now-20*second, true), at(now, true)}, 0, coverage{AsOf: now, Due: true}},
		{"all silent for 15 s", []process{at(now-15*second, true), at(now-16*second, true)}, 0, coverage{AsOf: now - 15*second, Frozen: true}},
		{"all silent for longer", []process{at(now-15*second-1, true)}, 0, coverage{Why: "its proxies are silent", Due: true}},
		{"silent before all had come", []process{at(now-10*second, true)}, now - 13*second, coverage{Why: "its proxies are silent", Due: true}},
		{"silent, heard once", []process{at(now-10*second, false)}, 0, coverage{Why: "its proxies are silent", Due: true}},
		{"another has begun", []process{at(now-10*second, true), at(now, false)}, 0, coverage{AsOf: now - 10*second, Frozen: true, Due: true}},
	} {
		tally := counter.Tally{}
		for i := range c.processes {
			tally.Add(&c.processes[i], now, timing)
		}
		if got := tally.Coverage(c.began, now); got != c.want {
			t.Errorf("%s: %+v, not %+v", c.name, got, c.want)
		}
	}
}
