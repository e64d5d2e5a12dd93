package translate_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// TestListenerFilterBesideCORS: a preflight is authorized by the listener, and then answered by the rule; an answer of a rule that the
// service has chosen has the headers of its rule. A WebSocket that is allowed is opened.
func TestListenerFilterBesideCORS(t *testing.T) {
	t.Parallel()
	for _, protocol := range authProtocols {
		w := newWorld(t)
		service, auth := w.authorizer(protocol)
		service.Decide(func(ctx context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
			if q.Method == http.MethodOptions && q.Path == "/open" {
				return proxytest.AuthDecision{Status: 200, Header: http.Header{"X-User": {"ann"}}}
			}
			return byToken(ctx, q)
		})
		ann := to(w.service("ann"))
		ann.Filters.CORS = &ir.CORS{AllowOrigins: []string{"https://page.test"}, AllowMethods: []string{"PUT"}}
		w.behind([]*ir.Auth{auth}, route("ann", userIs("ann"), ann), route("rest", prefix("/"), to(w.service("rest"))))
		w.apply()
		for _, host := range guardedHosts {
			preflight := map[string]string{"Origin": "https://page.test", "Access-Control-Request-Method": "PUT"}
			out := w.expect(ask{host: host, path: "/open", method: "OPTIONS", headers: preflight}, 200, "")
			if out.header.Get("Access-Control-Allow-Origin") != "https://page.test" || out.Backend != "" {
				t.Errorf("%s %s: preflight %v from %q", protocol, host, out.header, out.Backend)
			}
			out = w.expect(ask{host: host, path: "/closed", method: "OPTIONS", headers: preflight}, 403, "")
			if out.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: the denial has %v", protocol, host, out.header)
			}
			out = w.expect(ask{host: host, method: "PUT", headers: map[string]string{"Authorization": "Bearer good", "Origin": "https://page.test"}},
				200, "ann")
			if out.header.Get("Access-Control-Allow-Origin") != "https://page.test" {
				t.Errorf("%s %s: answer with %v", protocol, host, out.header)
			}
			connection := w.dial()
			if _, err := fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer good\r\nConnection: Upgrade\r\n"+
				"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host); err != nil {
				t.Fatal(err)
			}
			if opened, err := http.ReadResponse(bufio.NewReader(connection), nil); err != nil || opened.StatusCode != 101 {
				t.Errorf("%s %s: WebSocket: %+v %v", protocol, host, opened, err)
			}
		}
	}
}

// TestListenerFilterSharesTheDeadline: the deadline of the rule that is chosen runs from the first byte of the request. Until then that of
// the rule which would take the request as it came bounds the wait.
func TestListenerFilterSharesTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service, auth := w.authorizer("http")
	service.Decide(func(_ context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
		time.Sleep(700 * time.Millisecond)
		return proxytest.AuthDecision{Status: 200, Header: http.Header{"X-User": {q.Header.Get("Authorization")}}}
	})
	within := func(limit time.Duration) *ir.Forward {
		forward := to(w.service(limit.String()))
		forward.Timeouts.Request = &limit
		return forward
	}
	w.behind([]*ir.Auth{auth},
		route("short", userIs("short"), within(300*time.Millisecond)),
		route("early", prefix("/early"), within(400*time.Millisecond)),
		route("long", userIs("long"), within(30*time.Second)),
		route("rest", prefix("/"), to(w.service("rest"))))
	w.apply()
	for _, host := range guardedHosts {
		w.expect(ask{host: host, headers: map[string]string{"Authorization": "long"}}, 200, "30s")
		w.expect(ask{host: host, headers: map[string]string{"Authorization": "other"}}, 200, "rest")
		w.expect(ask{host: host, headers: map[string]string{"Authorization": "short"}}, 504, "")
		w.expect(ask{host: host, path: "/early", headers: map[string]string{"Authorization": "none"}}, 504, "")
	}
}
