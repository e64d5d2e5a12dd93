package hold_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/freeport"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

var (
	gatewayKey = types.NamespacedName{Namespace: "shop", Name: "gateway"}
	webKey     = types.NamespacedName{Namespace: "shop", Name: "web-0"}
)

// plane is a replica of the control plane on the loopback, as a real Envoy sees it.
type plane struct {
	t         testing.TB
	publisher *publish.Publisher
	gate      *hold.Gate
	activator *hold.Activator
	catalog   *scaler.Catalog
	registry  *prometheus.Registry
	address   string
	stop      func() // gracefully
	kill      func() // at once

	heldNow atomic.Int64
	held    chan struct{} // something waits
	last    atomic.Int64  // LastArrival, in nanoseconds
}

// newPlane serves at a free port of the loopback.
func newPlane(t testing.TB, options hold.Options) *plane {
	t.Helper()
	p := &plane{t: t, catalog: scaler.NewCatalog(), registry: prometheus.NewRegistry(), held: make(chan struct{}, 1)}
	p.publisher = publish.New(publish.Options{
		RemoveGrace: 50 * time.Millisecond,
		OnAccepted:  func(a publish.Acceptance) { p.gate.Accepted(a) },
	})
	options.Publisher, options.Catalog, options.Metrics = p.publisher, p.catalog, hold.NewMetrics()
	options.Held = func(_ types.NamespacedName, held int, _ uint64) {
		p.heldNow.Store(int64(held))
		if held > 0 {
			select {
			case p.held <- struct{}{}:
			default:
			}
		}
	}
	if options.LastArrival == nil {
		options.LastArrival = func(types.NamespacedName) (time.Time, bool) {
			at := p.last.Load()
			return time.Unix(0, at), at != 0
		}
	}
	if err := options.Metrics.Register(p.registry); err != nil {
		t.Fatal(err)
	}
	p.gate = hold.NewGate(options)
	p.catalog.Set(webKey, &scaler.Scaler{Key: webKey, Gateways: []types.NamespacedName{gatewayKey}})
	p.activator = hold.NewActivator(p.gate, hold.ActivatorOptions{
		Gateway: func(context.Context) (types.NamespacedName, error) { return gatewayKey, nil },
	})
	p.serve()
	p.gate.SetAddresses(hold.Addresses{Own: p.address})
	return p
}

func (p *plane) serve() {
	var services *grpc.Server
	serving, err := server.New(server.Options{Publisher: p.publisher, Register: func(s *grpc.Server) {
		services = s
		p.activator.Register(s)
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.address = accept.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = serving.Serve(ctx, accept) })
	running.Go(func() { _ = p.activator.Run(ctx) })
	p.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	p.kill = func() { services.Stop(); p.stop() }
	p.t.Cleanup(p.stop)
}

// apply hands a change of the engine to the gate.
func (p *plane) apply(all ...resource.Resource) {
	p.gate.Apply(ir.Key(gatewayKey), resource.Change{Upsert: all})
}

func (p *plane) counted(name string, labels ...string) float64 {
	p.t.Helper()
	return counted(p.t, p.registry, name, labels...)
}

// counted sums a metric over its labels; with pairs of name and value, over those that match.
func counted(t testing.TB, registry *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != "kedify_gateway_hold_"+name {
			continue
		}
		for _, metric := range family.GetMetric() {
			matches := true
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, label := range metric.GetLabel() {
					found = found || label.GetName() == labels[i] && label.GetValue() == labels[i+1]
				}
				matches = matches && found
			}
			if matches {
				sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// backend returns what the gate knows of the only backend.
func (p *plane) backend() debug.HoldBackend {
	for _, b := range p.gate.Dump(gatewayKey).Backends {
		return b
	}
	return debug.HoldBackend{}
}

// site is a host with one backend, as translate renders it for the gateway.
type site struct {
	t       testing.TB
	port    uint32
	backend ir.ClusterKey
	demand  types.NamespacedName
	limit   *time.Duration // of a request, by its rule
	unheld  bool           // requests of the site are never held
}

const siteHost = "shop.test"

func newSite(t testing.TB, backend ir.ClusterKey) *site {
	return &site{t: t, port: freePort(t), backend: backend, demand: webKey}
}

func service() ir.ClusterKey {
	return ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: "web", Port: 8080}
}

// world is everything but endpoints: listener, scope, table and clusters.
func (s *site) world() []resource.Resource {
	chain := strconv.Itoa(int(s.port))
	target := s.backend
	target.Demand = s.demand.Name
	listener := s.one(translate.Listener(ir.Listener{Port: s.port, Transport: ir.TCP, Chains: []ir.Chain{{ID: chain}}}))
	scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: siteHost, Routes: []ir.Route{{
		Name: "all", Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}},
		Action: &ir.Forward{Timeouts: ir.Timeouts{Request: s.limit}, Targets: []ir.Target{{Cluster: target, Weight: 1, Hold: s.hold()}}},
	}}})
	if err != nil {
		s.t.Fatal(err)
	}
	counted := s.one(translate.Cluster(ir.Cluster{Key: target, Protocol: ir.HTTP1}))
	if s.unheld {
		return []resource.Resource{listener, scope, table, counted}
	}
	return []resource.Resource{
		listener, scope, table, counted,
		s.one(translate.Cluster(ir.Cluster{Key: s.backend.HoldCluster(), Protocol: ir.HTTP2})),
		s.one(translate.Endpoints(ir.Endpoints{Key: s.backend.HoldCluster()})),
	}
}

