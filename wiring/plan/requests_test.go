package plan

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// requests writes an Ingress with two rules.
func requests(pick func(...string) string) string {
	rule := func() string {
		return "{" + pick("", "host: shop.example.com, ", "host: other.example.com, ", `host: "*.example.com", `,
			`host: "*.shop.example.com", `) +
			"http: {paths: [{" + pick("path: /, pathType: Prefix", "path: /api, pathType: Prefix", "path: /api/v1, pathType: Exact",
			"path: /apis, pathType: Prefix", "path: /b/, pathType: ImplementationSpecific") +
			", backend: {service: {name: web, port: {number: 80}}}}]}}"
	}
	return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: {rules: [" + rule() + ", " + rule() + "]}"
}

// answers checks every request of a small world of hosts and paths: one that an Ingress leads to the proxies is
// matched by a trigger. A rule without a host promises the hosts of triggers only.
func (c *cluster) answers(seed uint64) {
	c.t.Helper()
	for _, id := range []string{"Ingress shop/a", "Ingress shop/b"} {
		object, _ := c.objects[id].(*unstructured.Unstructured)
		if object == nil {
			continue
		}
		for _, rule := range mapsAt(object.Object, "spec", "rules") {
			pattern, _, _ := unstructured.NestedString(rule, "host")
			for _, path := range mapsAt(rule, "http", "paths") {
				if name, _, _ := unstructured.NestedString(path, "backend", "service", "name"); name == "web-kedify" {
					c.answersRule(seed, id, pattern, path)
				}
			}
		}
	}
}

func (c *cluster) answersRule(seed uint64, id, pattern string, rule map[string]any) {
	c.t.Helper()
	scalers := list[*v1alpha1.HTTPScaler](c, "HTTPScaler", "shop")
	for _, host := range []string{"shop.example.com", "other.example.com", "x.example.com", "a.shop.example.com", "example.com", "else.test"} {
		if pattern != "" && !isOf(host, pattern) || pattern == "" && !anyTrigger(scalers, host, "") {
			continue
		}
		for _, path := range []string{"/", "/api", "/api/", "/api/v1", "/api/v1/x", "/apis", "/b", "/b/c", "/c"} {
			if takesPath(rule, path) && !anyTrigger(scalers, host, path) {
				c.t.Fatalf("seed %d: %s leads %s%s to the proxies, and no trigger matches it", seed, id, host, path)
			}
		}
	}
}

// anyTrigger reports whether a trigger matches a request without headers; with no path, whether one lists
// the host.
func anyTrigger(scalers []*v1alpha1.HTTPScaler, host, path string) bool {
	for _, scaler := range scalers {
		for _, pattern := range scaler.Spec.Hosts {
			if scaler.Status.Gateway == "" || !isOf(host, pattern) {
				continue
			}
			if path == "" || len(scaler.Spec.PathPrefixes) == 0 && len(scaler.Spec.Headers) == 0 {
				return true
			}
			for _, prefix := range scaler.Spec.PathPrefixes {
				if len(scaler.Spec.Headers) == 0 && strings.HasPrefix(path+"/", prefix+"/") {
					return true
				}
			}
		}
	}
	return false
}

func isOf(host, pattern string) bool {
	suffix, wildcard := strings.CutPrefix(pattern, "*")
	return wildcard && strings.HasSuffix(host, suffix) || host == pattern
}

// takesPath reports whether a path of an Ingress, as its controller may read it, has a path.
func takesPath(rule map[string]any, path string) bool {
	value, _ := rule["path"].(string)
	switch rule["pathType"] {
	case "Exact":
		return path == value
	case "Prefix":
		value = strings.TrimSuffix(value, "/")
		return strings.HasPrefix(path+"/", value+"/")
	}
	return true
}
