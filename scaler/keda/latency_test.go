package keda

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

const (
	// manyTriggers is how many there are, each with both streams of KEDA open, over one
	// connection, as KEDA has them.
	manyTriggers = 1000
	// wakeBudget from the arrival of a request to true at KEDA, for 99 of 100.
	wakeBudget = 10 * time.Millisecond
)

// latencies are sorted.
type latencies []time.Duration

func (l latencies) quantile(q float64) time.Duration { return l[min(int(q*float64(len(l))), len(l)-1)] }

// crowd is the real registry and server with many triggers at zero replicas, and KEDA's client.
type crowd struct {
	registry *demand.Registry
	client   pb.ExternalScalerClient
	health   healthv1.HealthClient
	keys     []types.NamespacedName
	refs     []*pb.ScaledObjectRef
	// woken has the time of the first true of each trigger.
	woken []chan time.Time
}

func newCrowd(t testing.TB) *crowd {
	t.Helper()
	catalog := scaler.NewCatalog()
	c := &crowd{registry: demand.New(demand.Options{Catalog: catalog})}
	server := New(Options{Catalog: catalog, Registry: c.registry, Replicas: func(scaler.Scaler) (int32, bool) { return 0, true }})
	listening, stop := serve(t, server)
	for i := range manyTriggers {
		name := fmt.Sprintf("app-%d", i)
		ref := &pb.ScaledObjectRef{Namespace: "crowd", Name: name, ScalerMetadata: metadata(map[string]string{"hosts": name + ".test"})}
		parsed := trigger.Parse(trigger.Object{Name: ref.GetName(), Target: webTarget,
			Triggers: []trigger.Trigger{{Type: "external-push", Metadata: ref.GetScalerMetadata()}}}, address)
		key := types.NamespacedName{Namespace: "crowd", Name: parsed.Triggers[0].Name}
		catalog.Set(key, &scaler.Scaler{Key: key, Spec: parsed.Triggers[0].Spec})
		c.keys, c.refs, c.woken = append(c.keys, key), append(c.refs, ref), append(c.woken, make(chan time.Time, 1))
	}
	connection, err := grpc.NewClient(listening, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	c.health = healthv1.NewHealthClient(connection)
	c.client = pb.NewExternalScalerClient(connection)
	ctx, cancel := context.WithCancel(context.Background())
	var streams sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		streams.Wait()
		_ = connection.Close()
		stop()
	})
	for i := range c.refs {
		c.open(ctx, t, i, &streams)
	}
	return c
}

// open opens both streams of a trigger.
func (c *crowd) open(ctx context.Context, t testing.TB, i int, streams *sync.WaitGroup) {
	specs, err := c.client.StreamMetricSpec(ctx, c.refs[i])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := specs.Recv(); err != nil {
		t.Fatal(err)
	}
	active, err := c.client.StreamIsActive(ctx, c.refs[i])
	if err != nil {
		t.Fatal(err)
	}
	streams.Go(func() {
		for {
			message, err := active.Recv()
			if err != nil {
				return
			}
			if message.GetResult() {
				select {
				case c.woken[i] <- time.Now():
				default: // it was woken before, and this is a repetition
				}
			}
		}
	})
}

// wakeAll lets one request arrive for each trigger, in random order with random gaps. Null is
// how long a plain call takes on the same connection that begins at the same moment.
func (c *crowd) wakeAll(t testing.TB) (wakes, null latencies) {
	var calls sync.WaitGroup
	arrived, took := make([]time.Time, len(c.keys)), make(latencies, len(c.keys))
	for _, i := range rand.Perm(len(c.keys)) {
		arrived[i] = time.Now()
		c.registry.Hold(c.keys[i], demand.Holding{Held: 1, Arrived: 1})
		calls.Go(func() {
			if _, err := c.health.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(arrived[i])
		})
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	}
	for i := range c.keys {
		select {
		case at := <-c.woken[i]:
			wakes = append(wakes, at.Sub(arrived[i]))
		case <-time.After(30 * time.Second):
			t.Fatalf("%s was not woken", c.keys[i])
		}
	}
	calls.Wait()
	slices.Sort(wakes)
	slices.Sort(took)
	return wakes, took
}

// TestWakeLatency: from a held request to true at a client of KEDA's protocol, with many
// triggers, within the budget; or, where the machine is too busy for that, within what two
// plain calls take that begin when the requests arrive.
func TestWakeLatency(t *testing.T) {
	wakes, null := newCrowd(t).wakeAll(t)
	p99 := wakes.quantile(0.99)
	t.Logf("%d triggers: arrival to true p50 %v, p99 %v, max %v; a plain call meanwhile p50 %v, p99 %v", len(wakes),
		wakes.quantile(0.5), p99, wakes.quantile(1), null.quantile(0.5), null.quantile(0.99))
	if limit := max(wakeBudget, 2*null.quantile(0.99)); p99 > limit {
		t.Errorf("p99 %v, want %v", p99, limit)
	}
}

// BenchmarkWake is TestWakeLatency for figures; ns/op means nothing.
func BenchmarkWake(b *testing.B) {
	var wakes, null latencies
	for b.Loop() {
		b.StopTimer()
		w, n := newCrowd(b).wakeAll(b)
		wakes, null = append(wakes, w...), append(null, n...)
		b.StartTimer()
	}
	slices.Sort(wakes)
	slices.Sort(null)
	b.ReportMetric(wakes.quantile(0.5).Seconds()*1000, "p50-ms")
	b.ReportMetric(wakes.quantile(0.99).Seconds()*1000, "p99-ms")
	b.ReportMetric(null.quantile(0.99).Seconds()*1000, "null-p99-ms")
}

// BenchmarkAnswer is what one poll of KEDA costs without the network.
func BenchmarkAnswer(b *testing.B) {
	catalog, registry := scaler.NewCatalog(), newRegistry()
	server := New(Options{Catalog: catalog, Registry: registry})
	registry.set(apply(b, catalog, named{"", metadata(nil)})[0], demand.Reading{Value: 3, Active: true, Settled: true})
	ref := refTo(metadata(nil))
	request := &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: MetricRate}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.GetMetrics(b.Context(), request); err != nil {
			b.Fatal(err)
		}
		if _, err := server.IsActive(b.Context(), ref); err != nil {
			b.Fatal(err)
		}
	}
}