// hold is how requests of the site wait; nil: they do not.
func (s *site) hold() *ir.Hold {
	if s.unheld {
		return nil
	}
	return &ir.Hold{Cluster: s.backend.HoldCluster(), Demand: ir.Key(s.demand), Timeout: time.Minute}
}

func (s *site) one(r resource.Resource, err error) resource.Resource {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// endpoints are the pods of the backend, with a ClusterIP that refuses: kube-proxy may be late.
func (s *site) endpoints(pods ...*pod) resource.Resource {
	return s.behind(ir.Endpoint{Address: "127.0.0.2", Port: 9}, pods...)
}

// behind are the pods of the backend, with a ClusterIP.
func (s *site) behind(clusterIP ir.Endpoint, pods ...*pod) resource.Resource {
	e := ir.Endpoints{Key: s.backend.Endpoints(), ClusterIP: clusterIP}
	for _, p := range pods {
		e.Addresses = append(e.Addresses, ir.Endpoint{Address: "127.0.0.1", Port: p.port})
	}
	return s.one(translate.Endpoints(e))
}

// start applies the site with its pods and starts an Envoy that has it all.
func (s *site) start(p *plane, pods ...*pod) *envoytest.Envoy {
	s.t.Helper()
	p.apply(append(s.world(), s.endpoints(pods...))...)
	p.gate.Ready(ir.Key(gatewayKey))
	return s.envoy("shop/envoy-1", p.address, p)
}

func (s *site) envoy(node, xds string, p *plane) *envoytest.Envoy {
	s.t.Helper()
	return s.run(envoytest.Options{Gateway: ir.Key(gatewayKey), Node: node, XDS: xds}, p)
}

// run starts an Envoy, and waits until it has everything.
func (s *site) run(options envoytest.Options, p *plane) *envoytest.Envoy {
	s.t.Helper()
	node := options.Node
	e := envoytest.Start(s.t, options)
	gomega.NewWithT(s.t).Eventually(func() bool {
		for _, proxy := range p.publisher.Dump(ir.Key(gatewayKey)).Proxies {
			if proxy.Node == node {
				return proxy.Behind == 0 && p.publisher.Delivery(ir.Key(gatewayKey)).Synced
			}
		}
		return false
	}).Should(gomega.BeTrue(), node+" to have everything")
	gomega.NewWithT(s.t).Eventually(func() bool {
		text, err := e.Admin("/ready")
		return err == nil && strings.Contains(text, "LIVE")
	}).Should(gomega.BeTrue(), node+" to serve")
	return e
}

func freePort(t testing.TB) uint32 { return uint32(freeport.Get(t)) }

// pod counts requests by the header that names them.
type pod struct {
	port   uint32
	server *http.Server
	seen   *sync.Map // id -> *atomic.Int64, shared by the pods of a test
	work   atomic.Int64
}

func newPod(t testing.TB, seen *sync.Map) *pod {
	t.Helper()
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{port: uint32(accept.Addr().(*net.TCPAddr).Port), seen: seen}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve)}
	go func() { _ = p.server.Serve(accept) }()
	t.Cleanup(func() { _ = p.server.Close() })
	return p
}

func (p *pod) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if d := p.work.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
	count, _ := p.seen.LoadOrStore(r.Header.Get("x-id"), &atomic.Int64{})
	count.(*atomic.Int64).Add(1)
	_, _ = io.WriteString(w, "ok")
}

// shutdown ends the pod when its requests are done, like a pod that is terminated.
func (p *pod) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.server.Shutdown(ctx)
}
