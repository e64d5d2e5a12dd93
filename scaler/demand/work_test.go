package demand_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/ir"
)

// byTokens scales by tokens, without a reserve, and by the time to the first token.
func byTokens(s *scaler.Scaler) {
	minute := metav1.Duration{Duration: time.Minute}
	s.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.TokenRate, Target: 3500, TokenRate: &v1alpha1.TokenRateMetric{
		Window: minute, OutputTokenWeight: "7", CachedTokenWeight: "0.1", BurstReserve: "0",
		BurstHistory: metav1.Duration{Duration: 10 * time.Minute}, BacklogHorizon: metav1.Duration{Duration: 30 * time.Second},
	}}
	s.Spec.MoreMetrics = []v1alpha1.HTTPScalerMetric{{Type: v1alpha1.TTFT, TTFT: &v1alpha1.TTFTMetric{
		Target: metav1.Duration{Duration: 2 * time.Second}, Quantile: "0.9", Window: minute,
	}}}
}

// model is a proxy in front of a model: requests of 4,000 bytes and 1,000 tokens, of which 400 are cached, with answers of 100 tokens
// in 20,000 bytes, nine of ten of which begin within a second, and the others within three.
type model struct {
	w    *world
	at   *replica
	key  demand.Proxy
	age  int // seconds
	sum  demand.Work
	sent uint64
	// old: it reports no work, as one of an older version.
	old bool
}

func (w *world) model(at *replica) *model {
	return &model{w: w, at: at, key: demand.Proxy{Gateway: gatewayKey, Node: "model"}}
}

// costs is what a second of ten requests costs, in weighted tokens.
const costs = 10 * (600 + 0.1*400 + 7*100)

// second is one with some requests, which are answered.
func (m *model) second(requests uint64) {
	m.w.clock.Step(time.Second)
	m.age++
	m.sent += requests
	m.sum.Sent += 4000 * requests
	m.sum.Received += 20_000 * requests
	m.sum.Answers += requests
	m.sum.Prompt += 1000 * requests
	m.sum.Cached += 400 * requests
	m.sum.Output += 100 * requests
	for i, bound := range ir.FirstTokenBounds {
		switch {
		case bound >= 3000:
			m.sum.First[i] += requests
		case bound >= 1000:
			m.sum.First[i] += requests * 9 / 10
		}
	}
	m.sum.First[len(m.sum.First)-1] += requests
	m.report()
}

func (m *model) report() {
	report := demand.Report{
		Proxy: m.key, Uptime: time.Duration(m.age) * time.Second, Started: m.age <= 2, Time: m.w.clock.Now(), Counts: counts(m.sent, 0, 0),
	}
	if work := m.sum; !m.old {
		report.Work = map[types.NamespacedName]*demand.Work{webKey: &work}
	}
	m.at.Report(report)
	m.w.exchange()
}

func (m *model) run(seconds int, requests uint64) {
	for range seconds {
		m.second(requests)
	}
}

// What requests cost is read at each replica, with the first report already.
func TestTokenRate(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger(byTokens)), w.replica("b", trigger(byTokens))
	m := w.model(a)
	m.run(2, 0)
	for _, r := range w.replicas {
		if reading := r.read(); reading.Value != 0 || reading.Unknown != nil || reading.Active {
			t.Errorf("%s, before any request: %+v", r.name, reading)
		}
	}
	m.run(2, 10)
	if value := b.read().Value; value == 0 {
		t.Error("two seconds after the first request: no work")
	}
	m.run(60, 10)
	for _, r := range w.replicas {
		reading := r.read()
		near(t, "weighted tokens per second at "+r.name, reading.Value, costs, 0.01)
		if reading.Work == nil || reading.Work.Value != reading.Value || !reading.Work.Usage || !reading.Work.Reported {
			t.Errorf("%s: the work is %+v", r.name, reading.Work)
		}
	}
	m.run(65, 0)
	for _, r := range w.replicas {
		if value := r.read().Value; value != 0 {
			t.Errorf("%s, a minute later: %v", r.name, value)
		}
	}
}

// Held requests need replicas though nothing was ever counted.
func TestHeldTokens(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(byTokens))
	r.Hold(webKey, demand.Holding{Held: 40, Arrived: 40})
	reading := r.read()
	near(t, "value", reading.Value, 40*(1000+7*200)/30.0, 0.001)
	if reading.Unknown != nil || !reading.Active || reading.Work.Usage || reading.Work.Reported {
		t.Errorf("%+v", reading)
	}
}

// What requests are in tokens is shown of triggers that scale by them alone.
func TestWorkOfTTFT(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(func(s *scaler.Scaler) {
		byTokens(s)
		s.Spec.Metric, s.Spec.MoreMetrics = s.Spec.MoreMetrics[0], nil
	}))
	w.model(r).run(10, 10)
	if reading := r.read(); reading.Work != nil || reading.Unknown != nil {
		t.Errorf("%+v", reading)
	}
}

