package demand_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand"
	exchanged "github.com/kedify/inference-gateway/scaler/demand/replica"
)

// FuzzMerge has a registry hear anything that is JSON: it must go on counting what it hears
// itself, and say no number that is none.
func FuzzMerge(f *testing.F) {
	w := newWorld(f)
	a := w.replica("a", trigger())
	p := w.proxy("p", a, time.Hour, 100*time.Millisecond)
	p.rate, p.active, p.sent = constant(20), inFlight(2), 1e6
	a.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	w.run(10 * time.Second)
	all := a.Follow()
	f.Add(marshalled(f, all.Take()))
	w.run(time.Second)
	f.Add(marshalled(f, all.Take()))
	all.Leave()
	f.Add([]byte(`{"past":{"gateways":[{"gateway":{"Namespace":"shop","Name":"kedify-proxy"},"watched":-1}],` +
		`"keys":[{"key":{"Namespace":"shop","Name":"web-0"},"rates":[{"gateway":{"Namespace":"shop","Name":"kedify-proxy"},` +
		`"first":9223372036854775807,"width":1,"end":-86400000,"requests":[1e300,1e308,1e308]}]}]}}`))
	f.Add([]byte(`{"all":true,"holding":[{"key":{"Namespace":"shop","Name":"web-0"},"held":-5,"last":-5}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		delta := exchanged.Delta{}
		if json.Unmarshal(text, &delta) != nil {
			return
		}
		w := newWorld(t)
		b := w.replica("b", trigger())
		b.Merge("a", delta)
		ours := demand.Proxy{Gateway: gatewayKey, Node: "ours"}
		for i := range 20 {
			w.clock.Step(time.Second)
			b.Report(demand.Report{Proxy: ours, Uptime: time.Duration(i+1) * time.Second, Started: i < 2,
				Counts: map[types.NamespacedName]demand.Counts{webKey: {Requests: uint64(20 * (i + 1)), Active: 1}}})
			b.Tidy()
		}
		reading, err := b.Read(webKey)
		if err != nil && reading.Held > 0 {
			t.Errorf("unknown while something is held: %v", err)
		}
		for _, n := range []float64{reading.Rate, reading.Concurrency} {
			if math.IsNaN(n) || math.IsInf(n, 0) || n < -1e-6 {
				t.Fatalf("%+v", reading)
			}
		}
		if err == nil && (reading.InFlight == 0 || reading.Held < 0) {
			t.Errorf("%+v", reading)
		}
		if _, err := json.Marshal(b.Dump(webKey)); err != nil {
			t.Error(err)
		}
	})
}
