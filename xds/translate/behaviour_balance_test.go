package translate_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestT25OneConnectionReachesAllPods: the requests of one HTTP/2 connection that stays open are balanced one
// by one, over endpoints that speak HTTP/2 (gRPC) and HTTP/1.1.
func TestT25OneConnectionReachesAllPods(t *testing.T) {
	const requests = 300
	w := newWorld(t)
	hosts := map[string]ir.Protocol{"h2.test": ir.HTTP2, "http1.test": ir.HTTP1}
	for host, protocol := range hosts {
		key := w.cluster(ir.Cluster{Key: serviceKey(host), Protocol: protocol}, echo(t, "a"), echo(t, "b"), echo(t, "c"))
		w.host(host, route(host, prefix("/"), to(key)))
	}
	w.apply()
	for host := range hosts {
		var connections atomic.Int32
		transport := &http2.Transport{AllowHTTP: true,
			DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
				connections.Add(1)
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}}
		answers := map[string]int{}
		for range requests {
			answers[w.servedBy(transport, host)]++
		}
		transport.CloseIdleConnections()
		if n := connections.Load(); n != 1 {
			t.Errorf("%s: %d connections", host, n)
		}
		for _, name := range []string{"a", "b", "c"} {
			if share := float64(answers[name]) / requests; share < 0.20 || share > 0.45 {
				t.Errorf("%s: endpoint %s got %.2f of the requests, want 0.20 to 0.45", host, name, share)
			}
		}
	}
}

// servedBy is the backend that answered a request.
func (w *world) servedBy(transport http.RoundTripper, host string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+local(w.port)+"/", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Host = host
	response, err := transport.RoundTrip(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s, %v", host, response.Status, err)
	}
	return response.Header.Get("x-backend")
}
