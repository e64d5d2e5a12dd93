package foreign

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestAnnotations: what consumers are told about their backends by annotations of an Ingress.
func TestAnnotations(t *testing.T) {
	const nginx, haproxy, haproxyIngress = "nginx.ingress.kubernetes.io/", "haproxy.org/", "haproxy-ingress.github.io/"
	rule := []string{"a.test"}
	for _, c := range []struct {
		annotation, value string
		hosts             []string
		tls               bool
		refused           string
	}{
		{"example.com/other", "HTTPS", rule, false, ""},
		{nginx + "backend-protocol", "HTTP", rule, false, ""},
		{nginx + "backend-protocol", "GRPC", rule, false, ""},
		{nginx + "backend-protocol", "HTTPS", rule, true, ""},
		{nginx + "backend-protocol", " grpcs ", rule, true, ""},
		{nginx + "backend-protocol", "FCGI", rule, false, "is FCGI"},
		{nginx + "backend-protocol", "AUTO_HTTP", rule, false, "is AUTO_HTTP"},
		{nginx + "ssl-passthrough", "true", rule, true, ""},
		{nginx + "upstream-vhost", "App.ns.svc:8080", []string{"app.ns.svc"}, false, ""},
		{nginx + "upstream-vhost", "$host", rule, false, ""},
		{nginx + "upstream-vhost", "$service_name.$namespace.svc", rule, false, "has a variable"},
		{haproxy + "server-ssl", "true", rule, true, ""},
		{haproxy + "server-ssl", "false", rule, false, ""},
		{haproxy + "set-host", "app.internal", []string{"app.internal"}, false, ""},
		{haproxyIngress + "backend-protocol", "h2-ssl", rule, true, ""},
		{haproxyIngress + "backend-protocol", "h2", rule, false, ""},
		{haproxyIngress + "secure-backends", "true", rule, true, ""},
		{"alb.ingress.kubernetes.io/backend-protocol", "HTTPS", rule, true, ""},
		{"nginx.org/grpc-services", "other, web", rule, false, "nginx.org/grpc-services configures Service web"},
		{"nginx.org/rewrites", "serviceName=web rewrite=/;serviceName=x rewrite=/x", rule, false, "nginx.org/rewrites configures Service web"},
		{"nginx.org/ssl-services", "webapp", rule, false, ""},
	} {
		t.Run(c.annotation+"="+c.value, func(t *testing.T) {
			object := twoPaths(t, "web", "api", "")
			object.SetAnnotations(map[string]string{c.annotation: c.value})
			got := References(object)[0]
			if diff := cmp.Diff(c.hosts, got.Hosts); diff != "" || got.TLS != c.tls {
				t.Errorf("hosts (- want, + got):\n%sTLS %v, want %v", diff, got.TLS, c.tls)
			}
			if (got.Refused == "") != (c.refused == "") || !strings.Contains(got.Refused, c.refused) {
				t.Errorf("refused %q, want %q", got.Refused, c.refused)
			}
		})
	}
}

// TestHostileSizes: objects that are as large as the API server takes, and made to be slow, are read in
// the time that their size asks for.
func TestHostileSizes(t *testing.T) {
	many := func(n int, format string) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, format, i)
		}
		return text.String()
	}
	list := func(n int, item func(i int) any) []any {
		items := make([]any, n)
		for i := range items {
			items[i] = item(i)
		}
		return items
	}
	path := func(service, port string) any {
		return map[string]any{"backend": map[string]any{"service": map[string]any{"name": service, "port": map[string]any{"name": port}}}}
	}
	ingress := func(annotations map[string]any, paths []any) map[string]any {
		return map[string]any{
			"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": map[string]any{"namespace": "shop", "annotations": annotations},
			"spec": map[string]any{"rules": []any{map[string]any{"http": map[string]any{"paths": paths}}}},
		}
	}
	for name, object := range map[string]map[string]any{
		"names in an annotation": ingress(
			map[string]any{"nginx.org/rewrites": many(20_000, "serviceName=s%d;")},
			list(8_000, func(i int) any { return path(fmt.Sprint("s", i), "http") })),
		"paths to one action": ingress(map[string]any{
			"alb.ingress.kubernetes.io/actions.a": `{"forwardConfig":{"targetGroups":[` + many(5_000, `{"serviceName":"s%d"},`) + `{}]}}`,
		}, list(8_000, func(int) any { return path("a", "use-annotation") })),
		"a broken annotation": ingress(map[string]any{
			"gateway.kedify.io/original-backends": `{` + many(10_000, `"s%d-kedify":"s",`) + `"x":1}`,
		}, list(8_000, func(int) any { return path("web", "http") })),
		"hosts times destinations": {
			"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": map[string]any{"namespace": "shop"},
			"spec": map[string]any{
				"hosts": list(20_000, func(i int) any { return fmt.Sprintf("H%d.test", i) }),
				"http": list(20_000, func(int) any {
					return map[string]any{"route": []any{map[string]any{"destination": map[string]any{"host": "web"}}}}
				}),
			},
		},
		"hostnames times backendRefs": {
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": map[string]any{"namespace": "shop"},
			"spec": map[string]any{
				"hostnames": list(20_000, func(i int) any { return fmt.Sprintf("H%d.test", i) }),
				"rules":     list(20_000, func(int) any { return map[string]any{"backendRefs": []any{map[string]any{"name": "web"}}} }),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			object := &unstructured.Unstructured{Object: object}
			start := time.Now()
			references := References(object)
			Rewrite(object, func(reference Reference) string { return wiredName(reference.Target) })
			if took := time.Since(start); len(references) < 5_000 || took > 5*time.Second {
				t.Errorf("%d references in %v", len(references), took)
			}
		})
	}
}
