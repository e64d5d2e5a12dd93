package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/internal/freeport"
	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// The tests here drain a real Envoy, started with the bootstrap of the product (its counters
// are what the drain looks at) and two listeners of its own. ENVOY names the binary.

// envoyUnderTest is a running Envoy.
type envoyUnderTest struct {
	http, tcp string // addresses of the listeners
	drainer   *drainer
}

const quietTime = time.Second

func startEnvoy(t *testing.T, backend http.Handler) *envoyUnderTest {
	t.Helper()
	binary := os.Getenv("ENVOY")
	if binary == "" {
		t.Skip("ENVOY does not name an Envoy binary")
	}
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	directory := t.TempDir()
	e := &envoyUnderTest{http: freeAddress(t), tcp: freeAddress(t)}
	socket := filepath.Join(directory, "admin.sock")
	writeBootstrap(t, directory, socket, extraListeners(e.http, e.tcp, server.Listener.Addr().String()))
	command := exec.Command(binary, bootstrap.Args(directory, "test/proxy")...)
	log, err := os.Create(filepath.Join(directory, "log"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("Envoy: %s", text)
		}
	})
	e.drainer = newDrainer(drainOptions{socket: socket, timeout: 30 * time.Second, quiet: quietTime, interval: 100 * time.Millisecond},
		clock.RealClock{}, logr.Discard())
	gomega.NewWithT(t).Eventually(func() error {
		conn, err := net.Dial("tcp", e.http)
		if err != nil {
			return err
		}
		return conn.Close()
	}).WithTimeout(20*time.Second).WithPolling(20*time.Millisecond).Should(gomega.Succeed(), "Envoy did not start")
	return e
}

// writeBootstrap writes the files of the product without the control plane, for which Envoy
// would wait.
func writeBootstrap(t *testing.T, directory, socket, extra string) {
	t.Helper()
	files, err := bootstrap.Files(bootstrap.Config{
		Gateway: ir.Key{Namespace: "test", Name: "gateway"}, Directory: directory, CertificateDirectory: directory,
		ServerAddress: "127.0.0.1", ServerPort: 1, ServerName: "none", AdminSocket: socket,
	})
	if err != nil {
		t.Fatal(err)
	}
	merged, err := bootstrap.Merge(files[bootstrap.BootstrapFile], []byte(extra))
	if err != nil {
		t.Fatal(err)
	}
	var content map[string]any
	if err := yaml.Unmarshal(merged, &content); err != nil {
		t.Fatal(err)
	}
	delete(content, "dynamic_resources")
	delete(content, "stats_sinks") // of the control plane, which is not there
	static := content["static_resources"].(map[string]any)
	static["clusters"] = static["clusters"].([]any)[1:]   // not the control plane
	static["listeners"] = static["listeners"].([]any)[1:] // not the port for probes, which is fixed
	if merged, err = yaml.Marshal(content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, bootstrap.BootstrapFile), merged, 0o600); err != nil {
		t.Fatal(err)
	}
}

func extraListeners(httpAddress, tcpAddress, backend string) string {
	address := func(hostport string) string {
		host, port, _ := net.SplitHostPort(hostport)
		return fmt.Sprintf(`{socket_address: {address: %s, port_value: %s}}`, host, port)
	}
	return fmt.Sprintf(`
static_resources:
  clusters:
  - {name: backend, load_assignment: {cluster_name: backend, endpoints: [{lb_endpoints: [{endpoint: {address: %[3]s}}]}]}}
  listeners:
  - name: http
    address: %[1]s
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          route_config:
            virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: backend, timeout: 0s}}]}]
          http_filters:
          - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  - name: tcp
    address: %[2]s
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: backend
`, address(httpAddress), address(tcpAddress), address(backend))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freeport.Get(t))
}

