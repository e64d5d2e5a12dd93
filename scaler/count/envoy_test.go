package count_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/onsi/gomega"
	"google.golang.org/grpc"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/freeport"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

type (
	object = map[string]any
	list   = []any
)

// site is a real Envoy that routes by path prefix: / to a backend that answers, /dead to one
// that refuses connections, /empty to none, /mixed to both, with retries for each.
type site struct {
	t       *testing.T
	url     string
	config  string
	log     logBuffer
	stop    func()
	backend *backend
}

type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

// backend answers at once, or not before it is told to.
type backend struct {
	mu      sync.Mutex
	fail    int // so many requests for /flaky get a 503
	release chan struct{}
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/flaky":
		b.mu.Lock()
		b.fail--
		failing := b.fail >= 0
		b.mu.Unlock()
		if failing {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	case "/wait":
		<-b.release
	}
	_, _ = io.WriteString(w, "ok")
}

// keys of the clusters of a site.
var (
	deadKey  = types.NamespacedName{Namespace: "shop", Name: "dead.end-0"}
	emptyKey = types.NamespacedName{Namespace: "shop", Name: "empty-0"}
	mixedKey = types.NamespacedName{Namespace: "shop", Name: "mixed-0"}
)

// sink is where and how an Envoy reports.
type sink struct {
	address string
	deltas  bool
	tags    bool
}

func newSite(t *testing.T, to sink) *site {
	binary := envoytest.Binary(t)
	s := &site{t: t, backend: &backend{release: make(chan struct{})}}
	serving := httptest.NewServer(s.backend)
	t.Cleanup(serving.Close)
	port := freeport.Get(t)
	s.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	text, err := json.Marshal(siteConfig(t, to, port, serving.Listener.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	s.config = filepath.Join(t.TempDir(), "envoy.json")
	if err := os.WriteFile(s.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(binary)
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("log of Envoy:\n%s", s.log.text)
		}
	})
	return s
}

// start runs Envoy on a thread that lives as long as it does: Envoy asks the kernel to be
// killed when the thread that started it ends.
func (s *site) start(binary string) {
	command := exec.Command(binary, "-c", s.config, "--concurrency", "2", "--use-dynamic-base-id", "--log-level",
		"warn", "--drain-time-s", "1")
	command.Stdout, command.Stderr = &s.log, &s.log
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(ended)
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait()
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.stop = sync.OnceFunc(func() { _ = command.Process.Signal(syscall.SIGKILL); <-ended })
}

