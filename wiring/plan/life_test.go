package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

const application = `kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 3000}]}
---
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 3000}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]`

const atZero = `kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: []
endpoints: []`

const trigger = `kind: HTTPScaler
metadata: {name: web-0, creationTimestamp: "2026-11-01T00:00:00Z"}
spec: {type: kedify-http, trigger: "0", hosts: [shop.example.com], backend: {service: web, port: 80}}
status:
  gateway: kedify-proxy
  conditions: [{type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}]`

const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}`

const sep = "\n---\n"

func wiredCluster(t *testing.T, more ...string) *cluster {
	t.Helper()
	c := newCluster(t, strings.Join(append(more, trigger, application, ingress), sep))
	c.settle()
	c.leadsTo("web-kedify")
	return c
}

// leadsTo checks the backend of the Ingress.
func (c *cluster) leadsTo(want string) {
	c.t.Helper()
	object := get[*unstructured.Unstructured](c, "Ingress shop/web")
	if name, _, _ := unstructured.NestedString(object.Object, "spec", "defaultBackend", "service", "name"); name != want {
		c.t.Errorf("the Ingress leads to %s, want %s", name, want)
	}
}

// endpointsOf says which endpoints of a Service are ready, and which are standby.
func (c *cluster) endpointsOf(service string) (ready, standby []string) {
	for _, slice := range list[*discoveryv1.EndpointSlice](c, "EndpointSlice", "shop") {
		if slice.Labels[discoveryv1.LabelServiceName] != service {
			continue
		}
		for _, e := range slice.Endpoints {
			switch {
			case ptr.Deref(e.Conditions.Ready, true):
				ready = append(ready, e.Addresses[0])
			case ptr.Deref(e.Conditions.Serving, false) && ptr.Deref(e.Conditions.Terminating, false):
				standby = append(standby, e.Addresses[0])
			}
		}
	}
	return ready, standby
}

func (c *cluster) expect(service, ready, standby string) {
	c.t.Helper()
	gotReady, gotStandby := c.endpointsOf(service)
	if strings.Join(gotReady, " ") != ready || strings.Join(gotStandby, " ") != standby {
		c.t.Errorf("Service %s has ready %s and standby %s, want %q and %q", service, gotReady, gotStandby, ready, standby)
	}
}

func (c *cluster) status() *v1alpha1.HTTPScalerWiring {
	return get[*v1alpha1.HTTPScaler](c, "HTTPScaler shop/web-0").Status.Wiring
}

const (
	app   = "10.0.0.1"
	proxy = "10.1.0.1"
)

// TestMoves: T52, T54. Each write of a move leaves a ready endpoint, and the status says direct from
// before the first to after the last.
func TestMoves(t *testing.T) {
	t.Run("proxies of the namespace", func(t *testing.T) { moves(t, wiredCluster(t)) })
	t.Run("T61 shared proxy", func(t *testing.T) {
		moves(t, wiredCluster(t, "kind: Scope\nproxies: kedify-system"))
	})
}

func moves(t *testing.T, c *cluster) {
	c.expect("web-kedify", proxy, app)

	c.now = c.now.Add(time.Minute)
	c.path = v1alpha1.PathDirect
	c.written = func() {
		if ready, _ := c.endpointsOf("web-kedify"); len(ready) == 0 {
			t.Error("a moment without a ready endpoint")
		}
	}
	c.settle()
	c.expect("web-kedify", app, "")
	c.leadsTo("web-kedify")
	if w := c.status(); w.Path != v1alpha1.PathDirect || !w.Since.Time.Equal(c.now) || w.DirectUntil != nil {
		t.Errorf("status %+v", w)
	}
	if live := c.world().LivePath(); live != v1alpha1.PathDirect {
		t.Errorf("T55: the objects say %s", live)
	}

	c.now = c.now.Add(time.Minute)
	c.path = v1alpha1.PathProxy
	c.proxies = false // the selector is back, and no proxy is ready behind it
	c.settle()
	c.expect("web-kedify", app, "")
	if w := c.status(); w.Path != v1alpha1.PathDirect {
		t.Errorf("back before a proxy is ready: %+v", w)
	}
	c.proxies = true
	c.settle()
	c.expect("web-kedify", proxy, app)
	if w := c.status(); w.Path != v1alpha1.PathProxy || w.DirectUntil == nil || !w.DirectUntil.Time.Equal(c.now) {
		t.Errorf("status %+v", w)
	}
	c.leadsTo("web-kedify")
}

// TestNoMoveWithoutDecision: T52, T55. Proxies that are not ready move nothing by themselves; kube-proxy
// uses the standby.
func TestNoMoveWithoutDecision(t *testing.T) {
	c := wiredCluster(t)
	c.proxies = false
	c.settle()
	c.expect("web-kedify", "", app)
	if live := c.world().LivePath(); live != v1alpha1.PathProxy {
		t.Errorf("path %s", live)
	}
}

// TestMoveAtZero: T53. The proxies, which hold requests, stay until an endpoint of the application is
// ready.
func TestMoveAtZero(t *testing.T) {
	c := wiredCluster(t)
	c.put(atZero)
	c.settle()
	c.path = v1alpha1.PathDirect
	plan := c.settle()
	c.expect("web-kedify", proxy, "")
	if len(plan.Asleep) != 1 || plan.Asleep[0].Name != "web-0" {
		t.Errorf("asleep %v", plan.Asleep)
	}
	if c.status().Path != v1alpha1.PathDirect {
		t.Error("the demand is not unknown while requests may go directly at any time")
	}
	c.put(application)
	if plan := c.settle(); len(plan.Asleep) != 0 {
		t.Errorf("asleep %v", plan.Asleep)
	}
	c.expect("web-kedify", app, "")
}

// TestRestore: T47. The object is as it was, and the wired Service leads to the application until nothing
// points at it for a minute.
func TestRestore(t *testing.T) {
	for name, end := range map[string]func(*cluster){
		"ScaledObject deleted": func(c *cluster) { c.delete("HTTPScaler shop/web-0") },
		"autowire false": func(c *cluster) {
			c.put(strings.Replace(trigger, "spec: {", `spec: {autowire: ["false"], `, 1))
		},
		"kind not listed any more": func(c *cluster) {
			c.put(strings.Replace(trigger, "spec: {", "spec: {autowire: [httproute], ", 1))
		},
		"another backend": func(c *cluster) { c.put(strings.Replace(trigger, "service: web", "service: other", 1)) },
		"no route":        func(c *cluster) { c.put(strings.Replace(trigger, "gateway: kedify-proxy", `gateway: ""`, 1)) },
		"another type of trigger": func(c *cluster) {
			c.put(strings.Replace(trigger, "type: kedify-http", "type: kedify-envoy-http", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, trigger+sep+application+sep+ingress)
			before := get[*unstructured.Unstructured](c, "Ingress shop/web").DeepCopy()
			c.settle()
			end(c)
			c.settle()
			after := get[*unstructured.Unstructured](c, "Ingress shop/web")
			before.SetResourceVersion(after.GetResourceVersion())
			if diff := cmp.Diff(textOf(t, before.Object), textOf(t, after.Object)); diff != "" {
				t.Errorf("the Ingress is not as it was:\n%s", diff)
			}
			if c.objects["Service shop/web-kedify"] == nil {
				t.Fatal("the wired Service went with the restore: the consumer may be behind")
			}
			if ready, standby := c.endpointsOf("web-kedify"); len(ready)+len(standby) == 0 {
				t.Error("the wired Service leads nowhere")
			}
			if plan := Make(c.world()); plan.Again != time.Minute {
				t.Errorf("asks again in %s", plan.Again)
			}
			c.now = c.now.Add(59 * time.Second)
			c.settle()
			if c.objects["Service shop/web-kedify"] == nil {
				t.Error("gone after 59 s")
			}
			c.now = c.now.Add(time.Second)
			c.settle()
			for _, id := range []string{"Service shop/web-kedify", "EndpointSlice shop/web-kedify-direct"} {
				if c.objects[id] != nil {
					t.Errorf("%s is still there", id)
				}
			}
		})
	}
}

// TestNothingIsRestoredOnHalfKnowledge: a status that is not written yet, or an invalid edit whose last
// valid version is in force, changes nothing.
func TestNothingIsRestoredOnHalfKnowledge(t *testing.T) {
	for name, status := range map[string]string{
		"no status yet": "status: {}",
		"last valid version in force": `status:
  gateway: kedify-proxy
  conditions: [{type: Accepted, status: "False", reason: Invalid, message: "", lastTransitionTime: null}]`,
	} {
		t.Run(name, func(t *testing.T) {
			c := wiredCluster(t)
			spec, _, _ := strings.Cut(trigger, "status:")
			c.put(spec + status)
			c.settle()
			c.leadsTo("web-kedify")
			c.expect("web-kedify", proxy, app)

			fresh := newCluster(t, spec+status+sep+application+sep+ingress)
			fresh.settle()
			fresh.leadsTo("web")
		})
	}
}

// TestDirectFreezes: while the path is direct objects stay, but those of a deleted trigger.
func TestDirectFreezes(t *testing.T) {
	c := wiredCluster(t)
	c.path = v1alpha1.PathDirect
	c.put(strings.Replace(ingress, "name: web}", "name: late}", 1))
	c.put(strings.Replace(trigger, "spec: {", "spec: {autowire: [httproute], ", 1))
	c.settle()
	c.leadsTo("web-kedify")
	if late := get[*unstructured.Unstructured](c, "Ingress shop/late"); late.GetAnnotations() != nil {
		t.Error("an object was rewritten")
	}
	c.delete("HTTPScaler shop/web-0")
	c.settle()
	c.leadsTo("web")
}

// TestLaterObjects: T48. An object that is made after the trigger is rewired without a touch.
func TestLaterObjects(t *testing.T) {
	c := newCluster(t, trigger+sep+application)
	c.settle()
	if c.objects["Service shop/web-kedify"] != nil {
		t.Error("a wired Service that nothing leads to")
	}
	c.put(ingress)
	c.settle()
	c.leadsTo("web-kedify")
}

// TestFight: T49. Another writer that points the object back wins after some rewrites, and hears once
// what to do; an hour later it is tried again.
func TestFight(t *testing.T) {
	c := wiredCluster(t)
	rewrites, told := 1, 0
	count := func(p Plan) {
		rewrites += len(p.Rewrites)
		for _, event := range p.Events {
			if event.Reason == ReasonLimited {
				told++
			}
		}
	}
	for range 20 {
		c.now = c.now.Add(30 * time.Second)
		c.put(ingress)
		c.settle(count)
	}
	if rewrites != c.setting.MaxRewrites || told != 1 {
		t.Errorf("%d rewrites, told %d times", rewrites, told)
	}
	c.leadsTo("web")
	if plan := Make(c.world()); plan.Again <= 0 || plan.Again > time.Hour {
		t.Errorf("asks again in %s", plan.Again)
	}
	c.now = c.now.Add(time.Hour)
	c.settle(count)
	c.leadsTo("web-kedify")
}

// TestUserEdits: T50. What the user changes while the object is wired is what is restored.
func TestUserEdits(t *testing.T) {
	c := wiredCluster(t)
	c.put(strings.Replace(application, "port: 80,", "port: 81,", 1))
	c.put(strings.Replace(ingress, "number: 80", "number: 81", 1))
	c.put(strings.Replace(trigger, "port: 80", "port: 81", 1))
	c.settle()
	c.leadsTo("web-kedify")
	c.put(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {gateway.kedify.io/original-backends: '{"web-kedify":"web"}'}}
spec: {defaultBackend: {service: {name: other, port: {number: 80}}}}`)
	c.settle()
	c.leadsTo("other")
	if object := get[*unstructured.Unstructured](c, "Ingress shop/web"); len(object.GetAnnotations()) > 0 {
		t.Error("the annotation stays without a reference")
	}
}

