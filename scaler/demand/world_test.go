package demand_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	exchanged "github.com/kedify/inference-gateway/scaler/demand/replica"
)

var (
	webKey     = types.NamespacedName{Namespace: "shop", Name: "web-0"}
	gatewayKey = types.NamespacedName{Namespace: "shop", Name: "kedify-proxy"}
)

// start is the time of all clocks; that of replicas and proxies are moved from it.
var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// trigger is a Scaler to be changed by options.
func trigger(options ...func(*scaler.Scaler)) *scaler.Scaler {
	s := &scaler.Scaler{Key: webKey, Gateways: []types.NamespacedName{gatewayKey}}
	s.Spec.Metric = v1alpha1.HTTPScalerMetric{
		Type: v1alpha1.RequestRate, Target: 10,
		RequestRate: &v1alpha1.RequestRateMetric{
			Window: metav1.Duration{Duration: time.Minute}, Granularity: metav1.Duration{Duration: time.Second},
		},
	}
	s.Spec.Scale.PollingSeconds = 30
	for _, option := range options {
		option(s)
	}
	return s
}

func window(window, granularity time.Duration) func(*scaler.Scaler) {
	return func(s *scaler.Scaler) {
		s.Spec.Metric.RequestRate = &v1alpha1.RequestRateMetric{
			Window: metav1.Duration{Duration: window}, Granularity: metav1.Duration{Duration: granularity},
		}
	}
}

func concurrency(aggregation v1alpha1.Aggregation) func(*scaler.Scaler) {
	return func(s *scaler.Scaler) {
		s.Spec.Metric.Type, s.Spec.Metric.Concurrency = v1alpha1.Concurrency, &v1alpha1.ConcurrencyMetric{Aggregation: aggregation}
	}
}

func activation(target int64) func(*scaler.Scaler) {
	return func(s *scaler.Scaler) { s.Spec.Metric.ActivationTarget = target }
}

func gateways(keys ...types.NamespacedName) func(*scaler.Scaler) {
	return func(s *scaler.Scaler) { s.Gateways = keys }
}

// replica is a registry with its catalog.
type replica struct {
	*demand.Registry
	t       testing.TB
	name    string
	catalog *scaler.Catalog
	follows map[*replica]*exchanged.Follower
}

// world is replicas and proxies on one fake clock.
type world struct {
	t        testing.TB
	clock    *clocktesting.FakeClock
	replicas []*replica
	proxies  []*proxy
	// every are called after each step.
	every []func()
}

func newWorld(t testing.TB) *world { return &world{t: t, clock: clocktesting.NewFakeClock(start)} }

// replica adds one that has the triggers in force, and is followed by and follows all others.
func (w *world) replica(name string, triggers ...*scaler.Scaler) *replica {
	catalog := scaler.NewCatalog()
	r := &replica{
		t: w.t, name: name, catalog: catalog, follows: map[*replica]*exchanged.Follower{},
		Registry: demand.New(demand.Options{Clock: w.clock, Catalog: catalog}),
	}
	for _, s := range triggers {
		catalog.Set(s.Key, s)
	}
	for _, other := range w.replicas {
		w.connect(r, other)
		w.connect(other, r)
	}
	w.replicas = append(w.replicas, r)
	return r
}

// connect has to follow from.
func (w *world) connect(to, from *replica) { to.follows[from] = from.Follow() }

// exchange hands over what is due between replicas, over the wire.
func (w *world) exchange() {
	for _, to := range w.replicas {
		w.hear(to)
	}
}

// hear hands one replica what is due to it.
func (w *world) hear(to *replica) {
	for _, from := range w.replicas { // not the map: a seed must say what happens
		follower := to.follows[from]
		if follower == nil {
			continue
		}
		select {
		case <-follower.Wake():
			to.Merge(from.name, wired(w.t, follower.Take()))
		default:
		}
	}
}

func wired(t testing.TB, delta exchanged.Delta) exchanged.Delta {
	return unmarshalled(t, marshalled(t, delta))
}

