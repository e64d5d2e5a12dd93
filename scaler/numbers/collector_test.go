package numbers_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/window"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/numbers"
)

func trigger(namespace, scaledObject, name string) *scaler.Scaler {
	s := &scaler.Scaler{Key: types.NamespacedName{Namespace: namespace, Name: scaledObject + "-" + name}}
	s.Spec.ScaledObject, s.Spec.Trigger = scaledObject, name
	s.Spec.Hosts = []string{"secret-host.example.com"}
	return s
}

// replica is the collector of one replica with what it would read.
func replica(leads bool, ended hold.Ended, shares ...demand.Share) numbers.Collector {
	return numbers.New(numbers.Options{
		Shares: func() []demand.Share { return shares },
		Ended:  func(types.NamespacedName) hold.Ended { return ended },
		Leads:  func() bool { return leads },
	})
}

// series returns the values by "name{label values}".
func series(t *testing.T, collector prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(collector); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var values []string
			for _, label := range metric.GetLabel() {
				values = append(values, label.GetValue())
			}
			name := strings.TrimPrefix(family.GetName(), "kedify_gateway_trigger_") + "{" + strings.Join(values, ",") + "}"
			all[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return all
}

// The leader exports eight series of a trigger at most, labelled with names of objects; another replica its share alone.
func TestSeries(t *testing.T) {
	web := trigger("shop", "web", "0")
	ended := hold.Ended{Released: 4, Waited: 6 * time.Second, Failed: 2}
	share := demand.Share{Scaler: web, Requests: 90, InFlight: 3, Reported: true, Held: 2, Known: true, Active: true}
	want := map[string]float64{
		"requests_total{shop,web,0}": 90, "concurrency{shop,web,0}": 5, "held_requests{shop,web,0}": 2, "hold_seconds_total{shop,web,0}": 6,
		"hold_answers_total{released,shop,web,0}": 4, "hold_answers_total{failed,shop,web,0}": 2,
	}
	compare(t, "a follower", series(t, replica(false, ended, share)), want)
	want["active{shop,web,0}"], want["known{shop,web,0}"] = 1, 1
	leader := series(t, replica(true, ended, share))
	compare(t, "the leader", leader, want)
	if len(leader) > numbers.PerTrigger {
		t.Errorf("%d series of one trigger", len(leader))
	}
}

// A trigger that scales by work has three series more.
func TestSeriesOfWork(t *testing.T) {
	share := demand.Share{
		Scaler: trigger("shop", "llama", "0"), Known: true, Work: true, Tokens: window.Tokens{Answers: 1, Prompt: 100, Cached: 30, Output: 20},
	}
	got := series(t, replica(true, hold.Ended{}, share))
	for name, want := range map[string]float64{
		"tokens_total{prompt,shop,llama,0}": 100, "tokens_total{cached,shop,llama,0}": 30, "tokens_total{output,shop,llama,0}": 20,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
	if len(got) > numbers.PerTrigger+numbers.PerWork {
		t.Errorf("%d series of one trigger", len(got))
	}
}

// What is not known is absent, or known 0, and never a zero of its own.
func TestUnknownIsNotZero(t *testing.T) {
	web := trigger("shop", "web", "0")
	for name, c := range map[string]struct {
		share  demand.Share
		absent []string
		want   map[string]float64
	}{
		"no proxy anywhere": {demand.Share{Scaler: web}, []string{"concurrency", "active"}, map[string]float64{"known": 0}},
		"proxies report to another replica": {demand.Share{Scaler: web, Known: true}, []string{"concurrency"},
			map[string]float64{"known": 1, "active": 0}},
		"held, and no proxy reports": {demand.Share{Scaler: web, Known: true, Active: true, Held: 3}, nil,
			map[string]float64{"known": 1, "active": 1, "concurrency": 3}},
		"at rest": {demand.Share{Scaler: web, Known: true, Reported: true}, nil, map[string]float64{"known": 1, "active": 0, "concurrency": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got := series(t, replica(true, hold.Ended{}, c.share))
			for _, family := range c.absent {
				if value, ok := got[family+"{shop,web,0}"]; ok {
					t.Errorf("%s is %v", family, value)
				}
			}
			for family, want := range c.want {
				if value, ok := got[family+"{shop,web,0}"]; !ok || value != want {
					t.Errorf("%s is %v (%v), not %v", family, value, ok, want)
				}
			}
		})
	}
}

// Triggers that a tenant made up do not fail the scrape of all.
func TestHostileTriggers(t *testing.T) {
	twin := trigger("shop", "web", "0")
	twin.Key.Name = "another"
	long := trigger("shop", "web", strings.Repeat("x", 100_000))
	long.Key.Name = "long-1"
	broken := trigger("shop", "web", "\xff\xfe")
	broken.Key.Name = "broken-1"
	got := series(t, replica(false, hold.Ended{}, demand.Share{Scaler: trigger("shop", "web", "0"), Requests: 1},
		demand.Share{Scaler: twin, Requests: 2}, demand.Share{Scaler: long, Requests: 3}, demand.Share{Scaler: broken, Requests: 4}))
	for name, want := range map[string]float64{
		"requests_total{shop,web,0}": 1, "requests_total{shop,web,long-1}": 3, "requests_total{shop,web,broken-1}": 4,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
}

func compare(t *testing.T, what string, got, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if found, ok := got[name]; !ok || math.Abs(found-value) > 1e-9 {
			t.Errorf("%s: %s is %v (%v), not %v", what, name, found, ok, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %v", what, got)
	}
}
