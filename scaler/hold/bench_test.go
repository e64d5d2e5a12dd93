package hold_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// benchPlane is a plane with a backend that stays armed, and a proxy that takes everything.
func benchPlane(b *testing.B, ports ...uint32) (*plane, *site) {
	b.Helper()
	p := newPlane(b, hold.Options{
		Timing: hold.Timing{DisarmAnswers: 1 << 30, DisarmAfter: time.Hour},
		Limits: hold.Limits{MaxPending: 1 << 20, MaxTotal: 1 << 20, Timeout: time.Hour},
	})
	s := newSite(b, service())
	p.apply(append(s.world(), deltatest.Endpoints(b, s.backend.String(), ports...))...)
	p.gate.Ready(ir.Key(gatewayKey))
	proxy := deltatest.Start(b, deltatest.Options{Gateway: ir.Key(gatewayKey), Node: "a", Dial: dial(p.address)})
	proxy.Subscribe(resource.Endpoint, s.backend.String(), s.backend.HoldCluster().String())
	gomega.NewWithT(b).Eventually(func() bool {
		d := p.backend()
		return len(d.Proxies) == 1 && d.Proxies[0].Ready == (len(ports) > 0)
	}).Should(gomega.BeTrue(), "the proxy to be known")
	return p, s
}

// calls opens calls like an Envoy, over some connections.
type calls struct {
	clients []extprocv3.ExternalProcessorClient
	ctx     context.Context
}

