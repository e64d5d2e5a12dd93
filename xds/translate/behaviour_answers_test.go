package translate_test

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestG10RedirectsDropThePort: a redirect to the standard port of a scheme names no port, whatever port
// the request named.
func TestG10RedirectsDropThePort(t *testing.T) {
	w := newWorld(t)
	hosts := w.everywhere(
		route("https", prefix("/https"), &ir.Redirect{Scheme: "https"}),
		route("stated", prefix("/stated"), &ir.Redirect{Scheme: "https", Port: 443, StatusCode: 301}),
		route("http", prefix("/http"), &ir.Redirect{Scheme: "http"}),
		route("prefix", prefix("/old"), &ir.Redirect{Scheme: "https", Path: &ir.PathRewrite{Prefix: true, Value: "/new"}}),
		route("full", prefix("/full"), &ir.Redirect{Scheme: "https", Path: &ir.PathRewrite{Value: "/whole"}}),
		route("other", prefix("/other"), &ir.Redirect{Scheme: "https", Port: 8443}),
		route("forward", prefix("/forward"), to(w.service("backend"))),
	)
	w.apply()
	for _, host := range append(hosts, "127.0.0.1", "[::1]", "A.wild.test") {
		for _, port := range []string{"", ":80", ":443", ":8080", ":1"} {
			name := strings.ToLower(host)
			for path, want := range map[string]string{
				"/https/a?b=1": "https://" + name + "/https/a?b=1", "/stated": "https://" + name + "/stated", "/http": "http://" + name + "/http",
				"/old/a?b=1": "https://" + name + "/new/a?b=1", "/full?b=1": "https://" + name + "/whole?b=1",
				"/other": "https://" + name + ":8443/other",
			} {
				out := w.do(ask{host: host + port, path: path})
				if got := strings.ToLower(out.header.Get("Location")); got != want || out.status/100 != 3 {
					t.Errorf("%s%s%s: %d to %q, want %q", host, port, path, out.status, got, want)
				}
			}
			if out := w.do(ask{host: host + port, path: "/forward"}); out.Host != host+port {
				t.Errorf("%s%s: the backend sees the host %q", host, port, out.Host)
			}
		}
	}
}
