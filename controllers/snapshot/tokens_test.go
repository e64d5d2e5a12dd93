package snapshot

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/window"
	"github.com/kedify/inference-gateway/scaler/staffing"
	"github.com/kedify/inference-gateway/xds/ir"
)

// working is a reading with a level of work, and 100 answers of which all begin within a time; zero: there is no streamed answer.
func working(level float64, first time.Duration) demand.Reading {
	work := &window.Asked{Reported: true, Need: staffing.Need{
		Value: level, Level: level, Input: level / 2, Output: level / 20, MeanOutput: 150.4, CachedShare: 0.333, Usage: true,
	}}
	for i, bound := range ir.FirstTokenBounds {
		if first > 0 && bound >= float64(first.Milliseconds()) {
			work.First[i] = 100
		}
	}
	if first > 0 {
		work.First[len(work.First)-1] = 100
	}
	return demand.Reading{Rate: 4, Work: work}
}

// TestWholeTokens: tokens are whole numbers of two digits; what no answer said is absent, and so is work that no proxy reported.
func TestWholeTokens(t *testing.T) {
	for value, want := range map[float64]int64{0: 0, 0.4: 0, 0.6: 1, 1.7: 2, 12.6: 13, 994: 990, 996: 1000, 45_678: 46_000, -1: 0} {
		if got := whole(value); got != want {
			t.Errorf("%v is shown as %d, want %d", value, got, want)
		}
	}
	work := working(4321, 0).Work
	got := tokensOf(work, 0, true)
	if got.WeightedPerSecond != 4300 || got.InputPerSecond != 2200 || got.OutputPerSecond != 220 || *got.MeanOutputTokens != 150 ||
		*got.CachedPercent != 33 || got.MaxPerReplica != nil || got.AdvisedTargetValue != nil {
		t.Errorf("%+v", got)
	}
	if got := tokensOf(work, 2160, true); *got.MaxPerReplica != 2200 || *got.AdvisedTargetValue != 1800 {
		t.Errorf("%d, advised %d", *got.MaxPerReplica, *got.AdvisedTargetValue)
	}
	if got := tokensOf(work, 2160, false); got.AdvisedTargetValue != nil {
		t.Errorf("advised without load: %d", *got.AdvisedTargetValue)
	}
	work.Usage = false
	if got := tokensOf(work, 0, false); got.MeanOutputTokens != nil || got.CachedPercent != nil {
		t.Errorf("no answer said its usage: %+v", got)
	}
	work.Reported = false
	if got := tokensOf(work, 0, false); got != nil || tokensOf(nil, 0, false) != nil {
		t.Errorf("no proxy reported: %+v", got)
	}
}

// TestNearly: a tenth is no change; zero is.
func TestNearly(t *testing.T) {
	for _, c := range []struct {
		a, b int64
		want bool
	}{{0, 0, true}, {0, 1, false}, {1, 2, false}, {90, 100, true}, {89, 100, false}, {1000, 1100, true}, {1000, 1200, false}} {
		if nearly(c.a, c.b) != c.want || nearly(c.b, c.a) != c.want {
			t.Errorf("%d and %d: not %v", c.a, c.b, c.want)
		}
	}
}

