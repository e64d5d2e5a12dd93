package envoyadmin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, ok := range []string{
		"GET /stats", "GET /stats?filter=http&format=json", "GET /config_dump?include_eds", "GET /clusters?format=json",
		"POST /logging?level=debug", "GET /stats/prometheus", "POST /logging?paths=http:debug,upstream:info",
	} {
		method, target, _ := strings.Cut(ok, " ")
		if err := Check(method, target); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, refused := range []string{
		"POST /quitquitquit", "GET /quitquitquit", "POST /healthcheck/fail", "POST /drain_listeners", "POST /runtime_modify?a=b", "GET /logging",
		"POST /logging?level=loud", "GET /stats?delete=1", "GET stats", "GET http://other/stats", "GET //other/stats",
		"GET /stats/../quitquitquit",
		"GET /stats%2f..%2fquitquitquit", "POST /stats", "GET /contention", "GET /", "GET /cpuprofiler?enable=y",
		"DELETE /stats", "GET /config_dump?a;b",
	} {
		method, target, _ := strings.Cut(refused, " ")
		if err := Check(method, target); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", refused, err)
		}
	}
}

// serve is an admin interface on a socket.
func serve(t *testing.T, answer string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, answer, r.URL.Path)
	}))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return socket
}

// What a user planted in a route or in the bootstrap is not shown.
func TestShownHasNoSecrets(t *testing.T) {
	const planted = "s3cr3t-pl4nted"
	for name, answer := range map[string]string{
		"JSON": `{"configs":[{"path":%q,"request_headers_to_add":[{"header":{"key":"Authorization","value":"Bearer ` + planted + `"}}]},
			{"dynamic_active_secrets":[{"secret":{"tls_certificate":{"private_key":{"inline_bytes":"` + planted + `"}}}}]}]}`,
		"text": "of %s: -----BEGIN PRIVATE KEY-----\n" + planted + "\n-----END PRIVATE KEY-----\n",
	} {
		body, err := New(serve(t, answer)).Shown(context.Background(), http.MethodGet, "/config_dump")
		if err != nil || strings.Contains(string(body), planted) || !strings.Contains(string(body), "/config_dump") {
			t.Errorf("%s: %s %v", name, body, err)
		}
	}
	if _, err := New(serve(t, "%s")).Shown(context.Background(), http.MethodPost, "/quitquitquit"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

// FuzzCheck: every question that is let through has one of the listed paths, and changes nothing but the log level.
func FuzzCheck(f *testing.F) {
	for _, target := range []string{"/stats", "/logging?level=info", "/quitquitquit", "//x/stats", "/stats?filter=%zz",
		"/stats#/../quitquitquit"} {
		f.Add("GET", target)
		f.Add("POST", target)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		if Check(method, target) != nil {
			return
		}
		request, err := http.NewRequest(method, "http://envoy"+target, nil)
		if err != nil {
			t.Fatalf("%s %q is let through and is no request: %v", method, target, err)
		}
		if known, found := allowed[request.URL.Path]; !found || known.method != method || request.URL.Host != "envoy" {
			t.Fatalf("%s %q is let through and asks %s", method, target, request.URL)
		}
	})
}
