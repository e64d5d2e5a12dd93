package plan

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// triggers makes HTTPScalers of Service web with parts of their specs, the oldest first.
func triggers(specs ...string) string {
	var all []string
	for i, spec := range specs {
		all = append(all, strings.NewReplacer(
			"web-0", fmt.Sprint("web-", i), "2026-11-01", fmt.Sprintf("2026-11-%02d", i+1), "hosts: [shop.example.com]", spec).Replace(trigger))
	}
	return strings.Join(all, sep)
}

const ofOthers = "kind: Gateway\nmetadata: {name: foreign}\nspec: {gatewayClassName: contour, listeners: []}"

func ingressOf(host, path string) string {
	return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{` + host +
		` http: {paths: [{` + path + ` backend: {service: {name: web, port: {number: 80}}}}]}}]}}`
}

func routeOf(hostnames, rule string) string {
	return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web}, ` +
		`spec: {parentRefs: [{name: foreign}], hostnames: ` +
		hostnames + `, rules: [{` + rule + ` backendRefs: [{name: web, port: 80}]}]}}`
}

func virtualServiceOf(hosts, rule string) string {
	return `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web}, spec: {hosts: ` + hosts +
		`, http: [{` + rule + ` route: [{destination: {host: web, port: {number: 80}}}]}]}}`
}

func openshiftOf(spec string) string {
	return `{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: web}, ` +
		`spec: {` + spec + ` to: {name: web}, port: {targetPort: http}}}`
}

