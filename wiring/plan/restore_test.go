package plan

import (
	"fmt"

	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

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
			c.converge()
			end(c)
			c.converge()
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
			c.converge()
			if c.objects["Service shop/web-kedify"] == nil {
				t.Error("gone after 59 s")
			}
			c.now = c.now.Add(time.Second)
			c.converge()
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
			c.converge()
			c.leadsTo("web-kedify")
			c.expect("web-kedify", proxy, app)

			fresh := newCluster(t, spec+status+sep+application+sep+ingress)
			fresh.converge()
			fresh.leadsTo("web")
		})
	}
}

// TestByHand: a wired Service that is named in Git outlives the trigger and leads to the application
// then.
func TestByHand(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+strings.Replace(ingress, "name: web,", "name: web-kedify,", 1))
	c.converge()
	c.expect("web-kedify", proxy, app)
	c.delete("HTTPScaler shop/web-0")
	c.converge()
	c.expect("web-kedify", app, "")
	c.now = c.now.Add(time.Hour)
	c.converge()
	c.expect("web-kedify", app, "")
	if live := c.world().LivePath(); live != v1alpha1.PathProxy {
		t.Errorf("a Service without a trigger moves the namespace: %s", live)
	}
}

// TestServiceBecomesUnsupported: what was wired is put back.
func TestServiceBecomesUnsupported(t *testing.T) {
	c := wiredCluster(t)
	c.put("kind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: example.com, ports: [{port: 80}]}")
	plan := c.converge()
	c.leadsTo("web")
	if why := plan.Statuses[0].Rewired; why.Reason != mirror.ReasonUnsupported {
		t.Errorf("%+v", why)
	}
}

// TestServiceGone: with the original gone there is nothing to put back to, and nothing is deleted.
func TestServiceGone(t *testing.T) {
	c := wiredCluster(t)
	c.path = v1alpha1.PathDirect
	c.converge()
	c.delete("Service shop/web")
	c.now = c.now.Add(time.Hour)
	c.converge()
	c.leadsTo("web-kedify")
	c.expect("web-kedify", app, "")
	c.path = v1alpha1.PathProxy
	c.converge()
	c.expect("web-kedify", app, "")
	if live := c.world().LivePath(); live != v1alpha1.PathProxy {
		t.Errorf("a Service that is gone keeps the namespace on path %s", live)
	}
	c.put(application)
	c.converge()
	c.expect("web-kedify", proxy, app)
}

// TestPortStaysWhileForeignUnknown: a process that has not read the consumers yet must not have the proxies
// speak without TLS to those that do.
func TestPortStaysWhileForeignUnknown(t *testing.T) {
	c := newCluster(t, strings.Replace(trigger, "spec: {", `spec: {tls: {mode: plaintext, secretName: web-tls}, `, 1)+sep+application+sep+
		strings.Replace(ingress, "name: web}", `name: web, annotations: {nginx.ingress.kubernetes.io/backend-protocol: HTTPS}}`, 1))
	entry := func() int32 {
		return get[*corev1.Service](c, "Service shop/web-kedify").Spec.Ports[0].TargetPort.IntVal
	}
	c.converge()
	if entry() != portHTTPS {
		t.Fatalf("enters the proxies at %d", entry())
	}
	c.unknown = true
	c.delete("Ingress shop/web")
	c.converge()
	if entry() != portHTTPS {
		t.Errorf("enters the proxies at %d", entry())
	}
}

// TestForeignUnknown: while objects may be missing nothing is deleted, and the condition stays.
func TestForeignUnknown(t *testing.T) {
	c := wiredCluster(t)
	c.unknown = true
	c.delete("Ingress shop/web")
	c.now = c.now.Add(time.Hour)
	plan := c.converge()
	if c.objects["Service shop/web-kedify"] == nil {
		t.Error("the wired Service of objects that were not read is gone")
	}
	if plan.Statuses[0].Rewired == nil || plan.Statuses[0].Rewired.Reason != ReasonUnmatched {
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
	c.converge()
	if c.objects["ReferenceGrant shop/web-kedify"] == nil {
		t.Fatal("no grant for the wired Service")
	}
	c.delete("ReferenceGrant shop/mine")
	c.converge()
	if c.objects["ReferenceGrant shop/web-kedify"] != nil {
		t.Error("the grant stays")
	}
}

// TestLabelOfTheOwner: the label of the product, put on a rewritten object by its owner, takes it out of no plan: what
// it leads to stays, and it is restored with the trigger.
func TestLabelOfTheOwner(t *testing.T) {
	route := `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80}]}]}` + sep + `kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: contour, listeners: []}`
	for kind, document := range map[string]string{"Ingress": ingress, "HTTPRoute": route} {
		t.Run(kind, func(t *testing.T) {
			c := newCluster(t, strings.Join([]string{trigger, application, document}, sep))
			c.converge()
			object := get[*unstructured.Unstructured](c, kind+" shop/web")
			if !strings.Contains(fmt.Sprint(object.Object["spec"]), "web-kedify") {
				t.Fatal("not rewritten")
			}
			object.SetLabels(map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy})
			c.converge()
			c.now = c.now.Add(time.Hour)
			c.converge()
			get[*corev1.Service](c, "Service shop/web-kedify")
			delete(c.objects, "HTTPScaler shop/web-0")
			c.converge()
			if spec := fmt.Sprint(get[*unstructured.Unstructured](c, kind+" shop/web").Object["spec"]); strings.Contains(spec, "web-kedify") {
				t.Errorf("not restored: %s", spec)
			}
		})
	}
}
