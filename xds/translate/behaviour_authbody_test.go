package translate_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// sent is a body and how it comes.
type sent struct {
	protocol int // of HTTP
	size     int
	unsized  bool // without Content-Length
}

// send posts a body of a size.
func (w *world) send(clients map[int]*http.Client, host, path string, s sent) answer {
	w.t.Helper()
	var body io.Reader = strings.NewReader(strings.Repeat("b", s.size))
	if s.unsized {
		body = struct{ io.Reader }{body}
	}
	request, err := http.NewRequest(http.MethodPost, "http://"+local(w.port)+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Host = host
	response, err := clients[s.protocol].Do(request)
	if err != nil {
		w.t.Errorf("%s %+v: %v", host, s, err)
		return answer{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Errorf("%s %+v: %v", host, s, err)
	}
	return answerOf(response, text)
}

// TestAuthBodies: the service is told the whole body, and the backend gets it; one that is longer than the rule allows is refused,
// and neither the service nor the backend is told a part of it.
func TestAuthBodies(t *testing.T) {
	t.Parallel()
	const small, large = 10, 1 << 20
	w := newWorld(t)
	services := map[string]*proxytest.Authorizer{}
	var routes []ir.Route
	for _, protocol := range authProtocols {
		service, auth := w.authorizer(protocol)
		services[protocol] = service
		for name, limit := range map[string]uint32{"none": 0, "small": small, "large": large} {
			limited := *auth
			limited.MaxBody = limit
			routes = append(routes, route(name, prefix("/"+protocol+"/"+name), guarded(&limited, ir.Target{Cluster: w.service("web"), Weight: 1})))
		}
	}
	w.everywhere(append(routes, route("rest", prefix("/"), &ir.Respond{StatusCode: 404}))...)
	w.apply()
	clients := map[int]*http.Client{1: clientOf(t, 1, true)(), 2: clientOf(t, 2, true)()}
	for _, protocol := range authProtocols {
		for _, s := range []struct {
			path string
			size int
			told int // bytes that the service is told; -1: it is not asked
		}{
			{"none", 0, 0}, {"none", 100, 0}, {"none", 2 << 20, 0},
			{"small", 0, 0}, {"small", small, small}, {"small", small + 1, -1}, {"small", 16 << 10, -1}, {"small", 300 << 10, -1},
			{"large", 300 << 10, 300 << 10}, {"large", large, large}, {"large", large + 1, -1}, {"large", 2 * large, -1},
		} {
			for _, by := range []sent{{1, s.size, false}, {1, s.size, true}, {2, s.size, false}, {2, s.size, true}} {
				for _, host := range guardedHosts[1:3] {
					before := len(services[protocol].Asked())
					out := w.send(clients, host, "/"+protocol+"/"+s.path, by)
					asked := services[protocol].Asked()[before:]
					if s.told < 0 {
						if out.status != 413 || len(asked) > 0 {
							t.Errorf("%s %s %+v: %d, and the service was asked %d times", protocol, s.path, by, out.status, len(asked))
						}
						continue
					}
					if out.status != 200 || len(out.Body) != s.size || len(asked) != 1 || len(asked[0].Body) != s.told {
						t.Errorf("%s %s %+v: %d with %d bytes at the backend (%.100s)", protocol, s.path, by, out.status, len(out.Body), out.text)
					}
					if protocol == "http" && len(asked) == 1 && asked[0].Header.Get("Content-Length") != fmt.Sprint(s.told) {
						t.Errorf("%s %+v: the service was told a length of %s", s.path, by, asked[0].Header.Get("Content-Length"))
					}
				}
			}
		}
	}
}

// TestAuthOfWebSockets: a handshake is authorized, also on a rule that tells bodies.
func TestAuthOfWebSockets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var routes []ir.Route
	limit := time.Minute
	for _, protocol := range authProtocols {
		service, auth := w.authorizer(protocol)
		service.Decide(byToken)
		auth.MaxBody = 100
		forward := guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})
		forward.Timeouts.Request = &limit // a route of its own for handshakes
		routes = append(routes, route(protocol, prefix("/"+protocol), forward))
	}
	w.everywhere(routes...)
	w.apply()
	for _, protocol := range authProtocols {
		for _, host := range guardedHosts {
			for token, want := range map[string]string{"good": "HTTP/1.1 101", "bad": "HTTP/1.1 403"} {
				connection, err := net.Dial("tcp", local(w.port))
				if err != nil {
					t.Fatal(err)
				}
				_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
				fmt.Fprintf(connection, "GET /%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
					"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", protocol, host, token)
				head := make([]byte, len(want))
				if _, err := io.ReadFull(connection, head); err != nil || string(head) != want {
					t.Errorf("%s %s, token %s: %q (%v), want %s", protocol, host, token, head, err, want)
				}
				_ = connection.Close()
			}
		}
	}
}