// sleepy answers after ?for=duration.
func sleepy(w http.ResponseWriter, r *http.Request) {
	if pause, err := time.ParseDuration(r.URL.Query().Get("for")); err == nil {
		time.Sleep(pause)
	}
	fmt.Fprint(w, "served")
}

func (e *envoyUnderTest) drain(t *testing.T) drained {
	t.Helper()
	outcome, err := e.drainer.drain(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// expectQuiet expects that a drain ended when nothing had been in flight for the quiet time.
func expectQuiet(t *testing.T, lastWork, ended time.Time) {
	t.Helper()
	if quiet := ended.Sub(lastWork); quiet < quietTime || quiet > quietTime+3*time.Second {
		t.Errorf("drained %v after the last work, want %v", quiet, quietTime)
	}
}

// A request in flight is waited for, and answered; its connection is told to close. An idle
// connection beside it holds nothing up.
func TestEnvoyDrainWaitsForARequest(t *testing.T) {
	t.Parallel()
	var served time.Time
	e := startEnvoy(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sleepy(w, r)
		served = time.Now()
	}))
	idle, err := net.Dial("tcp", e.http)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	fmt.Fprintf(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	sent := make(chan struct{})
	go func() {
		request, _ := http.NewRequest(http.MethodGet, "http://"+e.http+"/?for=3s", nil)
		request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
		}))
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			answered <- err
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && (string(body) != "served" || !response.Close) {
			err = fmt.Errorf("%s %q, close %v", response.Status, body, response.Close)
		}
		answered <- err
	}()
	<-sent
	outcome := e.drain(t)
	ended := time.Now()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if !outcome.complete {
		t.Errorf("not complete: %+v", outcome)
	}
	expectQuiet(t, served, ended)
}

// New connections go on being served while the world has not yet heard.
func TestEnvoyDrainServesNewcomers(t *testing.T) {
	t.Parallel()
	e := startEnvoy(t, http.HandlerFunc(sleepy))
	var wait sync.WaitGroup
	var newest time.Time
	start := time.Now()
	wait.Go(func() {
		for time.Since(start) < 3*time.Second {
			newest = time.Now()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			response, err := client.Get("http://" + e.http)
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
			time.Sleep(20 * time.Millisecond)
		}
	})
	e.drain(t)
	ended := time.Now()
	wait.Wait()
	expectQuiet(t, newest, ended)
}

func TestEnvoyDrainWaitsForTCP(t *testing.T) {
	t.Parallel()
	e := startEnvoy(t, http.HandlerFunc(sleepy))
	conn, err := net.Dial("tcp", e.tcp)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan time.Time, 1)
	time.AfterFunc(2*time.Second, func() {
		closed <- time.Now()
		conn.Close()
	})
	e.drain(t)
	ended := time.Now()
	expectQuiet(t, <-closed, ended)
}

func TestEnvoyDrainOfNothing(t *testing.T) {
	t.Parallel()
	e := startEnvoy(t, http.HandlerFunc(sleepy))
	start := time.Now()
	e.drain(t)
	expectQuiet(t, start, time.Now())
	body, err := e.drainer.admin.Ask(context.Background(), http.MethodGet, "/server_info")
	if err != nil || !strings.Contains(string(body), "DRAINING") {
		t.Errorf("Envoy does not say that it drains: %v", err)
	}
}

func TestEnvoyDrainIsBounded(t *testing.T) {
	t.Parallel()
	e := startEnvoy(t, http.HandlerFunc(sleepy))
	conn, err := net.Dial("tcp", e.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e.drainer.options.timeout = 2 * time.Second
	start := time.Now()
	outcome := e.drain(t)
	if took := time.Since(start); took < e.drainer.options.timeout || took > e.drainer.options.timeout+3*time.Second {
		t.Errorf("drained after %v, want %v", took, e.drainer.options.timeout)
	}
	if outcome.complete || outcome.last.connections != 1 {
		t.Errorf("cut %+v, want one connection", outcome)
	}
}
