package authz

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/runtime"
	"github.com/open-policy-agent/opa/v1/server"
	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// policy lets users with a token ask for less than 1,000 tokens, and sends browsers to a login.
const policy = `package envoy.authz

http := input.attributes.request.http

default result := {"allowed": false, "http_status": 403, "body": "not for you", "headers": {"x-reason": "no token"}}

result := {"allowed": true, "headers": {"x-user": "ann", "x-tokens": sprintf("%d", [tokens])}} if {
	http.headers.authorization == "Bearer ann"
	tokens < 1000
}

result := {"allowed": false, "http_status": 302, "headers": {"location": "https://login.test/"}} if {
	not http.headers.authorization
	contains(http.headers.accept, "text/html")
}

default tokens := 0

tokens := json.unmarshal(http.body).max_tokens
`

// TestOPAOverGRPC: OPA's library decides by headers and body, for a rule, and for a listener: then the user that it names chooses the
// rule.
func TestOPAOverGRPC(t *testing.T) {
	t.Run("rule", func(t *testing.T) { opaOverGRPC(t, false) })
	t.Run("listener", func(t *testing.T) { opaOverGRPC(t, true) })
}

func opaOverGRPC(t *testing.T, onListener bool) {
	opa, err := NewOPA(t.Context(), policy)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	service := grpc.NewServer()
	authv3.RegisterAuthorizationServer(service, opa)
	go func() { _ = service.Serve(listener) }()
	t.Cleanup(service.Stop)
	w := newWorld(t)
	auth := &ir.Auth{Cluster: w.service("opa", listener.Addr().String(), ir.RouteGRPC), MaxBody: 1 << 20}
	web := w.service("shop", shop(t), "")
	if onListener {
		w.filters = &ir.ListenerFilters{Auths: []*ir.Auth{auth}}
		ann := rule("ann", "/", to(web, nil))
		ann.Match.Headers = []ir.ValueMatch{{Name: "x-user", Value: "ann"}}
		w.serve(ann)
	} else {
		w.serve(rule("shop", "/", to(web, auth)))
	}
	large := `{"max_tokens": 10, "prompt": "` + strings.Repeat("x", 1_000_000) + `"}`
	for _, host := range hosts {
		for _, c := range []struct {
			name, body string
			header     map[string]string
			status     int
			says       string // the backend's user, or what the answer says
		}{
			{"allowed", `{"max_tokens": 10}`, map[string]string{"Authorization": "Bearer ann", "X-User": "eve"}, 200, "ann"},
			{"allowed, 1 MB", large, map[string]string{"Authorization": "Bearer ann"}, 200, "ann"},
			{"denied by the body", `{"max_tokens": 5000}`, map[string]string{"Authorization": "Bearer ann"}, 403, "not for you"},
			{"denied", `{}`, map[string]string{"Authorization": "Bearer eve"}, 403, "not for you"},
			{"redirected", `{}`, map[string]string{"Accept": "text/html"}, 302, "https://login.test/"},
			{"too large", strings.Repeat(" ", 1<<20+1), map[string]string{"Authorization": "Bearer ann"}, 413, ""},
		} {
			out := w.do(browser(t), ask{http.MethodPost, host, "/v1/chat", c.body, c.header})
			says := map[int]string{200: out.got.Header.Get("X-User"), 302: out.header.Get("Location"), 403: out.text}[c.status]
			if out.status != c.status || says != c.says || c.status == 200 && out.got.Body != len(c.body) {
				t.Errorf("%s, %s: %d, says %q, %d bytes at the backend; want %d, %q (%.100s)", host, c.name, out.status, says, out.got.Body,
					c.status, c.says, out.text)
			}
		}
	}
	service.Stop()
	for _, host := range hosts {
		if out := w.do(browser(t), ask{http.MethodPost, host, "/", `{}`, map[string]string{"Authorization": "Bearer ann"}}); out.status != 503 {
			t.Errorf("%s without OPA: %d %s", host, out.status, out.text)
		}
	}
}

// access is the policy of OPA's own API, which asks for a token.
const access = `package system.authz

default allow := false

allow if {
	input.identity == "ann"
	input.method == "GET"
	input.path[3] == "open"
}
`

// TestOPAOverHTTP: OPA's server decides about paths behind a prefix.
func TestOPAOverHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.rego")
	if err := os.WriteFile(file, []byte(access), 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprint("127.0.0.1:", proxytest.Port(t))
	params := runtime.NewParams()
	params.Addrs, params.Paths = &[]string{address}, []string{file}
	params.Authentication, params.Authorization = server.AuthenticationToken, server.AuthorizationBasic
	params.Logging.Level = "error"
	opa, err := runtime.NewRuntime(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- opa.Serve(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	listens(t, address)
	w := newWorld(t)
	auth := &ir.Auth{Cluster: w.service("opa", address, ""), PathPrefix: "/v1/data/shop"}
	w.serve(rule("shop", "/", to(w.service("shop", shop(t), ""), auth)))
	for _, host := range hosts {
		for _, c := range []struct {
			path, token string
			status      int
		}{
			{"/open/1", "ann", 200}, {"/closed/1", "ann", 401}, {"/open/1", "eve", 401},
		} {
			out := w.do(browser(t), ask{http.MethodGet, host, c.path, "", map[string]string{"Authorization": "Bearer " + c.token}})
			if out.status != c.status || c.status == 200 && out.got.Path != c.path || c.status == 401 && !strings.Contains(out.text,
				"unauthorized") {
				t.Errorf("%s%s as %s: %d %.200s, want %d", host, c.path, c.token, out.status, out.text, c.status)
			}
		}
	}
}

// listens waits for a server.
func listens(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if connection, err := net.Dial("tcp", address); err == nil {
			_ = connection.Close()
			return
		}
	}
	t.Fatalf("nothing listens on %s", address)
}