func siteConfig(t *testing.T, to sink, port, live int) object {
	host, number, err := net.SplitHostPort(to.address)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := func(host string, port any) object {
		return object{"endpoint": object{"address": object{"socket_address": object{"address": host, "port_value": port}}}}
	}
	cluster := func(name string, endpoints ...any) object {
		return object{"name": name, "alt_stat_name": name, "type": "STATIC", "connect_timeout": "1s",
			"load_assignment": object{"cluster_name": name, "endpoints": list{object{"lb_endpoints": endpoints}}}}
	}
	of := func(key types.NamespacedName) string { return "demand/" + key.String() }
	control := cluster("xds", endpoint(host, json.Number(number)))
	control["typed_extension_protocol_options"] = object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
		"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
		"explicit_http_config": object{"http2_protocol_options": object{}},
	}}
	answers, refuses := endpoint("127.0.0.1", live), endpoint("127.0.0.1", freeport.Get(t))
	web := of(webKey)
	if to.tags {
		web = "test"
	}
	route := func(prefix, cluster string) object {
		return object{"match": object{"prefix": prefix}, "route": object{"cluster": cluster, "timeout": "0s", "retry_policy": object{
			"retry_on": "5xx,connect-failure,reset", "num_retries": 3, "retry_back_off": object{"base_interval": "0.7s", "max_interval": "1s"},
		}}}
	}
	config := object{
		"node":                  object{"id": "shop/pod-1", "cluster": gatewayKey.String()},
		"stats_flush_interval":  "1s",
		"deferred_stat_options": object{"enable_deferred_creation_stats": true},
		"stats_sinks": list{object{"name": "envoy.stat_sinks.metrics_service", "typed_config": object{
			"@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig", "transport_api_version": "V3",
			"report_counters_as_deltas": to.deltas, "emit_tags_as_labels": to.tags,
			"grpc_service": object{"envoy_grpc": object{"cluster_name": "xds"}},
		}}},
		"static_resources": object{
			"clusters": list{control, cluster(web, answers), cluster(of(deadKey), refuses), cluster(of(emptyKey)),
				cluster(of(mixedKey), refuses, answers)},
			"listeners": list{object{
				"name": "http", "address": object{"socket_address": object{"address": "127.0.0.1", "port_value": port}},
				"filter_chains": list{object{"filters": list{object{"name": "http", "typed_config": object{
					"@type":       "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
					"stat_prefix": "http",
					"http_filters": list{object{"name": "router", "typed_config": object{
						"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}},
					"route_config": object{"virtual_hosts": list{object{"name": "all", "domains": list{"*"}, "routes": list{
						route("/dead", of(deadKey)), route("/empty", of(emptyKey)), route("/mixed", of(mixedKey)), route("/", web),
					}}}},
				}}}}},
			}},
		},
	}
	if !to.tags {
		var patterns list
		for _, suffix := range []string{
			"upstream_rq_total", "upstream_rq_retry", "upstream_rq_active", "upstream_rq_pending_active",
			"upstream_rq_pending_failure_eject", "upstream_cx_none_healthy", "upstream_rq_pending_overflow",
		} {
			patterns = append(patterns, object{"suffix": "." + suffix})
		}
		config["stats_config"] = object{"stats_matcher": object{"inclusion_list": object{"patterns": append(patterns,
			object{"exact": "server.uptime"})}}}
	}
	return config
}

// get returns the status of a request, 0 when there was no answer.
func (s *site) get(path string) int {
	response, err := http.Get(s.url + path)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func (s *site) serves() {
	s.t.Helper()
	gomega.NewWithT(s.t).Eventually(func() error {
		connection, err := net.Dial("tcp", s.url[len("http://"):])
		if err == nil {
			_ = connection.Close()
		}
		return err
	}).WithTimeout(patience).Should(gomega.Succeed(), "Envoy listens")
}

// metrics is a metrics service on loopback that hands on to a real registry.
type metrics struct {
	t        *testing.T
	registry *demand.Registry
	address  string
	stop     func()
}

func newMetrics(t *testing.T, address string, scalers ...*scaler.Scaler) *metrics {
	t.Helper()
	catalog := scaler.NewCatalog()
	m := &metrics{t: t, registry: demand.New(demand.Options{Catalog: catalog})}
	ours := count.New(count.Options{Registry: m.registry, Catalog: catalog,
		Identify: func(context.Context) (types.NamespacedName, error) { return gatewayKey, nil }})
	theirs := count.NewExternal(count.ExternalOptions{
		Registry: m.registry, Catalog: catalog, Identify: func(context.Context) (string, error) { return webKey.Namespace, nil },
	})
	for _, s := range scalers {
		catalog.Set(s.Key, s)
	}
	catalog.SetComplete()
	register, run := ours.Register, ours.Run
	if len(scalers) > 0 && scalers[0].Spec.Metric.ExternalProxyMetricKey != "" {
		register, run = theirs.Register, theirs.Run
	}
	accept, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	m.address = accept.Addr().String()
	serving := grpc.NewServer()
	register(serving)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = serving.Serve(accept) })
	running.Go(func() { _ = run(ctx) })
	m.stop = sync.OnceFunc(func() { cancel(); serving.GracefulStop(); running.Wait() })
	t.Cleanup(m.stop)
	return m
}

func rateOf(key types.NamespacedName) *scaler.Scaler {
	s := &scaler.Scaler{Key: key, Gateways: []types.NamespacedName{gatewayKey}}
	s.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.RequestRate, Target: 10, RequestRate: &v1alpha1.RequestRateMetric{
		Window: metav1.Duration{Duration: 10 * time.Second}, Granularity: metav1.Duration{Duration: time.Second},
	}}
	return s
}

// waitFor waits until a condition on what is known of a key holds.
func (m *metrics) waitFor(what string, key types.NamespacedName, condition func(debug.Demand) bool) {
	m.t.Helper()
	gomega.NewWithT(m.t).Eventually(func() debug.Demand { return m.registry.Dump(key) }).
		WithTimeout(patience).Should(gomega.Satisfy(condition), what)
}

func requests(n uint64) func(debug.Demand) bool {
	return func(d debug.Demand) bool { return d.Unknown == "" && d.Requests == n }
}