// TestSecondLook: T55. A process that starts has no memory and changes nothing.
func TestSecondLook(t *testing.T) {
	c := wiredCluster(t)
	c.memory = Memory{}
	writes := c.writes
	c.settle()
	if c.writes != writes {
		t.Error("a restart writes")
	}
}

// TestByHand: a wired Service that is named in Git outlives the trigger and leads to the application
// then.
func TestByHand(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+strings.Replace(ingress, "name: web,", "name: web-kedify,", 1))
	c.settle()
	c.expect("web-kedify", proxy, app)
	c.delete("HTTPScaler shop/web-0")
	c.settle()
	c.expect("web-kedify", app, "")
	c.now = c.now.Add(time.Hour)
	c.settle()
	c.expect("web-kedify", app, "")
	if live := c.world().LivePath(); live != v1alpha1.PathProxy {
		t.Errorf("a Service without a trigger moves the namespace: %s", live)
	}
}

// TestNameTaken: a Service of the user with the name of the wired one is left alone.
func TestNameTaken(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+ingress+sep+"kind: Service\nmetadata: {name: web-kedify}\nspec: {ports: [{port: 80}]}")
	plan := c.settle()
	c.leadsTo("web")
	if why := plan.Statuses[0].Rewired; why.Reason != mirror.ReasonNameTaken || plan.Statuses[0].Wiring != nil {
		t.Errorf("%+v %+v", why, plan.Statuses[0].Wiring)
	}
	if service := get[*corev1.Service](c, "Service shop/web-kedify"); service.Labels != nil {
		t.Error("the Service of the user was changed")
	}
}

