package demand_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	windows "github.com/kedify/inference-gateway/scaler/demand/window"
)

// queueDepth is a third metric: this type, and one row of a table. What pods have queued is
// from a source of its own; held requests are queued as well.
type queueDepth struct {
	queued map[types.NamespacedName]float64
}

const queueDepthType v1alpha1.MetricType = "queueDepth"

var errNotScraped = errors.New("no pod was scraped")

func (q queueDepth) of(v1alpha1.HTTPScalerMetric) metric.Metric { return q }

func (queueDepth) Name() string { return "queue-depth" }

func (q queueDepth) Value(t windows.Traffic) (float64, error) {
	queued, scraped := q.queued[t.Key]
	if !scraped {
		return 0, fmt.Errorf("%s: %w", t.Key, errNotScraped)
	}
	return queued + float64(t.Held), nil
}

// Exceeds never depends on a scrape.
func (queueDepth) Exceeds(t windows.Traffic, target float64) bool {
	return float64(t.InFlight) > target
}

func (q queueDepth) trigger(options ...func(*scaler.Scaler)) *scaler.Scaler {
	return trigger(append(options, func(s *scaler.Scaler) { s.Spec.Metric.Type = queueDepthType })...)
}

// table has all metrics and this one.
func (q queueDepth) table() metric.Table { return metric.All.With(queueDepthType, q.of) }

// A metric is a type of the interface and a row of the table: its value is read, what it does
// not know is unknown and not zero, and activity follows its own rule.
func TestThirdMetric(t *testing.T) {
	depth := queueDepth{queued: map[types.NamespacedName]float64{}}
	w := newWorld(t)
	catalog := scaler.NewCatalog()
	r := &replica{t: t, name: "a", catalog: catalog,
		Registry: demand.New(demand.Options{Clock: w.clock, Catalog: catalog, Metrics: depth.table()})}
	catalog.Set(webKey, depth.trigger(activation(5)))
	rate := named("rate-0")
	catalog.Set(rate.key(), trigger(rate.option))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate, p.active = constant(50), inFlight(3)
	w.run(5 * time.Second)

	reading := r.read()
	if !errors.Is(reading.Unknown, errNotScraped) || reading.Value != 0 || reading.InFlight != 3 || reading.Active {
		t.Errorf("before a scrape: %+v", reading)
	}
	if d := r.Dump(webKey); d.Unknown != "shop/web-0: no pod was scraped" || d.Metric != "queueDepth" {
		t.Errorf("before a scrape: %+v", d)
	}
	p.active = inFlight(6)
	w.run(time.Second)
	if reading := r.read(); !reading.Active || reading.Unknown == nil {
		t.Errorf("above the target, before a scrape: %+v", reading)
	}
	depth.queued[webKey] = 7
	r.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	if reading := r.read(); reading.Value != 9 || reading.Unknown != nil || reading.InFlight != 8 {
		t.Errorf("after a scrape: %+v", reading)
	}
	if d := r.Dump(webKey); d.Value != 9 || d.Unknown != "" {
		t.Errorf("after a scrape: %+v", d)
	}
	if reading, err := r.Read(rate.key()); err != nil || reading.Unknown != nil || reading.Value != reading.Rate {
		t.Errorf("another metric: %+v, %v", reading, err)
	}
}

// The value of a reading is that of the trigger's metric.
func TestValue(t *testing.T) {
	w := newWorld(t)
	load, peak := named("load-0"), named("peak-0")
	r := w.replica("a", trigger(), trigger(load.option, concurrency("")), trigger(peak.option, concurrency("peak")))
	report := func(requests, active uint64) {
		c := demand.Counts{Requests: requests, Active: active}
		w.clock.Step(time.Second)
		r.Report(demand.Report{
			Proxy: demand.Proxy{Gateway: gatewayKey, Node: "p"}, Started: requests == 0,
			Counts: map[types.NamespacedName]demand.Counts{webKey: c, load.key(): c, peak.key(): c},
		})
	}
	for i := range uint64(10) {
		report(20*i, 4)
	}
	report(200, 10)
	for key, want := range map[types.NamespacedName]func(demand.Reading) float64{
		webKey:     func(r demand.Reading) float64 { return r.Rate },
		load.key(): func(r demand.Reading) float64 { return r.Concurrency },
		peak.key(): func(r demand.Reading) float64 { return r.Concurrency },
	} {
		if reading, err := r.Read(key); err != nil || reading.Value == 0 || reading.Value != want(reading) {
			t.Errorf("%s: %+v, %v", key, reading, err)
		}
	}
}