func marshalled(t testing.TB, delta exchanged.Delta) []byte {
	text, err := json.Marshal(delta)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func unmarshalled(t testing.TB, text []byte) (delta exchanged.Delta) {
	if err := json.Unmarshal(text, &delta); err != nil {
		t.Fatal(err)
	}
	return delta
}

// dies ends a replica: the replicas that followed it have lost it.
func (w *world) dies(gone *replica) {
	kept := w.replicas[:0]
	for _, r := range w.replicas {
		if r == gone {
			continue
		}
		kept = append(kept, r)
		if follower := r.follows[gone]; follower != nil {
			follower.Leave()
			delete(r.follows, gone)
			r.Lost(gone.name)
		}
	}
	for _, follower := range gone.follows {
		follower.Leave()
	}
	w.replicas = kept
	for _, p := range w.proxies {
		if p.at == gone {
			p.at = nil
		}
	}
}

// proxy is an Envoy with a steady or changing load.
type proxy struct {
	w    *world
	key  demand.Proxy
	at   *replica // that it reports to
	born time.Time
	next time.Time // flush
	skew time.Duration
	// rate is requests per second and active the requests in flight, by time since start.
	rate    func(since time.Duration) float64
	active  func(since time.Duration) uint64
	retries func(since time.Duration) uint64
	waiting uint64  // retries that wait for their back-off
	sent    float64 // since born
	total   float64 // since the test began
}

func constant(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

func inFlight(n uint64) func(time.Duration) uint64 { return func(time.Duration) uint64 { return n } }

// proxy adds one that was born some time ago and flushes at an offset within the second.
func (w *world) proxy(node string, at *replica, age, offset time.Duration) *proxy {
	now := w.clock.Now()
	p := &proxy{
		w: w, key: demand.Proxy{Gateway: gatewayKey, Node: node}, at: at, born: now.Add(-age), next: now.Add(offset),
		rate: constant(0), active: inFlight(0), retries: inFlight(0),
	}
	w.proxies = append(w.proxies, p)
	return p
}

func (p *proxy) flush() {
	now := p.w.clock.Now()
	p.next = now.Add(time.Second)
	if p.at == nil {
		return
	}
	uptime := now.Sub(p.born).Truncate(time.Second)
	counts := map[types.NamespacedName]demand.Counts{}
	since := now.Sub(start)
	c := (demand.Counts{Requests: uint64(p.sent) + p.retries(since) - p.waiting, Retries: p.retries(since), Active: p.active(since)})
	if c != (demand.Counts{}) {
		counts[webKey] = c
	}
	p.at.Report(demand.Report{
		Proxy: p.key, Uptime: uptime, Started: uptime <= 2*time.Second, Time: now.Add(p.skew), Counts: counts,
	})
}

// restart begins the process anew.
func (p *proxy) restart() { p.born, p.sent = p.w.clock.Now(), 0 }

// run lets time pass, in steps of 50 ms.
func (w *world) run(d time.Duration) {
	const tick = 50 * time.Millisecond
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		w.clock.Step(tick)
		now := w.clock.Now()
		for _, p := range w.proxies {
			n := p.rate(now.Sub(start)) * tick.Seconds()
			p.sent += n
			p.total += n
			if !now.Before(p.next) {
				p.flush()
			}
		}
		w.exchange()
		for _, f := range w.every {
			f()
		}
	}
}

func (r *replica) read() demand.Reading {
	r.t.Helper()
	reading, err := r.Read(webKey)
	if err != nil {
		r.t.Fatalf("replica %s: %v", r.name, err)
	}
	return reading
}

// near fails unless got is within the fraction of want.
func near(t testing.TB, what string, got, want, fraction float64) {
	t.Helper()
	if math.Abs(got-want) > fraction*math.Abs(want)+1e-9 {
		t.Errorf("%s is %.4f, not %.4f within %.1f%%", what, got, want, 100*fraction)
	}
}

// named gives a trigger another name.
type named string

func (n named) key() types.NamespacedName {
	return types.NamespacedName{Namespace: webKey.Namespace, Name: string(n)}
}

func (n named) option(s *scaler.Scaler) { s.Key = n.key() }

// counts are those of the web trigger.
func counts(requests, retries, active uint64) map[types.NamespacedName]demand.Counts {
	return map[types.NamespacedName]demand.Counts{webKey: {Requests: requests, Retries: retries, Active: active}}
}