// TestServiceBecomesUnsupported: what was wired is put back.
func TestServiceBecomesUnsupported(t *testing.T) {
	c := wiredCluster(t)
	c.put("kind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: example.com, ports: [{port: 80}]}")
	plan := c.settle()
	c.leadsTo("web")
	if why := plan.Statuses[0].Rewired; why.Reason != mirror.ReasonUnsupported {
		t.Errorf("%+v", why)
	}
}

// TestServiceGone: with the original gone there is nothing to put back to, and nothing is deleted.
func TestServiceGone(t *testing.T) {
	c := wiredCluster(t)
	c.delete("Service shop/web")
	c.now = c.now.Add(time.Hour)
	c.settle()
	c.leadsTo("web-kedify")
	c.put(application)
	c.settle()
	c.expect("web-kedify", proxy, app)
}

// TestForeignUnknown: while objects may be missing nothing is deleted, and the condition stays.
func TestForeignUnknown(t *testing.T) {
	c := wiredCluster(t)
	c.unknown = true
	c.delete("Ingress shop/web")
	c.now = c.now.Add(time.Hour)
	plan := c.settle()
	if c.objects["Service shop/web-kedify"] == nil {
		t.Error("the wired Service of objects that were not read is gone")
	}
	if plan.Statuses[0].Rewired == nil || plan.Statuses[0].Rewired.Reason != ReasonRewired {
		t.Errorf("%+v", plan.Statuses[0].Rewired)
	}
}

