package hold_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// The tenant that fills the memory of a proxy with held requests, and the one beside it, whose application at zero is cold.
const (
	fillerHost = "filler.test"
	coldHost   = "cold.test"
)

var (
	fillerKey = types.NamespacedName{Namespace: "evil", Name: "web-0"}
	coldKey   = types.NamespacedName{Namespace: "shop", Name: "cold-0"}
)

// heldSite is a host whose requests are held.
func (s *site) heldSite(host string, demand types.NamespacedName, retry *ir.Retry, pods ...*pod) []resource.Resource {
	backend := ir.ClusterKey{Kind: ir.BackendService, Namespace: demand.Namespace, Name: "web-" + strings.TrimSuffix(host, ".test"),
		Port: 8080}
	target := backend
	target.Demand = demand.Name
	scope, table, err := translate.Host(ir.Host{Chain: strconv.Itoa(int(s.port)), Hostname: host, Routes: []ir.Route{{
		Name: host, Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}},
		Action: &ir.Forward{Retry: retry, Targets: []ir.Target{{Cluster: target, Weight: 1, Hold: &ir.Hold{
			Cluster: backend.HoldCluster(), Demand: ir.Key(demand), Timeout: time.Minute}}}},
	}}})
	if err != nil {
		s.t.Fatal(err)
	}
	endpoints := ir.Endpoints{Key: backend.Endpoints()}
	for _, p := range pods {
		endpoints.Addresses = append(endpoints.Addresses, ir.Endpoint{Address: "127.0.0.1", Port: p.port})
	}
	return []resource.Resource{
		scope, table, s.one(translate.Cluster(ir.Cluster{Key: target, Protocol: ir.HTTP1})), s.one(translate.Endpoints(endpoints)),
		s.one(translate.Cluster(ir.Cluster{Key: backend.HoldCluster(), Protocol: ir.HTTP2})),
		s.one(translate.Endpoints(ir.Endpoints{Key: backend.HoldCluster()})),
	}
}

// neighbour sends requests to the warm application of the other tenant until it is stopped.
type neighbour struct {
	mu      sync.Mutex
	took    []time.Duration
	failed  []answer
	stop    atomic.Bool
	running sync.WaitGroup
}

func newNeighbour(t *testing.T, port uint32) *neighbour {
	n := &neighbour{}
	for range 2 {
		c := newClient(t, port)
		n.running.Go(func() {
			for !n.stop.Load() {
				got := c.post("warm", strings.Repeat("x", 1024))
				n.mu.Lock()
				if n.took = append(n.took, got.took); got.status != http.StatusOK {
					n.failed = append(n.failed, got)
				}
				n.mu.Unlock()
			}
		})
	}
	return n
}

// asked is how many requests were answered.
func (n *neighbour) asked() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.took)
}

// judge reports whether all were answered, and in which time.
func (n *neighbour) judge(t *testing.T) {
	t.Helper()
	n.stop.Store(true)
	n.running.Wait()
	slices.Sort(n.took)
	p99 := n.took[len(n.took)*99/100]
	t.Logf("warm requests of the neighbour: %d, %d failed, p50 %s, p99 %s", len(n.took), len(n.failed), n.took[len(n.took)/2], p99)
	if len(n.failed) > 0 {
		t.Errorf("%d of %d warm requests of the neighbour failed: %s", len(n.failed), len(n.took), n.failed[0])
	}
}

