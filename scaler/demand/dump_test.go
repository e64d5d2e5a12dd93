package demand_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// The dump shows what each proxy counted, which proxy is silent, and why nothing is known.
func TestDump(t *testing.T) {
	w := newWorld(t)
	blind := named("blind-0")
	a, b := w.replica("a", trigger(), trigger(blind.option, gateways(types.NamespacedName{Namespace: "shop", Name: "other"}))),
		w.replica("b", trigger())
	one, two := w.proxy("one", a, 0, 100*time.Millisecond), w.proxy("two", b, 0, 600*time.Millisecond)
	one.rate, two.rate = constant(30), constant(70)
	one.active, two.active, two.retries = inFlight(3), inFlight(4), inFlight(9)
	a.Hold(webKey, demand.Holding{Held: 2, Arrived: 5})
	w.run(30 * time.Second)
	two.at = nil
	b.Gone(two.key)
	w.run(time.Second)
	d := a.Dump(webKey)
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if d.Key != "shop/web-0" || d.Unknown != "" || d.Metric != "requestRate" || d.Held != 2 || d.HeldBy[""] != 2 ||
		d.InFlight != 9 || !d.Active || d.Requests < 2800 || d.Rate < 60 || d.LastArrival == "" || len(d.Proxies) != 2 {
		t.Errorf("%s", text)
	}
	p, q := d.Proxies[0], d.Proxies[1]
	if p.Node != "one" || !p.Heard || p.Replica != "" || p.InFlight != 3 || p.Gateway != "shop/kedify-proxy" || p.Requests < 900 ||
		q.Node != "two" || q.Heard || q.Replica != "b" || q.Retries != 9 || q.Age == "" {
		t.Errorf("%s", text)
	}
	if d := a.Dump(blind.key()); !strings.Contains(d.Unknown, "no proxy has reported") {
		t.Errorf("%+v", d)
	}
	if d := a.Dump(named("nobody").key()); d.Unknown == "" {
		t.Errorf("%+v", d)
	}
	if keys := a.Keys(); len(keys) != 2 || keys[0] != blind.key() {
		t.Errorf("keys %v", keys)
	}
	queues := a.Queues()
	if q, known := queues["shop/web-0"]; len(queues) != 1 || !known || q.RPS != d.Rate || q.Concurrency != d.Concurrency {
		t.Errorf("queues %v", queues)
	}
}

// One pass shows what one key after another does: the triggers in force, sorted, with the proxies
// that counted for them, sorted.
func TestDumpAll(t *testing.T) {
	w := newWorld(t)
	other := named("another-0")
	a, b := w.replica("a", trigger(), trigger(other.option)), w.replica("b", trigger())
	for i, node := range []string{"two", "one", "three"} {
		p := w.proxy(node, w.replicas[i%2], 0, time.Duration(100+200*i)*time.Millisecond)
		p.rate = constant(float64(10 * (i + 1)))
	}
	gone := named("gone-0")
	a.Report(demand.Report{
		Proxy: demand.Proxy{Gateway: gatewayKey, Node: "four"}, Started: true,
		Counts: map[types.NamespacedName]demand.Counts{other.key(): {Requests: 7}, gone.key(): {Requests: 1}},
	})
	b.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	w.run(10 * time.Second)
	all := a.DumpAll()
	if len(all) != 2 || all[0].Key != "shop/another-0" || all[1].Key != "shop/web-0" ||
		len(all[0].Proxies) != 1 || all[0].Proxies[0].Requests != 7 {
		t.Fatalf("%+v", all)
	}
	web := all[1]
	if len(web.Proxies) != 3 || web.Proxies[0].Node != "one" || web.Proxies[2].Node != "two" || web.Proxies[0].Replica != "b" ||
		web.HeldBy["b"] != 2 || web.Value != web.Rate || web.Rate < 55 {
		t.Errorf("%+v", web)
	}
	for _, d := range all {
		namespace, name, _ := strings.Cut(d.Key, "/")
		if single := a.Dump(types.NamespacedName{Namespace: namespace, Name: name}); !reflect.DeepEqual(single, d) {
			t.Errorf("alone %+v, in one pass %+v", single, d)
		}
	}
	for _, p := range w.proxies {
		p.at = nil
	}
	w.run(5 * time.Second)
	b.Hold(webKey, demand.Holding{Arrived: 2})
	w.exchange()
	if d := a.DumpAll()[1]; !d.LastGood || d.Unknown != "" || d.Rate < 55 || d.LastArrival == "" {
		t.Errorf("the last good numbers: %+v", d)
	}
}

// The requests in flight of a proxy that is gone are not shown.
func TestDumpAfterProxyIsGone(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	one, two := w.proxy("one", r, 0, 100*time.Millisecond), w.proxy("two", r, 0, 600*time.Millisecond)
	one.active, two.active = inFlight(3), inFlight(4)
	w.run(10 * time.Second)
	one.at = nil
	r.Gone(one.key)
	w.run(3 * time.Second)
	if d := r.DumpAll(); d[0].InFlight != 4 {
		t.Errorf("%+v", d)
	}
}

// What is not known is a number of its own.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger(), trigger(named("blind-0").option, gateways()), trigger(named("blind-1").option, gateways()))
	b := w.replica("b", trigger())
	one := w.proxy("one", a, 0, 100*time.Millisecond)
	two := w.proxy("two", a, 0, 200*time.Millisecond)
	one.rate = constant(10)
	a.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	w.run(10 * time.Second)
	two.at = nil
	a.Gone(two.key)
	three := w.proxy("three", b, 0, 100*time.Millisecond)
	w.run(10 * time.Second)
	three.at = nil
	a.Report(demand.Report{Proxy: three.key, Time: start.Add(15 * time.Second)})
	registry := prometheus.NewRegistry()
	if err := a.Register(registry); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "kedify_gateway_demand_")
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"proxies true": 2, "proxies false": 1, "keys true": 1, "keys false": 2, "held_requests": 2,
		"reports_total proxy": 30, "reports_total replica": 10, "stale_reports_total": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
}
