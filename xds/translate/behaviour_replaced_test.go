package translate_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// application is a Service with Pods that come and go while the proxy is told nothing.
type application struct {
	t         *testing.T
	clusterIP *clusterIP
	pods      []*httptest.Server
	attempts  atomic.Int64 // requests that Pods got
	handler   http.HandlerFunc
}

func newApplication(t *testing.T, pods int) *application {
	a := &application{t: t, clusterIP: newClusterIP(t)}
	a.handler = func(out http.ResponseWriter, in *http.Request) {
		_, _ = io.Copy(io.Discard, in.Body)
		_, _ = io.WriteString(out, "ok")
	}
	a.replace(pods)
	return a
}

// replace is a rolling update: new Pods, then the Service follows, then the old ones end.
func (a *application) replace(pods int) {
	old := a.pods
	a.pods = nil
	for range pods {
		pod := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
			a.attempts.Add(1)
			a.handler(out, in)
		}))
		a.t.Cleanup(pod.Close)
		a.pods = append(a.pods, pod)
	}
	a.clusterIP.lead(a.addresses())
	for _, pod := range old {
		pod.Close()
	}
}

func (a *application) addresses() (addresses []string) {
	for _, pod := range a.pods {
		addresses = append(addresses, pod.Listener.Addr().String())
	}
	return addresses
}

// clusterIP does what kube-proxy does for the address of a Service: a connection to a ready Pod, or
// a refusal when there is none.
type clusterIP struct {
	t       *testing.T
	address string
	accept  net.Listener // nil: refuses
	ended   sync.WaitGroup

	next        atomic.Int64
	connections atomic.Int64
	pods        atomic.Pointer[[]string]
}

func newClusterIP(t *testing.T) *clusterIP {
	c := &clusterIP{t: t, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(proxytest.Port(t)))}
	t.Cleanup(func() { c.lead(nil) })
	return c
}

func (c *clusterIP) lead(pods []string) {
	c.pods.Store(&pods)
	switch {
	case len(pods) == 0 && c.accept != nil:
		_ = c.accept.Close()
		c.ended.Wait()
		c.accept = nil
	case len(pods) > 0 && c.accept == nil:
		accept, err := net.Listen("tcp4", c.address)
		if err != nil {
			c.t.Error(err)
			return
		}
		c.accept = accept
		c.ended.Go(func() { c.serve(accept) })
	}
}

func (c *clusterIP) serve(accept net.Listener) {
	for {
		client, err := accept.Accept()
		if err != nil {
			return
		}
		c.connections.Add(1)
		pods := *c.pods.Load()
		go splice(client, pods[int(c.next.Add(1))%len(pods)])
	}
}

// splice copies in both directions until one ends.
func splice(client net.Conn, to string) {
	defer func() { _ = client.Close() }()
	pod, err := net.Dial("tcp4", to)
	if err != nil {
		return
	}
	defer func() { _ = pod.Close() }()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{client, pod}, {pod, client}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}

// backed adds an application with its ClusterIP.
func (w *world) backed(name string, a *application) ir.ClusterKey {
	w.t.Helper()
	key := serviceKey(name)
	w.one(translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1}))
	endpoints := ir.Endpoints{Key: key, ClusterIP: endpointOf(w.t, a.clusterIP.address)}
	for _, address := range a.addresses() {
		endpoints.Addresses = append(endpoints.Addresses, endpointOf(w.t, address))
	}
	w.one(translate.Endpoints(endpoints))
	return key
}

// load sends requests at a pace until stop, and returns how many failed and the slowest.
func (w *world) load(a ask, stop <-chan struct{}) (sent, failed int, slowest time.Duration) {
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-stop:
			return sent, failed, slowest
		case <-ticks.C:
		}
		begun := time.Now()
		out, err := w.try(a)
		if sent++; err != nil || out.status != 200 {
			failed++
			w.t.Logf("%s %s: %d %q %v", a.method, a.path, out.status, out.text, err)
		}
		slowest = max(slowest, time.Since(begun))
	}
}

