package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kedify/inference-gateway/internal/freeport"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

var envoyGateway = ir.Key{Namespace: "default", Name: "gateway"}

// plane is a control plane on the loopback, as a real Envoy sees it.
type plane struct {
	t         *testing.T
	publisher *publish.Publisher
	registry  *prometheus.Registry
	address   string
	stop      func()
}

// newPlane serves at an address, "127.0.0.1:0" for a free port.
func newPlane(t *testing.T, address string) *plane {
	t.Helper()
	metrics := publish.NewMetrics()
	p := &plane{t: t, registry: prometheus.NewRegistry()}
	if err := metrics.Register(p.registry); err != nil {
		t.Fatal(err)
	}
	p.publisher = publish.New(publish.Options{RemoveGrace: 50 * time.Millisecond, Metrics: metrics})
	serving, err := server.New(server.Options{Publisher: p.publisher})
	if err != nil {
		t.Fatal(err)
	}
	accept, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.address = accept.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := serving.Serve(ctx, accept); err != nil {
			t.Errorf("xDS server: %v", err)
		}
	})
	p.stop = func() { cancel(); running.Wait() }
	t.Cleanup(p.stop)
	return p
}

func (p *plane) apply(upsert []resource.Resource, remove ...resource.Key) {
	p.publisher.Apply(envoyGateway, resource.Change{Upsert: upsert, Remove: remove})
}

func (p *plane) ready() { p.publisher.Ready(envoyGateway) }

func (p *plane) eventually(what string, condition func(publish.Delivery) bool) {
	p.t.Helper()
	gomega.NewWithT(p.t).Eventually(func() bool { return condition(p.publisher.Delivery(envoyGateway)) }).
		WithTimeout(20*time.Second).WithPolling(time.Millisecond).Should(gomega.BeTrue(), func() string {
		return fmt.Sprintf("%s: %+v", what, p.publisher.Delivery(envoyGateway))
	})
}

func (p *plane) synced() {
	p.t.Helper()
	p.eventually("all proxies in sync", func(d publish.Delivery) bool { return d.Synced })
}

// counted sums a metric over its labels.
func (p *plane) counted(name string) float64 {
	p.t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			sum += metric.GetCounter().GetValue()
		}
	}
	return sum
}

// realListener routes by scope, with the host as its key.
func realListener(t *testing.T, port uint32) resource.Resource {
	ads := &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix: "http",
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(t, &routerv3.Router{})},
		}},
		RouteSpecifier: &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
			Name: "hosts",
			ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
				Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
					HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
						Name: ":authority", ElementSeparator: ":",
						ExtractType: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{Index: 0},
					},
				},
			}}},
			RdsConfigSource: ads,
			ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: ads}},
		}},
	}
	return made(t, resource.Listener, "http", &listenerv3.Listener{
		Name: "http",
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "http", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(t, manager)},
		}}}},
	})
}

func pack(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func made(t *testing.T, kind resource.Type, name string, message proto.Message) resource.Resource {
	t.Helper()
	r, err := resource.New(kind, name, message, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// changedCluster is another version of deltatest.Cluster that Envoy really has to warm.
func changedCluster(t *testing.T, name string, revision int) resource.Resource {
	changed := made(t, resource.Cluster, name, &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: name, EdsConfig: &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		}},
		ConnectTimeout: &durationpb.Duration{Seconds: int64(2 + revision)},
	})
	changed.Companion = name // a changed cluster warms until its endpoints follow
	return changed
}

func realHost(t *testing.T, name string, port uint32) []resource.Resource {
	return []resource.Resource{
		deltatest.Cluster(t, "c-"+name, 1), deltatest.Endpoints(t, "c-"+name, port),
		deltatest.Scope(t, name), deltatest.Route(t, name, "c-"+name),
	}
}

// backend answers 200 with its name.
func backend(t *testing.T, name string) uint32 {
	serving := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
	t.Cleanup(serving.Close)
	return uint32(serving.Listener.Addr().(*net.TCPAddr).Port)
}

func freePort(t *testing.T) uint32 { return uint32(freeport.Get(t)) }

// client sends requests to one Envoy over keep-alive connections.
type client struct {
	http http.Client
	url  string
}

func newClient(t *testing.T, port uint32) *client {
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{http: http.Client{Transport: transport, Timeout: 5 * time.Second}, url: fmt.Sprintf("http://127.0.0.1:%d/", port)}
}

// get returns the status of a request to a host, 0 when there was no answer, and the body.
func (c *client) get(host string) (int, string) {
	request, err := http.NewRequest(http.MethodGet, c.url, nil)
	if err != nil {
		return 0, err.Error()
	}
	request.Host = host
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

// until sends requests until one answers 200 with the body; any status that is not among the
// tolerated ones fails the test.
func (c *client) until(t *testing.T, host, body string, tolerated ...int) {
	t.Helper()
	gomega.NewWithT(t).Eventually(func() string {
		status, got := c.get(host)
		if status != http.StatusOK && !slices.Contains(tolerated, status) {
			t.Fatalf("%s answered %d %q", host, status, got)
		}
		return fmt.Sprintf("%d %s", status, got)
	}).WithTimeout(20*time.Second).WithPolling(time.Millisecond).Should(gomega.Equal("200 "+body), host)
}

// traffic sends requests to hosts until it is stopped and counts what was not 200.
type traffic struct {
	mu       sync.Mutex
	hosts    map[string]bool
	requests atomic.Int64
	failed   map[string]int
	stop     func()
}

func startTraffic(t *testing.T, port uint32, hosts ...string) *traffic {
	tr := &traffic{hosts: map[string]bool{}, failed: map[string]int{}}
	for _, host := range hosts {
		tr.hosts[host] = true
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 2 {
		c := newClient(t, port)
		running.Go(func() {
			for ctx.Err() == nil {
				for _, host := range tr.list() {
					tr.check(c, host)
				}
			}
		})
	}
	tr.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(tr.stop)
	return tr
}

func (tr *traffic) list() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var hosts []string
	for host := range tr.hosts {
		hosts = append(hosts, host)
	}
	return hosts
}

func (tr *traffic) check(c *client, host string) {
	status, body := c.get(host)
	tr.requests.Add(1)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if status != http.StatusOK && tr.hosts[host] {
		tr.failed[fmt.Sprintf("%s: %d %s", host, status, body)]++
	}
}

func (tr *traffic) add(host string) { tr.mu.Lock(); defer tr.mu.Unlock(); tr.hosts[host] = true }

func (tr *traffic) drop(host string) { tr.mu.Lock(); defer tr.mu.Unlock(); delete(tr.hosts, host) }

func (tr *traffic) report(t *testing.T) {
	t.Helper()
	tr.stop()
	t.Logf("%d requests, %d kinds of unexpected answers", tr.requests.Load(), len(tr.failed))
	for what, count := range tr.failed {
		t.Errorf("%d x %s", count, what)
	}
}

func median(all []time.Duration) time.Duration {
	sorted := append([]time.Duration(nil), all...)
	for i := range sorted {
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	return sorted[len(sorted)/2].Round(10 * time.Microsecond)
}

func longest(all []time.Duration) time.Duration {
	most := time.Duration(0)
	for _, d := range all {
		most = max(most, d)
	}
	return most.Round(10 * time.Microsecond)
}
