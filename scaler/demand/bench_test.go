package demand_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

const benchKeys, benchProxies = 5000, 10

// crowd is a registry with many triggers and proxies.
type crowd struct {
	*demand.Registry
	clock   *clocktesting.FakeClock
	catalog *scaler.Catalog
	keys    []types.NamespacedName
	reports []demand.Report
	began   time.Time
}

func newCrowd(b testing.TB) *crowd {
	catalog := scaler.NewCatalog()
	c := &crowd{clock: clocktesting.NewFakeClock(start), catalog: catalog, began: start}
	c.Registry = demand.New(demand.Options{Clock: c.clock, Catalog: catalog})
	for i := range benchKeys {
		key := types.NamespacedName{Namespace: fmt.Sprintf("namespace-%d", i%50), Name: fmt.Sprintf("application-%d-0", i)}
		c.keys = append(c.keys, key)
		s := trigger()
		s.Key = key
		catalog.Set(key, s)
	}
	for i := range benchProxies {
		counts := make(map[types.NamespacedName]demand.Counts, benchKeys)
		for _, key := range c.keys {
			counts[key] = demand.Counts{Requests: 1}
		}
		c.reports = append(c.reports,
			demand.Report{Proxy: demand.Proxy{Gateway: gatewayKey, Node: fmt.Sprint("pod-", i)}, Started: true, Counts: counts})
	}
	_ = b
	return c
}

// second lets a second pass in which each proxy reports; of each key in use a request came
// and one is in flight.
func (c *crowd) second(busy int) {
	for i := range c.reports {
		r := &c.reports[i]
		c.clock.Step(time.Second / benchProxies)
		for _, key := range c.keys[:busy] {
			counts := r.Counts[key]
			counts.Requests, counts.Active = counts.Requests+1, 1
			r.Counts[key] = counts
		}
		r.Uptime, r.Started = c.clock.Since(c.began).Truncate(time.Second), c.clock.Since(c.began) < 2*time.Second
		c.Report(*r)
	}
}

// cpu has a benchmark report the time of processors, which a busy machine does not stretch.
func cpu(b *testing.B) (done func()) {
	used := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Nano() + u.Stime.Nano())
	}
	began := used()
	return func() { b.ReportMetric((used()-began)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkSecond is what the reports of ten proxies with 5,000 keys each cost per second.
func BenchmarkSecond(b *testing.B) {
	for _, busy := range []int{0, 10, benchKeys} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			c := newCrowd(b)
			c.second(busy)
			b.ReportAllocs()
			defer cpu(b)()
			for b.Loop() {
				c.second(busy)
			}
		})
	}
}

// BenchmarkRead reads one of 5,000 keys.
func BenchmarkRead(b *testing.B) {
	for _, busy := range []int{0, benchKeys} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			c := newCrowd(b)
			for range 70 {
				c.second(busy)
			}
			b.ReportAllocs()
			i := 0
			defer cpu(b)()
			for b.Loop() {
				i++
				if _, err := c.Read(c.keys[i%benchKeys]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHold holds and releases a request, with two replicas that follow.
func BenchmarkHold(b *testing.B) {
	c := newCrowd(b)
	for range 2 {
		defer c.Follow().Leave()
	}
	b.ReportAllocs()
	arrived := uint64(0)
	defer cpu(b)()
	for b.Loop() {
		arrived++
		c.Hold(c.keys[arrived%100], demand.Holding{Held: 1, Arrived: arrived})
		c.Hold(c.keys[arrived%100], demand.Holding{Held: 0, Arrived: arrived})
	}
}

// BenchmarkExchange is what telling another replica of a second of all proxies costs both.
func BenchmarkExchange(b *testing.B) {
	for _, busy := range []int{10, benchKeys} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			c, other := newCrowd(b), newCrowd(b)
			f := c.Follow()
			defer f.Leave()
			c.second(busy)
			other.Merge("a", wired(b, f.Take()))
			bytes := 0
			b.ReportAllocs()
			defer cpu(b)() // with what is not timed
			for b.Loop() {
				b.StopTimer()
				c.second(busy)
				b.StartTimer()
				text := marshalled(b, f.Take())
				bytes += len(text)
				other.Merge("a", unmarshalled(b, text))
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "wire-bytes/op")
		})
	}
}

// BenchmarkMemory prints what one key takes that is idle, and in use in all proxies.
func BenchmarkMemory(b *testing.B) {
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for _, busy := range []int{0, benchKeys} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			for b.Loop() {
				c := newCrowd(b)
				before := heap()
				for range 70 {
					c.second(busy)
				}
				b.ReportMetric((heap()-before)/benchKeys, "bytes/key")
				runtime.KeepAlive(c)
			}
		})
	}
}