// TestPodsReplacedUnknown: all Pods of an application are replaced, twice, and no control plane
// tells the proxy. Requests find the new ones by the ClusterIP; those that an old Pod has got when
// it ends may fail.
func TestPodsReplacedUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules := map[string]func(ir.ClusterKey) *ir.Forward{
		"plain": func(key ir.ClusterKey) *ir.Forward { return to(key) },
		"held": func(key ir.ClusterKey) *ir.Forward {
			return &ir.Forward{Targets: []ir.Target{w.held(ir.Target{Cluster: key, Weight: 1}, nil)}}
		},
		"limited": func(key ir.ClusterKey) *ir.Forward {
			f := to(key)
			f.Timeouts.BackendRequest = limit(5 * time.Second)
			return f
		},
		"retried": func(key ir.ClusterKey) *ir.Forward {
			f := to(key)
			f.Retry = &ir.Retry{Attempts: 1, Codes: []uint32{503}}
			return f
		},
	}
	applications := map[string]*application{}
	var routes []ir.Route
	for name, rule := range rules {
		applications[name] = newApplication(t, 2)
		routes = append(routes, route(name, prefix("/"+name), rule(w.backed(name, applications[name]))))
	}
	w.host("app.test", routes...)
	w.apply()
	stop := make(chan struct{})
	var running sync.WaitGroup
	for name := range rules {
		running.Go(func() {
			sent, failed, slowest := w.load(ask{host: "app.test", path: "/" + name, method: "POST", body: "prompt"}, stop)
			t.Logf("%s: %d of %d requests failed, the slowest took %s", name, failed, sent, slowest.Round(time.Millisecond))
			if failed > 2 { // one in flight at each of two updates
				t.Errorf("%s: %d of %d requests failed", name, failed, sent)
			}
		})
	}
	const before, between, after = 25, 25, 25 // requests that Pods get at least
	for update, requests := range []int64{before, between, after} {
		for name, a := range applications {
			had := a.attempts.Load()
			gomega.NewWithT(t).Eventually(a.attempts.Load, time.Minute).Should(gomega.BeNumerically(">=", had+requests),
				"%s, update %d", name, update)
			if update < 2 {
				a.replace(2)
			}
		}
	}
	close(stop)
	running.Wait()
}

// TestClusterIPIsTheLastWay: while Pods take connections no request passes by the ClusterIP, and
// none does any more some seconds after they take them again.
func TestClusterIPIsTheLastWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := newApplication(t, 1)
	w.host("app.test", route("app", prefix("/"), to(w.backed("app", a))))
	w.apply()
	for range 50 {
		w.expect(ask{host: "app.test"}, 200, "")
	}
	// What the proxy keeps of a body for a retry does not bound the body.
	w.expect(ask{host: "app.test", method: "POST", body: strings.Repeat("x", 3<<20)}, 200, "")
	if n := a.clusterIP.connections.Load(); n > 0 {
		t.Fatalf("%d connections to the ClusterIP of a healthy application", n)
	}
	first := a.addresses()[0]
	a.replace(1)
	for range 10 {
		w.expect(ask{host: "app.test"}, 200, "")
	}
	if a.clusterIP.connections.Load() == 0 {
		t.Fatal("no connection to the ClusterIP")
	}
	again, err := net.Listen("tcp4", first)
	if err != nil {
		t.Fatal(err)
	}
	back := &httptest.Server{Listener: again, Config: &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, "back")
	})}}
	back.Start()
	defer back.Close()
	gomega.NewWithT(t).Eventually(func() string { return w.do(ask{host: "app.test"}).text }).
		WithTimeout(20 * time.Second).WithPolling(50 * time.Millisecond).Should(gomega.Equal("back"))
}

// TestNothingIsSentTwice: a request that a Pod has got is not sent again, neither to another Pod nor
// by the ClusterIP.
func TestNothingIsSentTwice(t *testing.T) {
	w := newWorld(t)
	a := newApplication(t, 2)
	a.handler = disconnect
	w.host("app.test", route("app", prefix("/"), to(w.backed("app", a))))
	w.apply()
	const requests = 6
	for i := range requests {
		w.expect(ask{host: "app.test", method: "POST", body: fmt.Sprint(i)}, 503, "")
	}
	if n := a.attempts.Load(); n != requests {
		t.Errorf("%d requests came %d times", requests, n)
	}
}

// TestLoneEndpointIsNeverGivenUp: an endpoint that refuses connections is still tried when
// there is no other way, so a Pod is used from its first moment on; and a ClusterIP without Pods
// answers 503 at once.
func TestLoneEndpointIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lone := net.JoinHostPort("127.0.0.1", strconv.Itoa(proxytest.Port(t)))
	empty := newApplication(t, 1)
	w.host("app.test",
		route("lone", prefix("/lone"), to(w.cluster(ir.Cluster{Key: serviceKey("lone"), Protocol: ir.HTTP1}, lone))),
		route("gone", prefix("/gone"), to(w.backed("gone", empty))),
		route("none", prefix("/none"), to(w.cluster(ir.Cluster{Key: serviceKey("none"), Protocol: ir.HTTP1}))))
	w.apply()
	empty.replace(0)
	for range 8 {
		for _, path := range []string{"/lone", "/gone", "/none"} {
			begun := time.Now()
			w.expect(ask{host: "app.test", path: path}, 503, "")
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("%s: refused after %s", path, took)
			}
		}
	}
	accept, err := net.Listen("tcp4", lone)
	if err != nil {
		t.Fatal(err)
	}
	pod := &httptest.Server{Listener: accept, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}}
	pod.Start()
	defer pod.Close()
	empty.replace(1)
	for range 8 {
		w.expect(ask{host: "app.test", path: "/lone"}, 200, "")
		// A ClusterIP that refused is itself left alone for a while. When the gone Pod is given another
		// chance meanwhile, it alone is tried until it is left alone again.
		gomega.NewWithT(t).Eventually(func() int { return w.do(ask{host: "app.test", path: "/gone"}).status }).
			WithTimeout(5 * time.Second).Should(gomega.Equal(200))
	}
}
