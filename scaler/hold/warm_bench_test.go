package hold_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

// warmRoute is a route with a ready Pod, and what its requests took.
type warmRoute struct {
	name   string
	client *client
	envoy  *envoytest.Envoy
	took   []time.Duration
	rates  []float64
	cpu    []float64 // of the proxy for a request, in microseconds
}

// What a hold costs a route whose Pod is ready: the same request by turns to a route without a hold, as those of
// triggers with minReplicaCount 1 were, to one that is disarmed, and to one that is armed.
func BenchmarkWarmRoute(b *testing.B) {
	envoytest.Binary(b)
	busy := func(types.NamespacedName) (time.Time, bool) { return time.Now(), true }
	pod := newPod(b, &sync.Map{})
	routes := []*warmRoute{
		warmSite(b, "unheld", pod, hold.Options{}, true),
		warmSite(b, "disarmed", pod, hold.Options{LastArrival: busy}, false),
		warmSite(b, "armed", pod, hold.Options{Timing: hold.Timing{DisarmAnswers: 1 << 30, DisarmAfter: time.Hour}}, false),
	}
	for b.Loop() {
		for _, r := range routes {
			got := r.client.post("x", "hello")
			if got.status != 200 {
				b.Fatalf("%s: %s", r.name, got)
			}
			r.took = append(r.took, got.took)
		}
	}
	b.StopTimer()
	for range 5 {
		for _, r := range routes {
			rate, cpu := r.load(b, 16, 2*time.Second)
			r.rates, r.cpu = append(r.rates, rate), append(r.cpu, cpu)
		}
	}
	for _, r := range routes {
		slices.Sort(r.took)
		slices.Sort(r.rates)
		slices.Sort(r.cpu)
		b.ReportMetric(float64(r.took[len(r.took)/2].Nanoseconds())/1000, r.name+"-p50-us")
		b.ReportMetric(float64(r.took[len(r.took)*99/100].Nanoseconds())/1000, r.name+"-p99-us")
		b.ReportMetric(r.rates[len(r.rates)/2], r.name+"-req/s")
		b.ReportMetric(r.cpu[len(r.cpu)/2], r.name+"-cpu-us/req")
	}
}

// warmSite is a route in an Envoy of its own, with one pod.
func warmSite(b *testing.B, name string, pod *pod, options hold.Options, unheld bool) *warmRoute {
	p, s := newPlane(b, options), newSite(b, service())
	s.unheld = unheld
	r := &warmRoute{name: name, envoy: s.start(p, pod), client: newClient(b, s.port)}
	gomega.NewWithT(b).Eventually(func() bool {
		return r.client.post("x", "hello").status == 200 && (name == "unheld" || p.gate.Dump(gatewayKey).Backends[0].Armed == (name == "armed"))
	}).WithTimeout(20*time.Second).Should(gomega.BeTrue(), name)
	gomega.NewWithT(b).Eventually(func() bool { return p.publisher.Delivery(ir.Key(gatewayKey)).Synced }).Should(gomega.BeTrue())
	return r
}

// load sends requests over some connections for a while, and returns how many per second were answered, and what each
// cost the proxy.
func (r *warmRoute) load(b *testing.B, connections int, span time.Duration) (rate, cpu float64) {
	var count atomic.Int64
	var running sync.WaitGroup
	begun, used := time.Now(), cpuTime(b, r.envoy.PID())
	for range connections {
		running.Go(func() {
			for time.Since(begun) < span {
				if got := r.client.post("x", "hello"); got.status != 200 {
					b.Errorf("%s: %s", r.name, got)
					return
				}
				count.Add(1)
			}
		})
	}
	running.Wait()
	used = cpuTime(b, r.envoy.PID()) - used
	return float64(count.Load()) / time.Since(begun).Seconds(), float64(used.Microseconds()) / float64(count.Load())
}

// cpuTime is the processor time of a process. The kernel counts it in hundredths of a second.
func cpuTime(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
