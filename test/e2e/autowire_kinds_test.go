package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// sharedIngressYAML leads to the scaled application on one path of one of its hosts, and elsewhere on
// all others.
const sharedIngressYAML = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shared}
spec:
  ingressClassName: contour
  rules:
  - host: shared.test
    http:
      paths:
      - {path: /other, pathType: Prefix, backend: {service: {name: other, port: {number: 80}}}}
      - {path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}
  - host: elsewhere.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}]}
`

// TestAutowireT40Ingress: within 10 s one word of the Ingress has changed, the name of the backend that
// the trigger is for. Other paths and the path of a host that is not the trigger's lead where they led;
// that the latter leads past the proxies is said in the condition.
func TestAutowireT40Ingress(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for _, name := range []string{"app", "other"} {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Replicas: 1}))
	}
	c.DeploymentsReady(t, namespace)
	c.Apply(t, namespace, sharedIngressYAML)
	f := foreigners[0]
	address := f.address(t, c)
	probe(t, address, "shared.test", "/")
	generation := f.get(t, c, namespace, "shared").GetGeneration()
	f.scale(t, c, namespace, simple("app", "shared.test"))
	begun := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		return backends(f.get(t, c, namespace, "shared"), "other:80", "app-kedify:http", "app:80")
	})
	t.Logf("wired after %s, with the proxy made", time.Since(begun).Round(100*time.Millisecond))
	c.ScalerHas(t, namespace, "app-0", cluster.Condition{Type: rewired.Type, Status: metav1.ConditionFalse, Reason: "HostsDiffer"})
	leads(t, c, namespace, "app-0", v1alpha1.PathProxy)
	if now := f.get(t, c, namespace, "shared").GetGeneration(); now != generation+1 {
		t.Errorf("%d writes, want one", now-generation)
	}
	for _, one := range []struct{ host, path, want string }{
		{"shared.test", "/", "app"}, {"shared.test", "/other", "other"}, {"elsewhere.test", "/", "app"},
	} {
		got, err := ask(address, one.host, one.path, "")
		if err != nil || ok(got) != nil || deployment(t, got.body) != one.want {
			t.Errorf("%s%s: %v %+v, want an answer of %s", one.host, one.path, err, got, one.want)
		}
	}

	// A second object finds all there is: the proxy is ready.
	c.Apply(t, namespace, strings.ReplaceAll(strings.ReplaceAll(sharedIngressYAML, "name: shared", "name: late"), "/other", "/late"))
	begun = time.Now()
	cluster.Eventually(t, wired, func() error {
		return backends(f.get(t, c, namespace, "late"), "other:80", "app-kedify:http", "app:80")
	})
	t.Logf("T48: an Ingress that was made later is wired after %s, without a touch", time.Since(begun).Round(time.Millisecond))
}

// weightedRouteYAML has what must be kept: matches, filters, weights, an unscaled backend.
const weightedRouteYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: weighted}
spec:
  parentRefs: [{namespace: projectcontour, name: contour}]
  hostnames: [weighted.test]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}, headers: [{name: x-version, value: two}]}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: "yes"}]}}]
    backendRefs:
    - {name: app, port: 80, weight: 1}
    - {name: other, port: 80, weight: 1}
`

// TestAutowireT41HTTPRoute: one of two weighted backends is scaled. Everything but its name is kept, and
// the other one gets its half of the requests.
func TestAutowireT41HTTPRoute(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for _, name := range []string{"app", "other"} {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Replicas: 1}))
	}
	c.DeploymentsReady(t, namespace)
	c.Apply(t, namespace, weightedRouteYAML)
	f := foreigners[1]
	before := text(t, f.get(t, c, namespace, "weighted").Object["spec"])
	f.scale(t, c, namespace, simple("app", "weighted.test"))
	isWired(t, c, namespace, "app-0")
	after := text(t, f.get(t, c, namespace, "weighted").Object["spec"])
	if want := strings.Replace(before, `"name":"app"`, `"name":"app-kedify"`, 1); after != want {
		t.Errorf("the route is\n%s\nwant\n%s", after, want)
	}
	address := f.address(t, c)
	seen := map[string]int{}
	cluster.Eventually(t, 30*time.Second, func() error {
		got, err := ask(address, "weighted.test", "/", "", "x-version", "two")
		if err == nil {
			err = ok(got)
		}
		if err != nil {
			return err
		}
		if !strings.Contains(got.body, `"X-Set"`) {
			t.Errorf("the filter's header is missing: %s", got.body)
		}
		seen[deployment(t, got.body)]++
		if seen["app"]+seen["other"] < 100 {
			return fmt.Errorf("%v so far", seen)
		}
		return nil
	})
	if seen["app"] < 25 || seen["other"] < 25 {
		t.Errorf("shares %v of two equal weights", seen)
	}
}

