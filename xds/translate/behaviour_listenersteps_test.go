package translate_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// TestListenerFilterCannotSkipTheNext: a service that says or removes the header which chooses the next filter, and a client that has
// connection headers removed, get no request past a later filter of the listener.
func TestListenerFilterCannotSkipTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	evil := map[string]proxytest.AuthDecision{
		"none":      {Status: 200},
		"skip":      {Status: 200, Header: http.Header{"X-Gw-Step": {"2"}}},
		"capital":   {Status: 200, Header: http.Header{"X-GW-STEP": {"16"}}},
		"empty":     {Status: 200, Header: http.Header{"x-gw-step": {""}}},
		"remove":    {Status: 200, Remove: []string{"x-gw-step"}},
		"shout":     {Status: 200, Remove: []string{"X-GW-STEP"}},
		"chain":     {Status: 200, Remove: []string{"x-gw-chain", "x-gw-host"}},
		"host":      {Status: 200, Header: http.Header{"X-Gw-Host": {"open.test"}}},
		"authority": {Status: 200, Header: http.Header{":authority": {"open.test"}, "Host": {"open.test"}}},
	}
	for _, protocol := range authProtocols {
		first, auth := w.authorizer(protocol)
		auth.RequestHeaders = []string{"x-evil"}
		first.Decide(func(_ context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
			return evil[q.Header.Get("x-evil")]
		})
		last := proxytest.StartAuthorizer(t, false)
		last.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			return proxytest.AuthDecision{Status: 418}
		})
		guard := &ir.Auth{Cluster: w.authService("last-"+protocol, "http", last.Address)}
		routes := []ir.Route{route("web", prefix("/"), to(w.service("web")))}
		filters := &ir.ListenerFilters{Auths: []*ir.Auth{auth, guard}}
		w.hosts(
			ir.Host{Chain: w.chain, Hostname: "exact.test", Routes: routes, Filters: filters},
			ir.Host{Chain: w.chain, Hostname: "*.wild.test", Routes: routes, Filters: filters},
			ir.Host{Chain: w.chain, Hostname: "open.test", Routes: routes},
		)
		w.apply()
		for _, host := range []string{"exact.test", "a.wild.test"} {
			for name := range evil {
				out := w.do(ask{host: host, headers: map[string]string{"x-evil": name}})
				if out.status < 400 || out.Backend != "" {
					t.Errorf("%s %s %s: %d from %q", protocol, host, name, out.status, out.Backend)
				}
			}
			for _, nominated := range []string{"x-gw-step", "x-gw-host", "x-gw-chain", "close, x-gw-host", "X-GW-HOST"} {
				out := w.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\nx-evil: none\r\nConnection: " + nominated + "\r\n\r\n")
				if out.status < 400 || out.Backend != "" {
					t.Errorf("%s %s nominated %s: %d from %q", protocol, host, nominated, out.status, out.Backend)
				}
			}
		}
	}
}