// TestPeaks: what counts for the highest level of a replica, and when the replicas were busy.
func TestPeaks(t *testing.T) {
	type look struct {
		after   time.Duration
		reading demand.Reading
		ready   int32
	}
	const second, minute = time.Second, time.Minute
	steady := func(level float64, first time.Duration) []look {
		return []look{{minute, working(level, first), 2}, {minute, working(level, first), 2}}
	}
	held := working(9000, second)
	held.Held = 1
	frozen := working(9000, second)
	frozen.LastGood = true
	guessed := working(9000, second)
	guessed.Work.Usage = false
	for name, c := range map[string]struct {
		looks []look
		level float64
		busy  bool
	}{
		"nothing":                 {nil, 0, false},
		"one look is no window":   {steady(4000, second)[:1], 0, false},
		"steady":                  {steady(4000, second), 2000, false},
		"busy":                    {append(steady(1000, second), look{minute, working(4000, 3*second), 2}), 2000, true},
		"more than they do":       {append(steady(1000, second), look{minute, working(4000, 10*second), 2}), 500, false},
		"flood first, calm later": {append(steady(4000, 30*second), look{61 * minute, working(1000, second), 2}), 500, false},
		"no stream":               {append(steady(1000, second), look{minute, working(4000, 0), 2}), 2000, false},
		"held":                    {append(steady(1000, second), look{minute, held, 2}), 500, false},
		"silent proxies":          {append(steady(1000, second), look{minute, frozen, 2}), 500, false},
		"guessed":                 {append(steady(1000, second), look{minute, guessed, 2}), 500, false},
		"unknown": {append(steady(1000, second),
			look{minute, demand.Reading{}, 2}, look{minute, working(9000, second), 2}), 500, false},
		"other replicas": {append(steady(1000, second), look{minute, working(9000, second), 1}), 500, false},
		"no replica":     {append(steady(1000, second), look{minute, working(9000, second), 0}), 500, false},
		"yesterday":      {append(steady(8000, second), look{25 * time.Hour, working(1000, second), 2}), 500, false},
	} {
		now, p := time.Unix(0, 0).Add(1000*time.Hour), &peaks{}
		for _, l := range c.looks {
			now = now.Add(l.after)
			p.look(now, &l.reading, &unit{window: minute}, l.ready)
		}
		if level, busy := p.highest(now); level != c.level || busy != c.busy {
			t.Errorf("%s: %v, busy %v; want %v, %v", name, level, busy, c.level, c.busy)
		}
		heavier := working(0, 0)
		p.look(now, &heavier, &unit{window: minute, output: "9"}, 2)
		if level, _ := p.highest(now); level != 0 {
			t.Errorf("%s: %v with other weights", name, level)
		}
	}
}

// byTokens makes a trigger scale by tokens.
func (w *world) byTokens(name string) {
	w.t.Helper()
	live := &v1alpha1.HTTPScaler{}
	if err := w.client.Get(w.t.Context(), key(name), live); err != nil {
		w.t.Fatal(err)
	}
	live.Spec.Metric = v1alpha1.HTTPScalerMetric{
		Type: v1alpha1.TokenRate, Target: 3500, TokenRate: &v1alpha1.TokenRateMetric{Window: metav1.Duration{Duration: time.Minute}},
	}
	if err := w.client.Update(w.t.Context(), live); err != nil {
		w.t.Fatal(err)
	}
}

// TestTokensAreShown: the status has the work, the highest level of a replica and advice; at rest, and while the load varies by a tenth,
// nothing is written.
func TestTokensAreShown(t *testing.T) {
	w := newWorld(t, "web")
	w.byTokens("web")
	w.ready = 2
	w.readings[key("web")] = working(1000, time.Second)
	w.pass(2 * time.Minute)
	got := w.demand("web").Tokens
	if got == nil || got.Level != 1000 || *got.MaxPerReplica != 500 || got.AdvisedTargetValue != nil {
		t.Fatalf("%+v", got)
	}
	before := len(w.writes)
	for i := range 30 {
		w.readings[key("web")] = working(1000+float64(i%3)*40, time.Second)
		w.pass(period)
	}
	if len(w.writes) != before {
		t.Errorf("%d writes while the load varied by less than a tenth", len(w.writes)-before)
	}
	w.readings[key("web")] = working(4000, 3*time.Second)
	w.pass(2 * period)
	if got := w.demand("web").Tokens; *got.MaxPerReplica != 2000 || *got.AdvisedTargetValue != 1700 {
		t.Errorf("at most %d for a replica, advised %d", *got.MaxPerReplica, *got.AdvisedTargetValue)
	}
	w.readings[key("web")] = demand.Reading{Rate: 4}
	w.pass(2 * period)
	if got := w.demand("web").Tokens; got != nil {
		t.Errorf("unknown work is shown as %+v", got)
	}
	w.readings[key("web")] = working(0, 0)
	w.pass(2 * period)
	before = len(w.writes)
	w.pass(10 * time.Minute)
	if len(w.writes) != before {
		t.Errorf("%d writes at rest", len(w.writes)-before)
	}
}

// TestReplicasNotKnown: without the ready replicas there is no level of one.
func TestReplicasNotKnown(t *testing.T) {
	w := newWorld(t, "web")
	w.byTokens("web")
	w.ready = -1
	w.readings[key("web")] = working(1000, time.Second)
	w.pass(3 * time.Minute)
	if got := w.demand("web").Tokens; got == nil || got.MaxPerReplica != nil {
		t.Errorf("%+v", got)
	}
	delete(w.readings, key("web"))
	w.readings[key("other")] = demand.Reading{}
	w.pass(2 * period)
	if len(w.writer.peaks) != 0 {
		t.Errorf("%d triggers that are not in force are remembered", len(w.writer.peaks))
	}
}
