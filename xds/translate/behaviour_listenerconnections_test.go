package translate_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// TestListenerFilterKeepsConnections: a filter that comes, changes or goes ends no connection, of its own listener neither, and holds for
// the next request on it. An open WebSocket of another listener goes on.
func TestListenerFilterKeepsConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.service("web")
	services, routes := map[string]*ir.ListenerFilters{}, []ir.Route{route("web", prefix("/"), to(web))}
	for _, name := range []string{"one", "two"} {
		service := proxytest.StartAuthorizer(t, false)
		service.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			return proxytest.AuthDecision{Status: 403, Header: http.Header{"X-By": {name}}}
		})
		services[name] = &ir.ListenerFilters{Auths: []*ir.Auth{{Cluster: w.authService(name, "http", service.Address)}}}
	}
	set := func(filters *ir.ListenerFilters) {
		w.hosts(ir.Host{Chain: w.chain, Hostname: "exact.test", Routes: routes, Filters: filters},
			ir.Host{Chain: w.chain, Hostname: "*.wild.test", Routes: routes, Filters: filters},
			ir.Host{Chain: w.chain, Hostname: "*", Routes: routes})
		w.apply()
	}
	set(nil)
	socket := w.dial()
	if _, err := fmt.Fprint(socket, "GET / HTTP/1.1\r\nHost: open.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	opened, err := http.ReadResponse(bufio.NewReader(socket), nil)
	if err != nil || opened.StatusCode != 101 {
		t.Fatalf("WebSocket: %v %v", opened, err)
	}
	kept := w.dial()
	reader := bufio.NewReader(kept)
	for _, by := range []string{"", "one", "two", "", "one"} {
		set(services[by])
		for host, want := range map[string]string{"exact.test": by, "EXACT.test": by, "a.wild.test": by, "open.test": ""} {
			if _, err := fmt.Fprintf(kept, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
				t.Fatalf("%s behind %q: %v", host, by, err)
			}
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatalf("%s behind %q: %v", host, by, err)
			}
			out := make([]byte, 16<<10)
			_, _ = response.Body.Read(out)
			_ = response.Body.Close()
			if got := response.Header.Get("X-By"); got != want || (response.StatusCode == 200) != (want == "") || response.Close {
				t.Errorf("%s: %d by %q, want %q (the connection ends: %t)", host, response.StatusCode, got, want, response.Close)
			}
		}
	}
	if _, err := fmt.Fprint(socket, "ping"); err != nil {
		t.Errorf("WebSocket: %v", err)
	}
}

// TestListenerFilterOverTLS: a request passes the filter of the listener that its connection was made for. Over that connection, the
// hostname of another listener is misdirected, with or without its own filter, over HTTP/2 as well.
func TestListenerFilterOverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys, port := proxytest.NewKeys(t), uint32(proxytest.Port(t))
	web := w.service("web")
	var chains []ir.Chain
	names := []string{"closed.test", "open.test", "*.wild.test", ""}
	id := func(name string) string {
		if name == "" {
			name = "*"
		}
		return fmt.Sprintf("%d/%s", port, name)
	}
	filters := map[string]*ir.ListenerFilters{}
	for _, name := range names {
		chains = append(chains, ir.Chain{ID: id(name), SNI: name, TLS: &ir.ServerTLS{Certificates: []string{"all"}}})
		if name == "open.test" {
			continue
		}
		service := proxytest.StartAuthorizer(t, name == "")
		service.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			return proxytest.AuthDecision{Status: 403}
		})
		filters[name] = &ir.ListenerFilters{Auths: []*ir.Auth{{Cluster: w.authService("auth"+name[:min(len(name), 1)],
			map[bool]string{true: "grpc",
				false: "http"}[name == ""], service.Address)}}}
	}
	w.secret("all", keys, "closed.test", "open.test", "*.wild.test", "any.test")
	w.listener(ir.Listener{Port: port, Transport: ir.TCP, Chains: chains})
	routes := []ir.Route{route("web", prefix("/"), to(web))}
	for _, name := range names {
		table := ir.Wildcards{Chain: id(name)}
		for _, other := range names { // as package route has them
			pattern := other
			if pattern == "" {
				pattern = "*"
			}
			host := ir.Host{Chain: id(name), Hostname: pattern}
			switch {
			case other != name:
				table.Hosts = append(table.Hosts, host.Answering("misdirected "+pattern, ir.Respond{StatusCode: 421}, ir.Source{}))
			case pattern[0] == '*':
				host.Routes, host.Filters = routes, filters[name]
				table.Hosts = append(table.Hosts, host)
			default:
				host.Routes, host.Filters = routes, filters[name]
				scope, exact, err := translate.Host(host)
				if err != nil {
					t.Fatal(err)
				}
				w.add(scope, exact)
			}
		}
		scope, wild, err := translate.Wildcards(table)
		if err != nil {
			t.Fatal(err)
		}
		w.add(scope, wild)
	}
	w.apply()
	for sni, hosts := range map[string]map[string]int{
		"closed.test": {"closed.test": 403, "CLOSED.test": 403, "open.test": 421, "a.wild.test": 421, "any.test": 421},
		"open.test":   {"open.test": 200, "OPEN.test:1": 200, "closed.test": 421, "Closed.test.": 421, "a.wild.test": 421, "any.test": 421},
		"a.wild.test": {"a.wild.test": 403, "b.WILD.test": 403, "open.test": 421, "closed.test": 421},
		"any.test":    {"any.test": 403, "else": 403, "closed.test": 421, "open.test": 421, "x.wild.test": 421},
	} {
		transport := &http2.Transport{TLSClientConfig: &tls.Config{RootCAs: keys.Pool(), ServerName: sni, MinVersion: tls.VersionTLS12},
			DialTLSContext: func(ctx context.Context, network, _ string, config *tls.Config) (net.Conn, error) {
				return (&tls.Dialer{Config: config}).DialContext(ctx, network, local(port))
			}}
		client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
		for host, want := range hosts {
			request, err := http.NewRequest(http.MethodGet, "https://"+local(port)+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			response, err := client.Do(request)
			if err != nil {
				t.Fatalf("%s over %s: %v", host, sni, err)
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s over %s: %d, want %d", host, sni, response.StatusCode, want)
			}
		}
		transport.CloseIdleConnections()
	}
}
