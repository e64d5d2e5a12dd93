package translate_test

import (
	"slices"
	"strconv"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// tracingCosts are ways to trace that are measured side by side.
var tracingCosts = []struct {
	name    string
	tracing *ir.Tracing
}{
	{"off", nil},
	{"1%", &ir.Tracing{Sampling: ir.Million / 100}},
	{"10%", &ir.Tracing{Sampling: ir.Million / 10}},
	{"100%", &ir.Tracing{Sampling: ir.Million}},
	{"half-of-parents", &ir.Tracing{Sampling: ir.Million / 100, Parent: ptr.To[uint32](ir.Million / 2)}},
}

// BenchmarkTracing prints the processor time of Envoy for a request with a traceparent, the median of one number for each iteration:
// without
// tracing and with it, at listeners of one proxy that are asked in turn. One iteration is 300 requests to each.
func BenchmarkTracing(b *testing.B) {
	proxy := proxytest.Start(b)
	set := &resource.Change{}
	collector := costCluster(b, set, "collector", ir.RouteTraces, proxytest.StartCollector(b).Address)
	backend := costCluster(b, set, "application", ir.RouteHTTP, costServer(b))
	ports := make([]int, len(tracingCosts))
	for i, c := range tracingCosts {
		ports[i] = proxytest.Port(b)
		chain := ir.Chain{ID: strconv.Itoa(ports[i]), Log: &ir.AccessLog{Off: true}}
		if c.tracing != nil {
			tracing := *c.tracing
			tracing.Collector, tracing.ServiceName, chain.Tracing = collector, "web", &tracing
		}
		listener, err := translate.Listener(ir.Listener{Port: uint32(ports[i]), Transport: ir.TCP, Chains: []ir.Chain{chain}})
		scope, table, err2 := translate.Host(ir.Host{
			Chain: chain.ID, Hostname: "cost.test", Routes: []ir.Route{route("a", prefix("/"), to(backend))},
		})
		if err != nil || err2 != nil {
			b.Fatal(err, err2)
		}
		set.Upsert = append(set.Upsert, listener, scope, table)
	}
	proxy.Apply(*set)
	headers := parentOf(true)
	costs := make([][]float64, len(ports))
	round := func(requests int, note func(i int, perRequest float64)) {
		for i, port := range ports {
			before := childrenCPU(b)
			for range requests {
				costAsk(b, port, "cost.test", "/", headers)
			}
			note(i, float64((childrenCPU(b)-before).Microseconds())/float64(requests))
		}
	}
	for _, port := range ports {
		awaitPort(b, port)
	}
	round(50, func(int, float64) {})
	for b.Loop() {
		round(300, func(i int, perRequest float64) { costs[i] = append(costs[i], perRequest) })
	}
	for i, c := range tracingCosts {
		slices.Sort(costs[i])
		b.ReportMetric(costs[i][len(costs[i])/2], "cpu-µs/"+c.name)
	}
	b.ReportMetric(0, "ns/op")
}
