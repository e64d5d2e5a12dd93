package e2e

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/asker"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const twoProxiesYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {name: kedify-proxy}
spec: {replicas: 2}
`

// TestKedifyHTTPCounting sends a known load through two proxies, unevenly, and asks both
// controllers and KEDA for the numbers: the rate is within 5 %, what is in flight is exact, and
// what a killed proxy had in flight is gone within seconds.
func TestKedifyHTTPCounting(t *testing.T) {
	c := cluster.Connect(t)
	c.DeploymentReady(t, controllers, controllerName)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, twoProxiesYAML)
	deploy(t, c, namespace, workload{Name: "rate", Replicas: 1},
		scaled{Host: "rate.test", Min: 1, Max: 1, Metric: "requestRate", Target: 1000, More: []string{"window: 10s"}})
	deploy(t, c, namespace, workload{Name: "open", Replicas: 1},
		scaled{Host: "open.test", Min: 1, Max: 1, Metric: "concurrency", Target: 1000, More: []string{"concurrencyAggregation: instant"}})
	c.DeploymentsReady(t, namespace)
	proxies := entrances(t, c, namespace, 2)
	for _, proxy := range proxies {
		probe(t, proxy, "rate.test", "/")
		probe(t, proxy, "open.test", "/")
	}
	t.Run("Rate", func(t *testing.T) { countRate(t, c, namespace, proxies) })
	t.Run("InFlight", func(t *testing.T) { countOpen(t, c, namespace, proxies) })
}

// entrances are the addresses of the pods of the proxy, with the port for HTTP.
func entrances(t *testing.T, c *cluster.Cluster, namespace string, n int) []string {
	t.Helper()
	var found []string
	cluster.Eventually(t, time.Minute, func() error {
		slices, err := c.Clients.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{
			LabelSelector: "gateway.networking.k8s.io/gateway-name=" + proxyName,
		})
		if err != nil {
			return err
		}
		found = nil
		for _, slice := range slices.Items {
			found = append(found, readyAt(slice, 8080)...)
		}
		if len(found) != n {
			return fmt.Errorf("%d proxies are ready, want %d", len(found), n)
		}
		return nil
	})
	return found
}

// readyAt are the ready endpoints of a slice for the port whose name ends with the number of
// the listener.
func readyAt(slice discoveryv1.EndpointSlice, listener int) (addresses []string) {
	for _, port := range slice.Ports {
		if port.Name == nil || port.Port == nil || *port.Name != fmt.Sprintf("tcp-%d", listener) {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				addresses = append(addresses, net.JoinHostPort(endpoint.Addresses[0], fmt.Sprint(*port.Port)))
			}
		}
	}
	return addresses
}

// believers are the replicas and Pods that answer for the number of a trigger, by name.
func believers(t *testing.T, c *cluster.Cluster, namespace, name string) map[string]func() (float64, error) {
	t.Helper()
	object := c.ScaledObjectReady(t, namespace, name)
	all := map[string]func() (float64, error){"KEDA": func() (float64, error) { return c.Metric(t, object, 0) }}
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		all[pod.Name] = func() (float64, error) {
			return asker.Value(t.Context(), net.JoinHostPort(pod.Status.PodIP, "9090"), object, 0)
		}
	}
	if len(all) != 3 {
		t.Fatalf("%d to ask, want KEDA and two controllers", len(all))
	}
	return all
}

// countRate compares what is told with what the test itself has seen answered in the window. A
// machine that stalls sends late, so what was wanted is not what was sent; and what is told is
// up to some reports old.
func countRate(t *testing.T, c *cluster.Cluster, namespace string, proxies []string) {
	const window, old, samples, tolerance = 10 * time.Second, 3 * time.Second, 10, 0.05
	all := believers(t, c, namespace, "rate")
	seen := &clicks{}
	for i, rate := range []float64{30, 10} {
		load.Arrive(t, load.Arrivals{
			Address: proxies[i], Rate: rate, Observe: func(*http.Response, []byte) { seen.add() },
			Request: func(int) load.Request { return load.Request{Host: "rate.test", Path: "/"} },
		})
	}
	time.Sleep(window + old)
	for range samples {
		for name, ask := range all {
			least, _ := seen.rates(window, old)
			got, err := ask()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, most := seen.rates(window, old)
			if got < least*(1-tolerance) || got > most*(1+tolerance) {
				t.Errorf("%s says %.2f requests per second, %.2f to %.2f were answered", name, got, least, most)
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	least, most := seen.rates(window, old)
	t.Logf("at the end %.2f to %.2f requests per second were answered", least, most)
}

// clicks are the moments of answers.
type clicks struct {
	mu    sync.Mutex
	times []time.Time
}

func (c *clicks) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, time.Now())
}

// rates are the least and the most clicks per second over windows that ended up to some time ago.
func (c *clicks) rates(window, old time.Duration) (least, most float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	least = math.Inf(1)
	for end := time.Now(); time.Since(end) < old; end = end.Add(-100 * time.Millisecond) {
		n := 0
		for _, at := range c.times {
			if at.After(end.Add(-window)) && !at.After(end) {
				n++
			}
		}
		rate := float64(n) / window.Seconds()
		least, most = min(least, rate), max(most, rate)
	}
	return least, most
}

// countOpen counts WebSockets: long, and nothing else is in flight.
func countOpen(t *testing.T, c *cluster.Cluster, namespace string, proxies []string) {
	all := believers(t, c, namespace, "open")
	agree := func(want float64, limit time.Duration) {
		t.Helper()
		begun := time.Now()
		cluster.Eventually(t, limit, func() error {
			var wrong []error
			for name, ask := range all {
				got, err := ask()
				if err == nil && got != want {
					err = fmt.Errorf("%s says %v in flight, want %v", name, got, want)
				}
				if err != nil {
					wrong = append(wrong, err, fmt.Errorf("%s", known(t, c, namespace, "open-0")))
				}
			}
			return errors.Join(wrong...)
		})
		t.Logf("all say %v after %s", want, time.Since(begun).Round(10*time.Millisecond))
	}
	agree(0, 10*time.Second)
	first, second := sockets(t, proxies[0], "open.test", 10), sockets(t, proxies[1], "open.test", 7)
	agree(17, 5*time.Second)
	for _, socket := range first[:4] {
		socket.Close()
	}
	for _, socket := range append(first[4:], second...) {
		if err := says(socket, "still here"); err != nil {
			t.Fatal(err)
		}
	}
	agree(13, 5*time.Second)
	for _, pod := range c.Pods(t, namespace, "gateway.networking.k8s.io/gateway-name="+proxyName) {
		if host, _, _ := net.SplitHostPort(proxies[0]); pod.Status.PodIP == host {
			kill(t, c, namespace, pod.Name)
		}
	}
	agree(7, 10*time.Second)
	for _, socket := range second {
		socket.Close()
	}
	agree(0, 5*time.Second)
	entrances(t, c, namespace, 2)
	agree(0, 5*time.Second)
}

// known is what the controllers know of a trigger, for a message.
func known(t *testing.T, c *cluster.Cluster, namespace, scaler string) string {
	t.Helper()
	var text strings.Builder
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		demands, err := dump.Demands(t.Context(), pod.Status.PodIP)
		fmt.Fprintf(&text, "%s: %+v %v\n", pod.Name, demands[namespace+"/"+scaler], err)
	}
	return text.String()
}

// sockets opens WebSockets and makes sure that each of them works.
func sockets(t *testing.T, address, host string, n int) []*websocket.Conn {
	t.Helper()
	var all []*websocket.Conn
	for range n {
		socket, err := dialSocket(address, host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { socket.Close() }) // a connection that nothing refers to is closed any time
		all = append(all, socket)
	}
	return all
}

// dialSocket opens a WebSocket and hears the echo of a message.
func dialSocket(address, host string) (*websocket.Conn, error) {
	settings, err := websocket.NewConfig("ws://"+host+"/ws", "http://"+host)
	if err != nil {
		return nil, err
	}
	connection, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	socket, err := websocket.NewClient(settings, connection)
	if err != nil {
		connection.Close()
		return nil, err
	}
	if err := says(socket, "hello"); err != nil {
		return nil, err
	}
	return socket, socket.SetDeadline(time.Time{})
}

// says sends a message and wants it back.
func says(socket *websocket.Conn, message string) error {
	if err := socket.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if err := websocket.Message.Send(socket, message); err != nil {
		return err
	}
	var heard string
	if err := websocket.Message.Receive(socket, &heard); err != nil {
		return err
	}
	if heard != message {
		return fmt.Errorf("said %q, heard %q", message, heard)
	}
	return nil
}