// TestCoverage: a reference is rewritten only if the triggers of its backend match every request of it.
func TestCoverage(t *testing.T) {
	prefix := func(path string) string { return "path: " + path + ", pathType: Prefix," }
	const a, header = "hosts: [a.test]", "headers: [{name: x-user, value: y}]"
	for name, c := range map[string]struct {
		triggers       string
		object         string
		reason, wanted string // in the message
	}{
		"Ingress": {triggers(a), ingressOf("host: a.test,", prefix("/")), ReasonRewired, ""},
		"Ingress, other host": {
			triggers(a), ingressOf("host: b.test,", prefix("/")), ReasonHosts,
			"Ingress shop/web leads to Service shop/web for host b.test, which no trigger for it lists; add host b.test to hosts.",
		},
		"Ingress, other path": {
			triggers(a + ", pathPrefixes: [/api]"), ingressOf("host: a.test,", prefix("/")), ReasonPaths,
			"Ingress shop/web leads to Service shop/web for path / of host a.test, and the triggers have pathPrefixes /api; " +
				"add / to pathPrefixes, or a trigger without pathPrefixes.",
		},
		"Ingress, same path":  {triggers(a + ", pathPrefixes: [/api]"), ingressOf("host: a.test,", prefix("/api/")), ReasonRewired, ""},
		"Ingress, path below": {triggers(a + ", pathPrefixes: [/api]"), ingressOf("host: a.test,", prefix("/api/v1")), ReasonRewired, ""},
		"Ingress, segments": {triggers(a + ", pathPrefixes: [/api]"), ingressOf("host: a.test,", prefix("/apis")),
			ReasonPaths, "path /apis of"},
		"Ingress, root prefix": {triggers(a + ", pathPrefixes: [/]"), ingressOf("host: a.test,", prefix("/x")), ReasonRewired, ""},
		"Ingress, unknown path": {
			triggers(a + ", pathPrefixes: [/api]"), ingressOf("host: a.test,", "path: /api, pathType: ImplementationSpecific,"), ReasonPaths,
			"leaves open, and the triggers have pathPrefixes /api; add a trigger without pathPrefixes.",
		},
		"Ingress, unknown path and every path": {
			triggers(a), ingressOf("host: a.test,", "path: /api, pathType: ImplementationSpecific,"), ReasonRewired, "",
		},
		"Ingress, headers": {
			triggers(a + ", " + header), ingressOf("host: a.test,", prefix("/")), ReasonHeaders,
			"for host a.test also without the headers and models that the triggers ask for; add a trigger without headers and model.",
		},
		"Ingress, headers and a trigger without": {triggers(a+", "+header, a), ingressOf("host: a.test,", prefix("/")), ReasonRewired, ""},
		"Ingress, wildcard":                      {triggers(`hosts: ["*.test"]`), ingressOf("host: a.test,", prefix("/")), ReasonRewired, ""},
		"Ingress of a wildcard":                  {triggers(`hosts: ["*.test"]`), ingressOf(`host: "*.a.test",`, prefix("/")), ReasonRewired, ""},
		"Ingress of a wildcard, exact host": {triggers(a), ingressOf(`host: "*.test",`, prefix("/")), ReasonHosts,
			"add host *.test to hosts"},
		"Ingress, every host": {triggers(`hosts: ["*"]`), ingressOf("host: a.test,", prefix("/")), ReasonRewired, ""},
		"Ingress without host": {
			triggers(a), ingressOf("", prefix("/")), ReasonUnmatched,
			`for every host, and the proxies answer requests for other hosts than a.test with 404; set hosts to "*", or write hosts in the object.`,
		},
		"Ingress without host, every host": {triggers(`hosts: ["*"]`), ingressOf("", prefix("/")), ReasonRewired, ""},
		"Ingress without host, other path": {triggers(a + ", pathPrefixes: [/api]"), ingressOf("", prefix("/")), ReasonPaths,
			"path / of host a.test"},
		"Ingress without host, a trigger with another path": {
			triggers(a, "hosts: [b.test], pathPrefixes: [/api]"), ingressOf("", prefix("/")), ReasonPaths, "path / of host b.test",
		},

		"HTTPRoute, one host of two": {
			triggers(a), routeOf("[a.test, b.test]", ""), ReasonHosts, "for host b.test, which no trigger for it lists; add host b.test to hosts.",
		},
		"HTTPRoute, both hosts":   {triggers("hosts: [a.test, b.test]"), routeOf("[a.test, b.test]", ""), ReasonRewired, ""},
		"HTTPRoute, hosts of two": {triggers(a, "hosts: [b.test]"), routeOf("[a.test, b.test]", ""), ReasonRewired, ""},
		"HTTPRoute, hosts of two, a path": {triggers(a, "hosts: [b.test], pathPrefixes: [/b]"), routeOf("[a.test, b.test]", ""),
			ReasonPaths, "host b.test"},
		"HTTPRoute, paths of two": {
			triggers(a+", pathPrefixes: [/a]", a+", pathPrefixes: [/b]"),
			routeOf("[a.test]", "matches: [{path: {value: /a}}, {path: {value: /b}}],"),
			ReasonRewired, "",
		},
		"HTTPRoute, one path of two": {
			triggers(a + ", pathPrefixes: [/a]"), routeOf("[a.test]", "matches: [{path: {value: /a}}, {path: {value: /b}}],"),
			ReasonPaths, "path /b of",
		},
		"HTTPRoute, exact path": {
			triggers(a + ", pathPrefixes: [/a]"), routeOf("[a.test]", "matches: [{path: {type: Exact, value: /a}}],"), ReasonRewired, "",
		},
		"HTTPRoute, rewritten prefix": {
			triggers(a + ", pathPrefixes: [/v1]"), routeOf("[a.test]", "matches: [{path: {value: /a}}], filters: [{type: URLRewrite, "+
				"urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}],"), ReasonRewired, "",
		},
		"HTTPRoute, prefix before the rewrite": {
			triggers(a + ", pathPrefixes: [/a]"), routeOf("[a.test]", "matches: [{path: {value: /a}}], filters: [{type: URLRewrite, "+
				"urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}],"), ReasonPaths, "path /v1 of",
		},
		"VirtualService": {triggers(a), virtualServiceOf("[a.test]", ""), ReasonRewired, ""},
		"VirtualService, text": {
			triggers(a + ", pathPrefixes: [/api]"), virtualServiceOf("[a.test]", "match: [{uri: {prefix: /api}}],"), ReasonPaths,
			"for paths that begin with /api of host a.test, and the triggers have pathPrefixes /api; match /api/ there, or add a trigger",
		},
		"VirtualService, text with a slash": {
			triggers(a + ", pathPrefixes: [/api]"), virtualServiceOf("[a.test]", "match: [{uri: {prefix: /api/}}],"), ReasonRewired, "",
		},
		"VirtualService, text below": {
			triggers(a + ", pathPrefixes: [/api]"), virtualServiceOf("[a.test]", "match: [{uri: {prefix: /api/v}}],"), ReasonRewired, "",
		},
		"VirtualService, many hosts": {
			triggers(a), virtualServiceOf("[a.test, b.test, c.test, d.test, e.test, f.test]", ""), ReasonHosts,
			"add hosts b.test, c.test, d.test, 2 more to hosts.",
		},
		"VirtualService of a Service": {triggers("hosts: [web]"), virtualServiceOf("[web]", ""), ReasonHosts, "web.shop.svc.cluster.local"},
		"Route":                       {triggers(a), openshiftOf("host: a.test,"), ReasonRewired, ""},
		"Route, other path":           {triggers(a + ", pathPrefixes: [/b]"), openshiftOf("host: a.test, path: /a,"), ReasonPaths, "path /a of"},
		"Route of all subdomains": {
			triggers(a), openshiftOf("host: a.test, wildcardPolicy: Subdomain,"), ReasonHosts, "add host *.test to hosts",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, c.triggers+sep+application+sep+ofOthers)
			cluster.put(c.object)
			warned := 0
			plan := cluster.converge(func(p Plan) {
				for _, event := range p.Events {
					if event.Type == "Warning" && strings.Contains(event.Note, c.wanted) {
						warned++
					}
				}
			})
			rewired := plan.Statuses[0].Rewired
			if rewired == nil || rewired.Reason != c.reason || !strings.Contains(rewired.Message, c.wanted) {
				t.Fatalf("%+v", rewired)
			}
			led := false
			for _, object := range cluster.world().Foreign {
				led = led || strings.Contains(textOf(t, object.Object["spec"]), "web-kedify")
			}
			if want := c.reason == ReasonRewired || c.reason == ReasonUnmatched; led != want {
				t.Errorf("leads to the proxies %v, want %v", led, want)
			}
			if (c.reason == ReasonRewired) != (warned == 0) {
				t.Errorf("%d warnings", warned)
			}
		})
	}
}