// Requests are counted once each, whether they are answered, fail without a connection, find
// no endpoint, or are retried for any of these reasons; long ones are in flight until they end.
func TestEnvoyCounts(t *testing.T) {
	t.Parallel()
	envoytest.Binary(t)
	m := newMetrics(t, "127.0.0.1:0", rateOf(webKey), rateOf(deadKey), rateOf(emptyKey), rateOf(mixedKey))
	s := newSite(t, sink{address: m.address})
	s.serves()
	m.waitFor("a known zero", webKey, requests(0))
	for range 20 {
		s.get("/")
	}
	s.backend.fail = 3
	if status := s.get("/flaky"); status != http.StatusOK {
		t.Errorf("flaky: %d", status)
	}
	m.waitFor("21 requests and 3 retries", webKey, requests(21))
	for range 3 {
		if status := s.get("/dead"); status != http.StatusServiceUnavailable {
			t.Errorf("dead: %d", status)
		}
	}
	for range 5 {
		s.get("/empty")
	}
	for range 4 {
		if status := s.get("/mixed"); status != http.StatusOK {
			t.Errorf("mixed: %d", status)
		}
	}
	m.waitFor("3 requests that no connection was made for", deadKey, requests(3))
	m.waitFor("5 requests that found no endpoint", emptyKey, requests(5))
	m.waitFor("4 requests of which some were retried", mixedKey, requests(4))
	var waiting sync.WaitGroup
	for range 7 {
		waiting.Go(func() { s.get("/wait") })
	}
	m.waitFor("7 in flight", webKey, func(d debug.Demand) bool { return d.InFlight == 7 && d.Requests == 28 })
	close(s.backend.release)
	waiting.Wait()
	m.waitFor("none in flight", webKey, func(d debug.Demand) bool { return d.InFlight == 0 && d.Requests == 28 })
	for key, want := range map[types.NamespacedName]uint64{webKey: 28, deadKey: 3, emptyKey: 5, mixedKey: 4} {
		m.waitFor("the end", key, requests(want))
	}
}

// The metrics service goes away under load and comes back, as a replica does that knows the
// proxy and as one that does not: nothing is lost in the first case, and in the second the
// rate is known again within seconds.
func TestEnvoyStreamBreaks(t *testing.T) {
	envoytest.Binary(t)
	m := newMetrics(t, "127.0.0.1:0", rateOf(webKey))
	s := newSite(t, sink{address: m.address})
	s.serves()
	sent, stop := s.load(100)
	m.waitFor("a rate", webKey, func(d debug.Demand) bool { return d.Unknown == "" && d.Rate > 80 && d.Rate < 120 })
	address := m.address
	m.stop()
	time.Sleep(1500 * time.Millisecond)
	again := newMetrics(t, address, rateOf(webKey)) // knows nothing
	again.waitFor("the rate", webKey, func(d debug.Demand) bool { return d.Unknown == "" && d.Rate > 80 && d.Rate < 120 })
	total := sent()
	stop()
	again.waitFor("the end", webKey, func(d debug.Demand) bool { return d.Requests > 0 && d.InFlight == 0 })
	if counted := again.registry.Dump(webKey).Requests; counted > uint64(total) {
		t.Errorf("counted %d of %d", counted, total)
	}
}

// load sends requests at a rate until it is stopped.
func (s *site) load(perSecond int) (sent func() int64, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var mu sync.Mutex
	n := int64(0)
	running.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(perSecond))
		defer ticker.Stop()
		for ctx.Err() == nil {
			<-ticker.C
			s.get("/")
			mu.Lock()
			n++
			mu.Unlock()
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(stop)
	return func() int64 { mu.Lock(); defer mu.Unlock(); return n }, stop
}

// An Envoy with the configuration of the vendor's documentation, and with cumulative counters:
// each request is counted once.
func TestEnvoyExternal(t *testing.T) {
	envoytest.Binary(t)
	for _, deltas := range []bool{true, false} {
		t.Run(fmt.Sprintf("deltas %t", deltas), func(t *testing.T) {
			t.Parallel()
			trigger := externalTrigger(webKey, "test")
			m := newMetrics(t, "127.0.0.1:0", trigger)
			s := newSite(t, sink{address: m.address, deltas: deltas, tags: true})
			s.serves()
			m.waitFor("a known zero", webKey, requests(0))
			for range 2 {
				for range 10 {
					s.get("/")
				}
				time.Sleep(1200 * time.Millisecond) // over a flush
			}
			s.backend.fail = 2
			s.get("/flaky")
			m.waitFor("21 requests", webKey, requests(21))
			time.Sleep(1500 * time.Millisecond)
			m.waitFor("still 21 requests", webKey, requests(21))
		})
	}
}