// TestGrantWithdrawn: T42. With the user's grant goes the one that repeats it.
func TestGrantWithdrawn(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+`kind: Gateway
metadata: {name: foreign}
spec: {gatewayClassName: contour, listeners: []}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: edge}
spec: {parentRefs: [{name: foreign, namespace: shop}], rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}
---
kind: ReferenceGrant
metadata: {name: mine}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}]
  to: [{group: "", kind: Service, name: web}]`)
	c.settle()
	if c.objects["ReferenceGrant shop/web-kedify"] == nil {
		t.Fatal("no grant for the wired Service")
	}
	c.delete("ReferenceGrant shop/mine")
	c.settle()
	if c.objects["ReferenceGrant shop/web-kedify"] != nil {
		t.Error("the grant stays")
	}
}

// TestSlicesAreReplaced: what replaces a slice exists before the slice goes, also if the plan that says so is
// not the one that makes it.
func TestSlicesAreReplaced(t *testing.T) {
	c := wiredCluster(t)
	c.put(strings.Replace(application, "kind: EndpointSlice", `kind: EndpointSlice
metadata: {name: web-2, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 4000}]
endpoints: [{addresses: [10.0.0.2], conditions: {ready: true}}]
---
kind: EndpointSlice`, 1))
	if plan := Make(c.world()); len(plan.Deletions) > 0 {
		t.Errorf("deletes %s before its successors exist", plan.Deletions[0].Object.GetName())
	}
	c.settle()
	c.expect("web-kedify", proxy, app+" 10.0.0.2")
	if c.objects["EndpointSlice shop/web-kedify-direct"] != nil {
		t.Error("the replaced slice stays")
	}
}

