package translate_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// pickerLimits are the ways to ask a picker that are measured side by side.
var pickerLimits = []struct {
	name  string
	limit time.Duration
}{{"direct", 0}, {"relayed", time.Second}}

// BenchmarkPickers prints the processor time of a request of 1 KiB to a pool, the median of one number for each iteration: of Envoy, and of
// this process, which is client, picker, application, and relay. One iteration is 300 requests each, in turn.
func BenchmarkPickers(b *testing.B) {
	proxy := proxytest.Start(b)
	set := &resource.Change{}
	add := func(r resource.Resource, err error) {
		if err != nil {
			b.Fatal(err)
		}
		set.Upsert = append(set.Upsert, r)
	}
	port := proxytest.Port(b)
	chain := strconv.Itoa(port)
	add(translate.Listener(ir.Listener{Port: uint32(port), Transport: ir.TCP, Chains: []ir.Chain{{ID: chain, Log: &ir.AccessLog{Off: true}}}}))
	pool := ir.ClusterKey{Kind: ir.BackendPool, Namespace: "test", Name: "pool"}
	picker := proxytest.StartPicker(b, "one")
	pod := costServer(b)
	picker.Pick(pod)
	add(translate.Cluster(ir.Cluster{Key: pool, Protocol: ir.HTTP1, Pool: &ir.Pool{}}))
	add(translate.Endpoints(ir.Endpoints{Key: pool, Addresses: []ir.Endpoint{endpointOf(b, pod)}}))
	key := ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "test", Name: "epp", Port: 9002}
	add(translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP2, TLS: &ir.UpstreamTLS{Insecure: true}}))
	add(translate.Endpoints(ir.Endpoints{Key: key, Addresses: []ir.Endpoint{endpointOf(b, picker.Address)}}))
	var routes []ir.Route
	for _, c := range pickerLimits {
		asked := &ir.Picker{Cluster: key, Timeout: c.limit}
		if c.limit > 0 {
			add(translate.Cluster(ir.Cluster{Key: asked.AskedBy(), Protocol: ir.HTTP2}))
		}
		routes = append(routes, route(c.name, prefix("/"+c.name), &ir.Forward{Targets: []ir.Target{{Cluster: pool, Weight: 1, Picker: asked}}}))
	}
	scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "cost.test", Routes: routes})
	if err != nil {
		b.Fatal(err)
	}
	set.Upsert = append(set.Upsert, scope, table)
	proxy.Apply(*set)
	awaitPort(b, port)
	time.Sleep(time.Second)

	body := strings.Repeat("x", 1<<10)
	post := func(path string) {
		request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+chain+"/"+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		request.Host = "cost.test"
		response, err := client.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			b.Fatal(path, response.Status)
		}
	}
	envoy, own, took := make([][]float64, 2), make([][]float64, 2), make([][]float64, 2)
	round := func(requests int, note bool) {
		for i, c := range pickerLimits {
			before, self, begun := childrenCPU(b), selfCPU(b), time.Now()
			for range requests {
				post(c.name)
			}
			if note {
				n := float64(requests)
				envoy[i] = append(envoy[i], float64((childrenCPU(b)-before).Microseconds())/n)
				own[i] = append(own[i], float64((selfCPU(b)-self).Microseconds())/n)
				took[i] = append(took[i], float64(time.Since(begun).Microseconds())/n)
			}
		}
	}
	round(50, false)
	for b.Loop() {
		round(300, true)
	}
	for i, c := range pickerLimits {
		for name, numbers := range map[string][]float64{"envoy-cpu-µs/": envoy[i], "own-cpu-µs/": own[i], "µs/": took[i]} {
			slices.Sort(numbers)
			b.ReportMetric(numbers[len(numbers)/2], name+c.name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// selfCPU is the processor time of this process.
func selfCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