// A proxy that counts requests and not their work makes the value unknown, and not zero; the trigger stays active.
func TestWorkUnknown(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(byTokens))
	m := w.model(r)
	m.old = true
	m.run(10, 10)
	reading := r.read()
	for _, err := range []error{reading.Unknown, reading.More[0].Unknown} {
		if err == nil || !strings.Contains(err.Error(), "not their tokens") {
			t.Errorf("%v", err)
		}
	}
	if !reading.Active || reading.Rate == 0 || reading.Work != nil {
		t.Errorf("%+v", reading)
	}
	m.old = false
	m.run(70, 10) // the proxy is replaced, and its counters go on: what it did before is in no second
	near(t, "value", r.read().Value, costs, 0.01)

	silent := w.replica("b", trigger(byTokens))
	if _, err := silent.Read(webKey); err == nil && len(w.replicas) == 1 {
		t.Error("no proxy was heard, and the value is known")
	}
	w.clock.Step(time.Minute)
	if _, err := r.Read(webKey); !errors.Is(err, demand.ErrUnknown) {
		t.Errorf("a minute without a report: %v", err)
	}
}

// A proxy that starts again, and one that moves, cost nothing and count nothing twice.
func TestWorkMoves(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger(byTokens)), w.replica("b", trigger(byTokens))
	m := w.model(a)
	m.run(70, 10)
	a.Gone(m.key)
	m.at = b
	m.run(30, 10)
	for _, r := range w.replicas {
		near(t, "after a move, at "+r.name, r.read().Value, costs, 0.02)
	}
	m.sum, m.sent, m.age = demand.Work{}, 0, 0
	m.run(30, 10)
	for _, r := range w.replicas {
		near(t, "after a start, at "+r.name, r.read().Value, costs, 0.05)
	}
}

// Reports by way of a replica of an older version, which does not tell of work, do not become one second of all that was done meanwhile.
func TestWorkThroughOldReplica(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger(byTokens)), w.replica("b", trigger(byTokens))
	m := w.model(a)
	m.run(70, 10)
	a.Gone(m.key)
	m.at, m.old = b, true // as b would tell if it were older
	m.run(50, 10)
	b.Gone(m.key)
	m.at, m.old = a, false
	m.run(1, 10)
	if value := a.read().Value; value > costs*1.1 {
		t.Errorf("%v weighted tokens per second", value)
	}
	m.run(65, 10)
	near(t, "value", a.read().Value, costs, 0.05)
}

// The time to the first token is a quantile of the last minute; few answers have none, and a slow one is at most two targets.
func TestTTFT(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(byTokens))
	ttft := func() float64 {
		t.Helper()
		more := r.read().More[0]
		if more.Metric != "http-ttft" || more.Unknown != nil {
			t.Fatalf("%+v", more)
		}
		return more.Value
	}
	m := w.model(r)
	m.run(2, 0)
	if got := ttft(); got != 2 {
		t.Errorf("no answers: %v", got)
	}
	m.run(1, 10)
	if got := ttft(); got != 2 {
		t.Errorf("ten answers: %v", got)
	}
	m.run(5, 10)
	near(t, "nine of ten within a second", ttft(), 1, 0.001)
	m.run(70, 0)
	if got := ttft(); got != 2 {
		t.Errorf("none for a minute: %v", got)
	}
	for range 30 { // all of them after more than ten minutes
		m.sum.First[len(m.sum.First)-1] += 10
		m.second(0)
	}
	if got := ttft(); got != 4 {
		t.Errorf("slow answers: %v", got)
	}
}

// No number that a proxy can say leads to a value that is none, or stays.
func TestHostileWork(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(byTokens))
	m := w.model(r)
	m.run(5, 10)
	honest := m.sum
	for _, n := range []uint64{1<<64 - 1, 1 << 63, 0, 1<<64 - 1} {
		m.sum = demand.Work{Sent: n, Received: n, Answers: n, Prompt: n, Cached: n, Output: n}
		for i := range m.sum.First {
			m.sum.First[i] = n - uint64(i)
		}
		m.w.clock.Step(time.Second)
		m.age++
		m.report()
		if value := r.read().Value; !(value >= 0 && value < 1e12) {
			t.Errorf("%d: %v", n, value)
		}
	}
	m.sum = honest
	m.run(200, 1000) // what a token is in bytes is learned from thousands of requests
	near(t, "afterwards", r.read().Value, 100*costs, 0.05)
}

// A trigger that does not scale by work keeps none.
func TestWorkIsNotKept(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	m := w.model(r)
	m.run(70, 10)
	near(t, "rate", r.read().Value, 10, 0.01)
	r.catalog.Set(webKey, trigger(byTokens))
	m.run(70, 10)
	near(t, "value", r.read().Value, costs, 0.01)
}
