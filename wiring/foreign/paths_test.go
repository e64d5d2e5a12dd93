package foreign

import (
	"fmt"
	"strings"
	"testing"
)

// TestRequests: which hosts and paths a backend sees, by what an object and its annotations say.
func TestRequests(t *testing.T) {
	const (
		ingress = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a, namespace: shop, annotations: {A}},
  spec: {rules: [{host: a.test, http: {paths: [{P, backend: {service: {name: web, port: {number: 80}}}}]}}]}}`
		route = `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, namespace: shop, annotations: {A}},
  spec: {hostnames: [a.test], rules: [{P, backendRefs: [{name: web, port: 80}]}]}}`
		virtual = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a, namespace: shop},
  spec: {hosts: [A], http: [{P, route: [{destination: {host: web}}]}]}}`
		openshift = `{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: a, annotations: {A}},
  spec: {host: a.test, P, to: {kind: Service, name: web}}}`
	)
	grpc := strings.Replace(route, "HTTPRoute", "GRPCRoute", 1)
	many := strings.Repeat("{path: {type: Exact, value: /a}}, ", maxRequests) + "{path: {type: Exact, value: /b}}"
	for name, c := range map[string]struct{ object, annotations, path, want string }{
		"Ingress Prefix":                 {ingress, "", "path: /api/, pathType: Prefix", "a.test Prefix /api"},
		"Ingress Prefix, root":           {ingress, "", "path: /, pathType: Prefix", "a.test Prefix /"},
		"Ingress Exact":                  {ingress, "", "path: /api/, pathType: Exact", "a.test Exact /api/"},
		"Ingress ImplementationSpecific": {ingress, "", "path: /api, pathType: ImplementationSpecific", "a.test Unknown"},
		"Ingress without a path":         {ingress, "", "pathType: ImplementationSpecific", "a.test Prefix /"},
		"escaped path":                   {ingress, "", "path: /a%62, pathType: Prefix", "a.test Unknown"},
		"nginx rewrite-target": {ingress, `nginx.ingress.kubernetes.io/rewrite-target: /`,
			"path: /a, pathType: Prefix", "a.test Unknown"},
		"nginx use-regex": {ingress, `nginx.ingress.kubernetes.io/use-regex: "true"`, "path: /a, pathType: Prefix", "a.test Unknown"},
		"nginx use-regex false": {
			ingress, `nginx.ingress.kubernetes.io/use-regex: "false"`, "path: /a, pathType: Prefix", "a.test Prefix /a",
		},
		"nginx snippet":       {ingress, `nginx.ingress.kubernetes.io/configuration-snippet: x`, "path: /a, pathType: Prefix", "a.test Unknown"},
		"haproxy":             {ingress, `haproxy.org/path-rewrite: /(.*) /b/\1`, "path: /a, pathType: Prefix", "a.test Unknown"},
		"Traefik middlewares": {ingress, `traefik.ingress.kubernetes.io/router.middlewares: a@b`, "path: /a, pathType: Prefix", "a.test Unknown"},
		"Kong strip-path":     {ingress, `konghq.com/strip-path: "true"`, "path: /a, pathType: Prefix", "a.test Unknown"},
		"ALB health check":    {ingress, `alb.ingress.kubernetes.io/healthcheck-path: /b`, "path: /a, pathType: Prefix", "a.test Prefix /a"},
		"server-alias": {
			ingress, `nginx.ingress.kubernetes.io/server-alias: "B.test, c.test"`, "path: /, pathType: Prefix", "a.test,b.test,c.test Prefix /",
		},
		"server-alias of a regular expression": {
			ingress, `nginx.ingress.kubernetes.io/server-alias: '~^www\d+$'`, "path: /, pathType: Prefix", "a.test Prefix / refused",
		},
		"ALB conditions": {
			ingress, `alb.ingress.kubernetes.io/conditions.web: '[{"field":"host-header"}]'`, "path: /, pathType: Prefix", "a.test Prefix / refused",
		},

		"HTTPRoute without a match": {route, "", "", "a.test Prefix /"},
		"HTTPRoute matches":         {route, "", "matches: [{path: {value: /a}}, {path: {type: Exact, value: /b}}]", "a.test Prefix /a Exact /b"},
		"HTTPRoute header":          {route, "", "matches: [{headers: [{name: x, value: y}]}]", "a.test Prefix /"},
		"HTTPRoute regular expression": {
			route, "", "matches: [{path: {type: RegularExpression, value: /a}}]", "a.test Unknown",
		},
		"ReplacePrefixMatch": {
			route, "", "matches: [{path: {value: /a}}, {path: {type: Exact, value: /b}}], filters: [{type: URLRewrite, " +
				"urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1/}}}]", "a.test Prefix /v1 Unknown",
		},
		"ReplacePrefixMatch, empty": {
			route, "", "matches: [{path: {value: /a}}], filters: [{type: URLRewrite, " +
				"urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: ''}}}]", "a.test Prefix /",
		},
		"ReplaceFullPath": {
			route, "", "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /v1}}}]", "a.test Exact /v1",
		},
		"extension": {route, "", "filters: [{type: ExtensionRef}]", "a.test Unknown"},
		"Host set by a filter": {
			route, "", "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: b.test}]}}]",
			"a.test,b.test Prefix /",
		},
		"too many matches": {route, "", "matches: [" + many + "]", "a.test Unknown"},
		"GRPCRoute":        {grpc, "", "", "a.test Prefix /"},
		"GRPCRoute method": {grpc, "", "matches: [{method: {service: a.B, method: C}}, {method: {service: a.B}}]",
			"a.test Exact /a.B/C Prefix /a.B"},
		"GRPCRoute method of any service": {grpc, "", "matches: [{method: {method: C}}]", "a.test Unknown"},

		"VirtualService":           {virtual, "a.test", "match: [{uri: {prefix: /a}}, {uri: {exact: /b}}]", "a.test Beginning /a Exact /b"},
		"VirtualService, any path": {virtual, "a.test", "match: [{headers: {x: {exact: y}}}]", "a.test Beginning /"},
		"VirtualService, regex":    {virtual, "a.test", "match: [{uri: {regex: /a}}]", "a.test Unknown"},
		"VirtualService, any case": {virtual, "a.test", "match: [{uri: {prefix: /a}, ignoreUriCase: true}]", "a.test Unknown"},
		"VirtualService, rewrite":  {virtual, "a.test", "match: [{uri: {prefix: /a}}], rewrite: {uri: /v1}", "a.test Beginning /v1"},
		"VirtualService, rewrite by a regular expression": {
			virtual, "a.test", "match: [{uri: {prefix: /a}}], rewrite: {uriRegexRewrite: {match: a, rewrite: b}}", "a.test Unknown",
		},
		"VirtualService of a Service": {virtual, "web", "", "web,web.shop,web.shop.svc,web.shop.svc.cluster.local Prefix /"},
		"VirtualService of a Service elsewhere": {
			virtual, "web.edge.svc.x", "", "web.edge,web.edge.svc,web.edge.svc.x Prefix /",
		},
		"hosts":          {virtual, hosts(maxHosts), "", hosts(maxHosts) + " Prefix /"},
		"too many hosts": {virtual, hosts(maxHosts + 1), "", hosts(maxHosts+1) + " Prefix / refused"},
		"too many aliases": {
			ingress, "nginx.ingress.kubernetes.io/server-alias: '" + hosts(maxHosts+1) + "'", "path: /, pathType: Prefix",
			"a.test," + hosts(maxHosts) + " Prefix / refused",
		},

		"Route":         {openshift, "", "path: /a", "a.test Prefix /a"},
		"Route rewrite": {openshift, "haproxy.router.openshift.io/rewrite-target: /", "path: /a", "a.test Unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			document := strings.NewReplacer("annotations: {A}", "annotations: {"+c.annotations+"}", "[A]", "["+c.annotations+"]",
				"{P, ", "{"+withComma(c.path), "a.test, P, ", "a.test, "+withComma(c.path)).Replace(c.object)
			found := References(parse(t, []byte(document)))
			if len(found) != 1 {
				t.Fatalf("%d references", len(found))
			}
			got := strings.Join(found[0].Hosts, ",")
			for _, path := range found[0].Paths {
				got += strings.TrimSuffix(" "+string(path.Kind)+" "+path.Value, " ")
			}
			if found[0].Refused != "" {
				got += " refused"
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func hosts(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("h%02d.test", i)
	}
	return strings.Join(all, ",")
}

func withComma(text string) string {
	if text == "" {
		return ""
	}
	return text + ", "
}