// TestCoverageEnds: an edit of a trigger, or of an object, after which requests would get 404 has the object
// as its user wrote it.
func TestCoverageEnds(t *testing.T) {
	for name, edit := range map[string]func(*cluster){
		"a host less": func(c *cluster) { c.put(triggers("hosts: [a.test]")) },
		"a path":      func(c *cluster) { c.put(triggers("hosts: [a.test, b.test], pathPrefixes: [/a]")) },
		"headers":     func(c *cluster) { c.put(triggers("hosts: [a.test, b.test], headers: [{name: x, value: y}]")) },
		"a trigger deleted": func(c *cluster) {
			c.put(triggers("hosts: [a.test]", "hosts: [b.test]"))
			c.converge()
			c.delete("HTTPScaler shop/web-1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, triggers("hosts: [a.test, b.test]")+sep+application+sep+ofOthers)
			c.put(routeOf("[a.test, b.test]", ""))
			c.converge()
			leads := func() string {
				return textOf(t, get[*unstructured.Unstructured](c, "HTTPRoute shop/web").Object["spec"])
			}
			if !strings.Contains(leads(), "web-kedify") {
				t.Fatal("is not rewritten")
			}
			edit(c)
			c.converge()
			if strings.Contains(leads(), "web-kedify") {
				t.Error("leads to proxies that answer 404")
			}
		})
	}
}

