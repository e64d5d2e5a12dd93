package translate_test

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// TestHoldLetsGo: a request to an armed backend goes on by itself when no replica of the control
// plane can be asked, whether their addresses refuse connections or swallow them, and not before a
// replica that is restarted would have been there again.
func TestHoldLetsGo(t *testing.T) {
	t.Parallel()
	const (
		requests   = 24
		least      = time.Second     // the patience of the least lucky request: the pauses are random
		most       = 9 * time.Second // and of the luckiest
		meanAtMost = 6 * time.Second
	)
	for name, replicas := range map[string][]string{
		"refused":        {refused(t), refused(t)},
		"swallowed":      {swallowed(t), swallowed(t)},
		"a lone replica": {swallowed(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			target := w.held(ir.Target{Cluster: w.service("backend"), Weight: 1}, nil)
			w.replicas(target.Hold.Cluster, replicas...)
			w.host("hold.test", route("held", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
			w.apply()
			took := make(chan time.Duration, requests)
			for range requests {
				go func() {
					begun := time.Now()
					out, err := w.try(ask{host: "hold.test", method: "POST", body: "once"})
					if err != nil || out.status != 200 {
						t.Errorf("answered %d %q, %v", out.status, out.text, err)
					}
					took <- time.Since(begun)
				}()
			}
			var shortest, longest, sum time.Duration = time.Hour, 0, 0
			for range requests {
				one := <-took
				shortest, longest, sum = min(shortest, one), max(longest, one), sum+one
			}
			mean := sum / requests
			t.Logf("let go after %s to %s, %s on average", shortest.Round(time.Millisecond), longest.Round(time.Millisecond),
				mean.Round(time.Millisecond))
			if shortest < least || longest > most || mean > meanAtMost {
				t.Errorf("want %s at least, %s at most and %s on average", least, most, meanAtMost)
			}
		})
	}
}

// TestHoldLetsGoAtZero: the request that went on by itself meets no endpoint: 503, and when to
// come back.
func TestHoldLetsGoAtZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	zero := ir.Target{Cluster: w.cluster(ir.Cluster{Key: serviceKey("zero"), Protocol: ir.HTTP1}), Weight: 1}
	placeholder := ir.Target{Cluster: w.cluster(ir.Cluster{Key: serviceKey("placeholder"), Protocol: ir.HTTP1}, refused(t)), Weight: 1}
	held := w.held(zero, nil)
	w.replicas(held.Hold.Cluster, refused(t))
	w.host("hold.test",
		route("held", prefix("/held"), &ir.Forward{Targets: []ir.Target{held}}),
		route("refused", prefix("/refused"), &ir.Forward{Targets: []ir.Target{placeholder}}),
		route("app", prefix("/app"), to(w.service("app"))))
	w.apply()
	for _, path := range []string{"/held", "/refused"} {
		if out := w.expect(ask{host: "hold.test", path: path}, 503, ""); out.header.Get("Retry-After") != "5" {
			t.Errorf("%s: Retry-After is %q", path, out.header.Get("Retry-After"))
		}
	}
	// What an application answers is its own.
	out := w.expect(ask{host: "hold.test", path: "/app", headers: map[string]string{"x-answer": "503"}}, 503, "app")
	if out.header.Get("Retry-After") != "" {
		t.Errorf("the answer of an application got Retry-After %q", out.header.Get("Retry-After"))
	}
}

// replicas are those that an armed hold cluster asks, each with a priority of its own.
func (w *world) replicas(hold ir.ClusterKey, addresses ...string) {
	w.t.Helper()
	var priorities [][]ir.Endpoint
	for _, address := range addresses {
		priorities = append(priorities, []ir.Endpoint{endpointOf(w.t, address)})
	}
	w.prioritized(hold, priorities...)
}

// refused is an address where no process listens.
func refused(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(proxytest.Port(t)))
}

// swallowed is an address that answers no SYN, like that of a Pod that is gone with its node: the
// backlog of a listener that accepts nothing is full.
func swallowed(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(os.NewSyscallError("bind", err))
	}
	if err := syscall.Listen(socket, 0); err != nil {
		t.Fatal(os.NewSyscallError("listen", err))
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(os.NewSyscallError("getsockname", err))
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for { // until one waits in vain
		connection, err := net.DialTimeout("tcp4", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = connection.Close() })
	}
}