func newCalls(b *testing.B, p *plane, s *site, connections int) *calls {
	b.Helper()
	c := &calls{ctx: metadata.AppendToOutgoingContext(context.Background(), translate.HoldBackend, s.backend.String(),
		translate.HoldDemand, s.demand.String())}
	for range connections {
		conn, err := grpc.NewClient(p.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		c.clients = append(c.clients, extprocv3.NewExternalProcessorClient(conn))
	}
	return c
}

// browserHeaders are as many as a browser sends.
func browserHeaders() *extprocv3.ProcessingRequest {
	headers := []string{":method", "GET", ":path", "/products/42?color=red", ":authority", "shop.test", ":scheme", "https"}
	for i := range 16 {
		headers = append(headers, fmt.Sprintf("x-header-%d", i), "some value of a usual length, or so")
	}
	return firstMessage("a", headers...)
}

// A request while armed: the call, the answer, its confirmation, over a connection.
func BenchmarkArmed(b *testing.B) {
	p, s := benchPlane(b, 1)
	c := newCalls(b, p, s, 4)
	first := browserHeaders()
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	var next sync.Mutex
	n := 0
	b.RunParallel(func(pb *testing.PB) {
		next.Lock()
		client := c.clients[n%len(c.clients)]
		n++
		next.Unlock()
		for pb.Next() {
			if err := askOnce(c.ctx, client, first); err != nil {
				b.Error(err)
				break
			}
		}
	})
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
}

// cpu is the time that this process ran, of client and server together: it says more than the
// clock on a machine that others use, too.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func askOnce(ctx context.Context, client extprocv3.ExternalProcessorClient, first *extprocv3.ProcessingRequest) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Process(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(first); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// passing is a call without a network.
type passing struct {
	request
}

func (q *passing) Send(*extprocv3.ProcessingResponse) error { return nil }

func (q *passing) Recv() (*extprocv3.ProcessingRequest, error) {
	if q.read {
		return nil, io.EOF // confirmed
	}
	q.read = true
	return q.first, nil
}

// The same without gRPC: what the gate and the activator themselves cost.
func BenchmarkArmedDecision(b *testing.B) {
	p, s := benchPlane(b, 1)
	ctx := metadata.NewIncomingContext(context.Background(),
		metadata.Pairs(translate.HoldBackend, s.backend.String(), translate.HoldDemand, s.demand.String()))
	first := browserHeaders()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		q := &passing{}
		q.ctx, q.first = ctx, first
		for pb.Next() {
			q.read = false
			if err := p.activator.Process(q); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// What a span costs: a request over the limit, which is answered at once, without tracing, and with a trace that is not sampled and
// one that
// is. More than spans.maxWaiting at once are dropped: -benchtime=2000x makes a span of each.
func BenchmarkSpan(b *testing.B) {
	collector := proxytest.StartCollector(b)
	waited := recorder(b, collector.Address).Waited
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
	for _, c := range []struct {
		name, parent string
		waited       func(context.Context, hold.Wait)
	}{{"off", parent + "01", nil}, {"not sampled", parent + "00", waited}, {"sampled", parent + "01", waited}} {
		b.Run(c.name, func(b *testing.B) {
			p, s := newPlane(b, hold.Options{Waited: c.waited}), newSite(b, service())
			p.apply(append(s.world(), s.endpoints())...)
			p.gate.Ready(ir.Key(gatewayKey))
			full := &scaler.Scaler{Key: webKey, Gateways: []types.NamespacedName{gatewayKey}}
			full.Spec.Hold.MaxPending = ptr.To[int32](0)
			p.catalog.Set(webKey, full)
			q := &passing{}
			q.first = browserHeaders()
			q.ctx = metadata.NewIncomingContext(context.Background(), metadata.Pairs("traceparent", c.parent,
				translate.HoldBackend, s.backend.String(), translate.HoldDemand, s.demand.String()))
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				q.read = false
				if err := p.activator.Process(q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

// 10,000 requests wait and are released: memory for each, and the time until the last has its
// answer.
func BenchmarkHeld(b *testing.B) {
	const count = 10_000
	p, s := benchPlane(b)
	c := newCalls(b, p, s, 16) // the server takes 1,024 calls over each
	first := browserHeaders()
	for b.Loop() {
		before := memory()
		var waiting sync.WaitGroup
		for i := range count {
			ctx, cancel := context.WithCancel(c.ctx)
			stream, err := c.clients[i%len(c.clients)].Process(ctx)
			if err != nil {
				b.Fatal(err)
			}
			if err := stream.Send(first); err != nil {
				b.Fatal(err)
			}
			waiting.Go(func() {
				defer cancel()
				if _, err := stream.Recv(); err != nil {
					b.Error(err)
				}
			})
		}
		gomega.NewWithT(b).Eventually(func() bool { return p.backend().Held == count }).Should(gomega.BeTrue(), "all to wait")
		each := float64(memory()-before) / count
		begun := time.Now()
		p.apply(deltatest.Endpoints(b, s.backend.String(), 1))
		waiting.Wait()
		b.ReportMetric(each, "B/held")
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms/release")
		p.apply(deltatest.Endpoints(b, s.backend.String()))
	}
}

// memory is what is in use, of server and client of the calls together.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// From the change of the endpoints to the answer, over connections.
func BenchmarkRelease(b *testing.B) {
	p, s := benchPlane(b)
	c := newCalls(b, p, s, 1)
	first := browserHeaders()
	for i := uint32(0); b.Loop(); i++ {
		ctx, cancel := context.WithCancel(c.ctx)
		stream, err := c.clients[0].Process(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if err := stream.Send(first); err != nil {
			b.Fatal(err)
		}
		for p.backend().Held == 0 {
			runtime.Gosched()
		}
		p.apply(deltatest.Endpoints(b, s.backend.String(), 1+i%1000))
		if _, err := stream.Recv(); err != nil {
			b.Fatal(err)
		}
		cancel()
		p.apply(deltatest.Endpoints(b, s.backend.String()))
	}
}

// A pod becomes ready while 50 requests wait in Envoy: from the engine's word to the answers at
// their client, endpoints and ACK included.
func BenchmarkEnvoyColdStart(b *testing.B) {
	envoytest.Binary(b)
	p := newPlane(b, hold.Options{Timing: hold.Timing{Linger: -1}})
	s := newSite(b, service())
	s.start(p)
	c := newClient(b, s.port)
	pod := newPod(b, &sync.Map{})
	const each = 50
	var took []time.Duration
	for b.Loop() {
		p.apply(s.endpoints())
		gomega.NewWithT(b).Eventually(func() bool {
			d := p.backend()
			return len(d.Stale) == 0 && p.publisher.Delivery(ir.Key(gatewayKey)).Synced
		}).Should(gomega.BeTrue(), "the endpoint to be gone")
		answers := make(chan time.Time, each)
		for range each {
			go func() { c.post("x", "hello"); answers <- time.Now() }()
		}
		gomega.NewWithT(b).Eventually(func() bool { return p.backend().Held == each }).Should(gomega.BeTrue(), "all to wait")
		begun := time.Now()
		p.apply(s.endpoints(pod))
		for range each {
			took = append(took, (<-answers).Sub(begun))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// A proxy of a gateway with 5,000 held backends comes or goes: all of them look at it.
func BenchmarkProxyComes(b *testing.B) {
	p, _ := benchPlane(b, 1)
	const count = 5000
	var all []resource.Resource
	for i := range count {
		key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: fmt.Sprintf("web%d", i), Port: 80}
		held, err := translate.Endpoints(ir.Endpoints{Key: key.HoldCluster()})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, deltatest.Endpoints(b, key.String(), 1), held)
	}
	p.apply(all...)
	b.ReportAllocs()
	for b.Loop() {
		p.gate.Accepted(publish.Acceptance{Gateway: ir.Key(gatewayKey), Node: "other"})
	}
}