// TestStrangersKeepNothing: a route that no grant permits neither makes a wired Service nor keeps one.
func TestStrangersKeepNothing(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+`kind: Gateway
metadata: {name: foreign}
spec: {gatewayClassName: contour, listeners: []}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: stranger, namespace: evil}
spec: {parentRefs: [{name: foreign, namespace: shop}], rules: [{backendRefs: [{name: web-kedify, namespace: shop, port: 80}]}]}`)
	c.settle()
	if c.objects["Service shop/web-kedify"] != nil {
		t.Error("a stranger has a Service made")
	}
}

// TestInClusterEnds: kind service. Without its trigger the Service leads to the application, until it has a
// selector again.
func TestInClusterEnds(t *testing.T) {
	scaler := strings.Replace(strings.Replace(trigger, "spec: {", "spec: {autowire: [service], ", 1),
		"service: web,", "service: front, fallbackService: web,", 1)
	c := newCluster(t, scaler+sep+application+sep+"kind: Service\nmetadata: {name: front}\nspec: {ports: [{name: http, port: 80}]}")
	c.settle()
	c.expect("front", proxy, app)
	c.path = v1alpha1.PathDirect
	c.settle()
	c.expect("front", app, "")
	c.path = v1alpha1.PathProxy
	c.settle()
	c.expect("front", proxy, app)
	c.delete("HTTPScaler shop/web-0")
	c.settle()
	c.expect("front", app, "")
	c.put("kind: Service\nmetadata: {name: front}\nspec: {selector: {app: web}, ports: [{name: http, port: 80}]}")
	c.settle()
	c.expect("front", "", "")
}

// TestMany: 500 Ingresses with 2,000 paths are one patch each, and a plan takes little time.
func TestMany(t *testing.T) {
	documents := []string{trigger, application}
	for i := range 500 {
		var paths []string
		for j := range 4 {
			paths = append(paths, fmt.Sprintf("{path: /%d, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}", j))
		}
		documents = append(documents, fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: many-%d}\n"+
			"spec: {rules: [{host: shop.example.com, http: {paths: [%s]}}]}", i, strings.Join(paths, ", ")))
	}
	c := newCluster(t, strings.Join(documents, sep))
	rewrites := 0
	c.settle(func(p Plan) { rewrites += len(p.Rewrites) })
	if rewrites != 500 {
		t.Errorf("%d rewrites", rewrites)
	}
	if objects := c.status().Objects; len(objects) != 16 || objects[15] != "485 more objects" {
		t.Errorf("%d objects, the last is %s", len(objects), objects[len(objects)-1])
	}
	begin := time.Now()
	Make(c.world())
	t.Logf("a plan takes %s", time.Since(begin))
}