// zeros is a body of so many bytes that says nothing of its size.
func zeros(size int64) io.Reader { return io.LimitReader(endless{}, size) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestX6FullProxy: a tenant whose held requests would take more memory than a proxy has is told to come again. The other
// tenants of the proxy are served meanwhile, and their first request to an application at zero is held.
func TestX6FullProxy(t *testing.T) {
	envoytest.Binary(t)
	const heap, body, count, atOnce = 128 << 20, 8 << 20, 80, 20
	for name, retry := range map[string]*ir.Retry{"retries": {Attempts: 2, Codes: []uint32{503}}, "no retries": nil} {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, hold.Options{})
			for _, key := range []types.NamespacedName{fillerKey, coldKey} {
				p.catalog.Set(key, &scaler.Scaler{Key: key, Gateways: []types.NamespacedName{gatewayKey}})
			}
			p.gate.SetMemory(gatewayKey, heap)
			s := newSite(t, service())
			s.unheld = true
			warm := newPod(t, &sync.Map{})
			p.apply(s.heldSite(fillerHost, fillerKey, retry)...)
			p.apply(s.heldSite(coldHost, coldKey, nil)...)
			envoy := s.startFull(p, heap, warm)
			n := newNeighbour(t, s.port)

			times := count
			if retry == nil {
				times = 5 * count // each takes little
			}
			answers := make(chan answer, times)
			refused, held := 0, 0
			g := gomega.NewWithT(t)
			for begun := 0; begun < times; { // some at a time: their bodies count once it is decided about them
				for range atOnce {
					number := begun
					go func() { answers <- fill(t, s.port, number, body) }()
					begun++
				}
				g.Eventually(func() int {
					for len(answers) > 0 {
						got := <-answers
						if refused++; got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" ||
							got.body != "too many requests wait for an endpoint\n" {
							t.Errorf("what there is no room for: %s, %v", got, got.header)
						}
					}
					held = int(p.counted("held_requests"))
					return held + refused
				}, 60*time.Second).Should(gomega.Equal(begun), "all to be held or refused")
			}
			cold := make(chan answer, 1)
			go func() { cold <- newClient(t, s.port).to(coldHost, "small") }()
			g.Eventually(func() float64 { return p.counted("held_requests") }, 10*time.Second).Should(gomega.BeNumerically("==", held+1),
				"the neighbour's request to be held")
			memory, err := envoy.Admin("/memory")
			t.Logf("%d held, %d refused (%v) %s", held, refused, err, strings.Join(strings.Fields(memory), " "))
			g.Eventually(n.asked, 20*time.Second).Should(gomega.BeNumerically(">=", 200), "warm requests of the neighbour")
			n.judge(t)
			if held < 2 || refused == 0 {
				t.Errorf("%d held, %d refused", held, refused)
			}
			pod := newPod(t, &sync.Map{})
			p.apply(s.heldSite(fillerHost, fillerKey, retry, pod)...)
			p.apply(s.heldSite(coldHost, coldKey, nil, pod)...)
			for range held {
				if got := <-answers; got.status != http.StatusOK {
					t.Errorf("what was held: %s", got)
				}
			}
			if got := <-cold; got.status != http.StatusOK {
				t.Errorf("the neighbour's held request: %s", got)
			}
		})
	}
}

// fill posts a large body over a connection of its own; every second one does not say how large it is.
func fill(t *testing.T, port uint32, i int, size int64) answer {
	c := newClient(t, port)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.url+"/", zeros(size))
	if err != nil {
		return answer{body: err.Error()}
	}
	request.Host = fillerHost
	request.Header.Set("x-id", fmt.Sprint(i))
	if i%2 == 0 {
		request.ContentLength = size
	}
	return c.send(request)
}

// to posts a small body to a host.
func (c *client) to(host, body string) answer {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.url+"/", strings.NewReader(body))
	if err != nil {
		return answer{body: err.Error()}
	}
	request.Host = host
	return c.send(request)
}

// startFull is start of an Envoy whose heap has an end.
func (s *site) startFull(p *plane, heap uint64, pods ...*pod) *envoytest.Envoy {
	s.t.Helper()
	p.apply(append(s.world(), s.endpoints(pods...))...)
	p.gate.Ready(ir.Key(gatewayKey))
	return s.run(envoytest.Options{Gateway: ir.Key(gatewayKey), Node: "shop/envoy-1", XDS: p.address, Heap: heap}, p)
}