// TestCoverageWaits: all triggers that it takes are accepted before the object is rewritten.
func TestCoverageWaits(t *testing.T) {
	both := triggers("hosts: [a.test]", "hosts: [b.test]")
	first, second, _ := strings.Cut(both, sep)
	unsaid, _, _ := strings.Cut(second, "status:")
	for name, object := range map[string]string{
		"hosts": routeOf("[a.test, b.test]", ""), "without hosts": routeOf("[]", ""),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, first+sep+unsaid+sep+application+sep+ofOthers)
			c.put(object)
			why := c.converge().Statuses[0].Rewired
			if why.Reason != ReasonWaiting || !strings.Contains(why.Message, "the trigger has to be accepted") {
				t.Errorf("%+v", why)
			}
			c.put(second)
			c.converge()
			if spec := textOf(t, get[*unstructured.Unstructured](c, "HTTPRoute shop/web").Object["spec"]); !strings.Contains(spec, "web-kedify") {
				t.Error("is not rewritten")
			}
		})
	}
}

// TestUnmatchedByHand: what a user wired by hand stays, and the status says what gets 404.
func TestUnmatchedByHand(t *testing.T) {
	c := newCluster(t, triggers("hosts: [a.test]")+sep+application)
	c.put(strings.Replace(ingressOf("host: b.test,", "path: /, pathType: Prefix,"), "name: web, port", "name: web-kedify, port", 1))
	why := c.converge().Statuses[0].Rewired
	if why.Status != "True" || why.Reason != ReasonUnmatched || !strings.Contains(why.Message, "add host b.test to hosts") {
		t.Errorf("%+v", why)
	}
	c.expect("web-kedify", proxy, app)
}

// TestRefusedByHand: a reference that cannot be rewritten, and need not be.
func TestRefusedByHand(t *testing.T) {
	c := newCluster(t, triggers("hosts: [a.test]")+sep+application)
	c.put(strings.Replace(virtualServiceOf("[a.test]", ""), "host: web,", "host: web-kedify, subset: v1,", 1))
	if why := c.converge().Statuses[0].Rewired; why.Reason != ReasonRewired {
		t.Errorf("%+v", why)
	}
}

// TestUnmatchedInCluster: T51. Clients in the cluster know a Service by four names.
func TestUnmatchedInCluster(t *testing.T) {
	for name, c := range map[string]struct{ spec, wanted string }{
		"no name": {"hosts: [a.test]",
			"for hosts web, web.shop, web.shop.svc, web.shop.svc.cluster.local with 404; add what clients use to hosts."},
		"one name":       {"hosts: [web]", "for hosts web.shop, web.shop.svc, web.shop.svc.cluster.local with 404"},
		"all names":      {"hosts: [web, web.shop, web.shop.svc, web.shop.svc.cluster.local]", ""},
		"another domain": {"hosts: [web, web.shop, web.shop.svc, web.shop.svc.corp.test]", ""},
		"every host":     {`hosts: ["*"]`, ""},
		"a path": {`hosts: ["*"], pathPrefixes: [/a]`,
			"for host web and other paths than /a with 404; add a trigger without pathPrefixes."},
		"headers": {`hosts: ["*"], headers: [{name: x}]`,
			"for host web without the headers and models of the trigger with 404; add a trigger without headers and model."},
	} {
		t.Run(name, func(t *testing.T) {
			scaler := strings.NewReplacer("spec: {", "spec: {autowire: [service], ", "{service: web,", "{service: web, fallbackService: pods,",
				"hosts: [shop.example.com]", c.spec).Replace(trigger)
			pods := strings.NewReplacer("name: web}", "name: pods}", "service-name: web", "service-name: pods").Replace(application)
			cluster := newCluster(t, scaler+sep+pods+sep+"kind: Service\nmetadata: {name: web}\nspec: {ports: [{name: http, port: 80}]}")
			why := cluster.converge().Statuses[0].Rewired
			want := ReasonRewired
			if c.wanted != "" {
				want = ReasonUnmatched
			}
			if why.Status != "True" || why.Reason != want || !strings.Contains(why.Message, c.wanted) {
				t.Errorf("%+v", why)
			}
		})
	}
}