// TestAuthClientsLeave: a client that leaves while the service decides ends its question, and no more than that.
func TestAuthClientsLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	services, left := map[string]*proxytest.Authorizer{}, make(chan string, 100)
	var routes []ir.Route
	for _, protocol := range authProtocols {
		service, auth := w.authorizer(protocol)
		services[protocol] = service
		service.Decide(func(ctx context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
			if strings.HasSuffix(q.Path, "/wait") {
				<-ctx.Done()
				left <- protocol
			}
			return proxytest.AuthDecision{Status: 200}
		})
		auth.MaxBody = 100
		routes = append(routes, route(protocol, prefix("/"+protocol), guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})))
	}
	w.everywhere(routes...)
	w.apply()
	const each = 5
	for _, protocol := range authProtocols {
		for i := range each {
			before := len(services[protocol].Asked())
			connection, err := net.Dial("tcp", local(w.port))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(connection, "POST /%s/wait HTTP/1.1\r\nHost: %s\r\nContent-Length: 4\r\n\r\nbody", protocol,
				guardedHosts[i%len(guardedHosts)])
			gomega.NewWithT(t).Eventually(func() int { return len(services[protocol].Asked()) }, 5*time.Second,
				time.Millisecond).Should(gomega.Equal(before + 1))
			_ = connection.Close()
			gomega.NewWithT(t).Eventually(left, 4*time.Second).Should(gomega.Receive(gomega.Equal(protocol)))
		}
		w.expect(ask{host: "exact.test", path: "/" + protocol, method: "POST", body: "body"}, 200, "web")
	}
}

// TestAuthWhileTablesChange: no request passes without a decision while the rules and their services are replaced, and the proxy
// lives on.
func TestAuthWhileTablesChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var auths []*ir.Auth
	for _, protocol := range authProtocols {
		service, auth := w.authorizer(protocol)
		service.Decide(byToken)
		auths = append(auths, auth)
	}
	web := w.service("web")
	serve := func(i int) {
		auth := *auths[i%2]
		auth.MaxBody = uint32(100 + i)
		auth.ResponseHeaders = []string{"x-user", fmt.Sprint("x-", i)}
		w.everywhere(route("guarded", prefix("/"), guarded(&auth, ir.Target{Cluster: web, Weight: 1})))
	}
	serve(0)
	w.apply()
	stop, done := make(chan struct{}), make(chan int)
	for worker := range 4 {
		go func() {
			passed := 0
			defer func() { done <- passed }()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				a := ask{host: guardedHosts[(i+worker)%len(guardedHosts)], method: "POST", body: "x"}
				if i%2 == 0 {
					a.headers = map[string]string{"Authorization": "Bearer good"}
				}
				out, err := w.try(a)
				if err != nil || i%2 == 0 && out.status != 200 || i%2 != 0 && out.status != 403 {
					t.Errorf("request %d of %s: %d %.80q %v", i, a.host, out.status, out.text, err)
					return
				}
				passed++
			}
		}()
	}
	for i := range 100 {
		serve(i + 1)
		if err := w.proxy.Ask(w.set); err != nil {
			t.Fatal(err)
		}
		w.set = resource.Change{}
	}
	close(stop)
	for range 4 {
		if <-done == 0 {
			t.Error("no request was asked about")
		}
	}
}

// TestAuthOverTLS: a service with a BackendTLSPolicy is asked over TLS, and believed only with a certificate of its authority.
func TestAuthOverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys, strangers := proxytest.NewKeys(t), proxytest.NewKeys(t)
	w.one(translate.Secret(ir.Secret{Name: "authority", CA: keys.CA}))
	var routes []ir.Route
	for _, protocol := range authProtocols {
		service := proxytest.StartAuthorizer(t, protocol == "grpc")
		for name, of := range map[string]*proxytest.Keys{"known": keys, "strange": strangers} {
			key, spoken, protocols := serviceKey(name+protocol), ir.HTTP1, []string{"http/1.1"}
			if protocol == "grpc" {
				key.Route, spoken, protocols = ir.RouteGRPC, ir.HTTP2, []string{"h2"}
			}
			cluster := ir.Cluster{Key: key, Protocol: spoken, TLS: &ir.UpstreamTLS{SNI: "login.test", CA: "authority"}}
			auth := &ir.Auth{Cluster: w.cluster(cluster, secured(t, of, protocols, service.Address))}
			routes = append(routes, route(name, prefix("/"+protocol+"/"+name), guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})))
		}
	}
	w.everywhere(routes...)
	w.apply()
	for _, protocol := range authProtocols {
		for _, host := range guardedHosts {
			w.expect(ask{host: host, path: "/" + protocol + "/known"}, 200, "web")
			w.expect(ask{host: host, path: "/" + protocol + "/strange"}, 503, "")
		}
	}
}

// secured ends TLS in front of a server.
func secured(t *testing.T, keys *proxytest.Keys, protocols []string, address string) string {
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{keys.TLS(t, "login.test")}, NextProtos: protocols, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			outer, err := listener.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", address)
			if err != nil {
				_ = outer.Close()
				continue
			}
			go func() {
				defer outer.Close()
				_, _ = io.Copy(outer, inner)
			}()
			go func() {
				defer inner.Close()
				_, _ = io.Copy(inner, outer)
			}()
		}
	}()
	return listener.Addr().String()
}
