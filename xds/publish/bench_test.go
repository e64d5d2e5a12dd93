package publish_test

import (
	"fmt"
	"runtime"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// echo is a proxy without a network: it subscribes to each resource that another one
// names and accepts everything at once.
type echo struct {
	session *publish.Session
	ready   chan struct{}
	known   map[string]bool
	// acked receives the name of every route configuration and assignment it accepted.
	acked chan string
	count int
}

func connectEcho(b *testing.B, publisher *publish.Publisher) *echo {
	e := &echo{ready: make(chan struct{}), known: map[string]bool{}, acked: make(chan string, 1<<16)}
	e.session = publisher.Connect(gatewayKey, "echo", e.send)
	close(e.ready)
	for _, kind := range []resource.Type{resource.Cluster, resource.Listener, resource.Scope} {
		e.receive(b, &discovery.DeltaDiscoveryRequest{TypeUrl: string(kind)})
	}
	b.Cleanup(func() {
		e.session.Close()
		<-e.session.Done()
	})
	return e
}

func (e *echo) receive(b *testing.B, request *discovery.DeltaDiscoveryRequest) {
	if err := e.session.Receive(request); err != nil {
		b.Fatal(err)
	}
}

func (e *echo) send(response *discovery.DeltaDiscoveryResponse) error {
	<-e.ready
	kind := resource.Type(response.GetTypeUrl())
	if child, ok := map[resource.Type]resource.Type{resource.Cluster: resource.Endpoint, resource.Scope: resource.Route}[kind]; ok {
		request := &discovery.DeltaDiscoveryRequest{TypeUrl: string(child)}
		for _, r := range response.GetResources() {
			if key := string(child) + r.GetName(); !e.known[key] {
				e.known[key] = true
				request.ResourceNamesSubscribe = append(request.ResourceNamesSubscribe, r.GetName())
			}
		}
		if len(request.ResourceNamesSubscribe) > 0 {
			if err := e.session.Receive(request); err != nil {
				return err
			}
		}
	}
	e.count += len(response.GetResources())
	err := e.session.Receive(&discovery.DeltaDiscoveryRequest{TypeUrl: response.GetTypeUrl(), ResponseNonce: response.GetNonce()})
	if err != nil {
		return err
	}
	if kind == resource.Route || kind == resource.Endpoint {
		for _, r := range response.GetResources() {
			e.acked <- r.GetName()
		}
		for _, name := range response.GetRemovedResources() {
			e.acked <- "-" + name
		}
	}
	return nil
}

// wait returns when the proxy accepted a name.
func (e *echo) wait(name string) {
	for got := range e.acked {
		if got == name {
			return
		}
	}
}

var sizes = []int{10, 1_000, 10_000}

// benchWorld is a publisher with hosts that have a cluster each, and a proxy that has it all.
func benchWorld(b *testing.B, count int) (*publish.Publisher, *echo) {
	publisher := publish.New(publish.Options{RemoveGrace: -1})
	publisher.Apply(gatewayKey, resource.Change{Upsert: hosts(b, count)})
	publisher.Ready(gatewayKey)
	e := connectEcho(b, publisher)
	for range count * 2 {
		<-e.acked
	}
	for !publisher.Delivery(gatewayKey).Synced {
		runtime.Gosched()
	}
	return publisher, e
}

// One route of one host changes, until the proxy accepted it. The cost must not depend on how
// many hosts there are.
func BenchmarkApplyOne(b *testing.B) {
	for _, count := range sizes {
		b.Run(fmt.Sprintf("hosts=%d", count), func(b *testing.B) {
			publisher, e := benchWorld(b, count)
			name := fmt.Sprintf("h%05d", count/2)
			versions := [2]resource.Change{
				{Upsert: []resource.Resource{deltatest.Route(b, name, "c-"+name, "c-h00000")}},
				{Upsert: []resource.Resource{deltatest.Route(b, name, "c-"+name)}},
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				publisher.Apply(gatewayKey, versions[i%2])
				e.wait(name)
			}
		})
	}
}

// One endpoint changes, until the proxy accepted it.
func BenchmarkApplyEndpoints(b *testing.B) {
	for _, count := range sizes {
		b.Run(fmt.Sprintf("hosts=%d", count), func(b *testing.B) {
			publisher, e := benchWorld(b, count)
			name := fmt.Sprintf("c-h%05d", count/2)
			versions := [2]resource.Change{
				{Upsert: []resource.Resource{deltatest.Endpoints(b, name, 1)}},
				{Upsert: []resource.Resource{deltatest.Endpoints(b, name, 2)}},
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				publisher.Apply(gatewayKey, versions[i%2])
				e.wait(name)
			}
		})
	}
}

// A host is added, then removed with its cluster.
func BenchmarkAddRemoveHost(b *testing.B) {
	for _, count := range sizes {
		b.Run(fmt.Sprintf("hosts=%d", count), func(b *testing.B) {
			publisher, e := benchWorld(b, count)
			added := resource.Change{Upsert: host(b, "new", 1)}
			removed := resource.Change{Remove: keys(added.Upsert)}
			b.ReportAllocs()
			for b.Loop() {
				publisher.Apply(gatewayKey, added)
				e.wait("new")
				publisher.Apply(gatewayKey, removed)
				e.wait("-new")
			}
		})
	}
}

// A proxy without configuration connects and gets everything.
func BenchmarkInitialSync(b *testing.B) {
	for _, count := range sizes {
		b.Run(fmt.Sprintf("hosts=%d", count), func(b *testing.B) {
			publisher := publish.New(publish.Options{})
			publisher.Apply(gatewayKey, resource.Change{Upsert: hosts(b, count)})
			publisher.Ready(gatewayKey)
			before, measured := heap(), 0.0
			b.ReportAllocs()
			for b.Loop() {
				e := connectEcho(b, publisher)
				for range count * 2 {
					<-e.acked
				}
				b.StopTimer()
				if measured == 0 {
					measured = (heap() - before) / float64(4*count+1)
				}
				e.session.Close()
				<-e.session.Done()
				b.StartTimer()
			}
			b.ReportMetric(measured, "session-B/resource")
		})
	}
}

// heap returns the live bytes.
func heap() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}
