package counter_test

import (
	"testing"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
)

type counts = counter.Counts

// Each report adds the requests that arrived since the one before, once.
func TestCounter(t *testing.T) {
	type report struct {
		counts   counter.Counts
		baseline bool
		delta    uint64
	}
	for name, reports := range map[string][]report{
		"from zero":            {{counts: counts{Requests: 5}, delta: 5}, {counts: counts{Requests: 12}, delta: 7}},
		"nothing new":          {{counts: counts{Requests: 5}, delta: 5}, {counts: counts{Requests: 5}}},
		"a baseline":           {{counts: counts{Requests: 500}, baseline: true}, {counts: counts{Requests: 501}, delta: 1}},
		"retries":              {{counts: counts{Requests: 9, Retries: 4}, delta: 5}, {counts: counts{Requests: 12, Retries: 6}, delta: 1}},
		"a baseline's retries": {{counts: counts{Requests: 9, Retries: 4}, baseline: true}, {counts: counts{Requests: 10, Retries: 4}, delta: 1}},
		"retries that wait": {
			{counts: counts{Requests: 10}, delta: 10},
			{counts: counts{Requests: 11, Retries: 3}}, // one more, and three that wait
			{counts: counts{Requests: 14, Retries: 3}, delta: 1},
		},
		"more retries than requests": {{counts: counts{Requests: 1, Retries: 3}}, {counts: counts{Requests: 5, Retries: 3}, delta: 2}},
		"requests began anew": {
			{counts: counts{Requests: 10}, delta: 10}, {counts: counts{Requests: 4}, delta: 4}, {counts: counts{Requests: 6}, delta: 2},
		},
		"retries began anew": {{counts: counts{Requests: 10, Retries: 5}, delta: 5}, {counts: counts{Requests: 10, Retries: 1}, delta: 9}},
		"gone and back":      {{counts: counts{Requests: 3}, delta: 3}, {}, {counts: counts{Requests: 2}, delta: 2}},
	} {
		c, arrived := counter.Counter{}, uint64(0)
		for i, r := range reports {
			if delta := c.Take(r.counts, r.baseline); delta != r.delta {
				t.Errorf("%s: report %d adds %d, not %d", name, i+1, delta, r.delta)
			}
			if c.Counts != r.counts {
				t.Errorf("%s: report %d leaves %+v", name, i+1, c.Counts)
			}
			arrived = max(arrived, c.Arrived())
		}
		if arrived == 0 {
			t.Errorf("%s: nothing arrived", name)
		}
	}
}

// A new process begins at zero, and what it has in flight is known with its first report.
func TestRestart(t *testing.T) {
	c := counter.Counter{}
	c.Take(counts{Requests: 10, Retries: 2, Active: 3}, false)
	c.Restart()
	if want := (counts{Active: 3}); c.Counts != want || c.Arrived() != 0 {
		t.Errorf("%+v, %d arrived", c.Counts, c.Arrived())
	}
	if delta := c.Take(counts{Requests: 20, Retries: 5}, false); delta != 15 {
		t.Errorf("%d arrived in the new process", delta)
	}
}