// TestAutowireT42CrossNamespace: a route leads to a Service of another namespace, which a
// ReferenceGrant allows. The grant is repeated for the wired Service, and withdrawn with it.
func TestAutowireT42CrossNamespace(t *testing.T) {
	t.Parallel()
	const host = "across.test"
	c := cluster.Connect(t)
	routes, apps := c.Namespace(t), c.Namespace(t)
	c.Apply(t, apps, render(t, workloadYAML, workload{Name: "app", Replicas: 1}))
	c.DeploymentReady(t, apps, "app")
	c.Apply(t, apps, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: routes}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: %s}]
  to: [{group: "", kind: Service, name: app}]
`, routes))
	c.Apply(t, routes, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: across}
spec:
  parentRefs: [{namespace: projectcontour, name: contour}]
  hostnames: [%s]
  rules: [{backendRefs: [{name: app, namespace: %s, port: 80}]}]
`, host, apps))
	f := foreigners[1]
	address := f.address(t, c)
	probe(t, address, host, "/")
	before := remember(t, c, f, routes, "across")
	traffic := steady(t, address, host, 20)
	f.scale(t, c, apps, simple("app", host))
	isWired(t, c, apps, "app-0")
	time.Sleep(2 * time.Second)
	if now := text(t, f.get(t, c, routes, "across").Object["spec"]); !strings.Contains(now, "app-kedify") {
		t.Errorf("the route is not wired: %s", now)
	}
	deleteScaled(t, c, apps, "app")
	before.again(t, c, routes)
	time.Sleep(2 * time.Second)
	if report := traffic.Stop(); report.Wrong > 2 {
		t.Error(report.Examples())
	}
	cluster.Eventually(t, 3*time.Minute, func() error {
		grants := &gwv1beta1.ReferenceGrantList{}
		if err := c.List(t.Context(), grants, client.InNamespace(apps)); err != nil {
			return err
		}
		if len(grants.Items) != 1 {
			return fmt.Errorf("%d ReferenceGrants, want the user's alone", len(grants.Items))
		}
		return nil
	})
}

// TestAutowireT44T45Allowlist: of three applications behind an Ingress and an HTTPRoute each, the one that
// names ingress leaves its route alone and says so, and the one that says "false" both, for as long as the test
// looks; 5 minutes with -long.
func TestAutowireT44T45Allowlist(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	ingress, route := foreigners[0], foreigners[1]
	for name, autowire := range map[string]string{"only-ingress": "ingress", "none": `"false"`} {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Replicas: 1}))
		ingress.lead(t, c, namespace, name, name+".test")
		route.lead(t, c, namespace, name, "route."+name+".test")
		s := simple(name, name+".test, route."+name+".test")
		s.More = []string{"trafficAutowire: " + autowire}
		c.Apply(t, namespace, render(t, scaledYAML, s))
	}
	c.ScalerHas(t, namespace, "only-ingress-0", cluster.Condition{Type: rewired.Type, Status: metav1.ConditionFalse, Reason: "KindNotAllowed"})
	cluster.Eventually(t, time.Minute, func() error { // the proxy is made first
		return backends(ingress.get(t, c, namespace, "only-ingress"), "only-ingress-kedify:80")
	})
	look := 10 * time.Second
	if *long {
		look = 5 * time.Minute
	}
	for begun := time.Now(); time.Since(begun) < look; time.Sleep(time.Second) {
		for _, object := range []struct {
			foreign
			name string
		}{{route, "only-ingress"}, {ingress, "none"}, {route, "none"}} {
			if now := object.get(t, c, namespace, object.name); now.GetGeneration() != 1 || unmarked(now) != nil {
				t.Fatalf("%s %s was touched: %s", object.object, object.name, text(t, now.Object["spec"]))
			}
		}
	}
}
