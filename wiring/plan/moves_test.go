package plan

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
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
	c.converge()
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
	c.converge()
	c.expect("web-kedify", app, "")
	if w := c.status(); w.Path != v1alpha1.PathDirect {
		t.Errorf("back before a proxy is ready: %+v", w)
	}
	c.proxies = true
	c.converge()
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
	c.converge()
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
	c.converge()
	c.path = v1alpha1.PathDirect
	plan := c.converge()
	c.expect("web-kedify", proxy, "")
	if len(plan.Asleep) != 1 || plan.Asleep[0].Name != "web-0" {
		t.Errorf("asleep %v", plan.Asleep)
	}
	if c.status().Path != v1alpha1.PathDirect {
		t.Error("the demand is not unknown while requests may go directly at any time")
	}
	c.put(application)
	if plan := c.converge(); len(plan.Asleep) != 0 {
		t.Errorf("asleep %v", plan.Asleep)
	}
	c.expect("web-kedify", app, "")
}

// TestDirectFreezes: while the path is direct objects stay, but those of a deleted trigger.
func TestDirectFreezes(t *testing.T) {
	c := wiredCluster(t)
	c.path = v1alpha1.PathDirect
	c.put(strings.Replace(ingress, "name: web}", "name: late}", 1))
	c.put(strings.Replace(trigger, "spec: {", "spec: {autowire: [httproute], ", 1))
	c.converge()
	c.leadsTo("web-kedify")
	if late := get[*unstructured.Unstructured](c, "Ingress shop/late"); late.GetAnnotations() != nil {
		t.Error("an object was rewritten")
	}
	c.delete("HTTPScaler shop/web-0")
	c.converge()
	c.leadsTo("web")
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
	c.converge()
	c.expect("web-kedify", proxy, app+" 10.0.0.2")
	if c.objects["EndpointSlice shop/web-kedify-direct"] != nil {
		t.Error("the replaced slice stays")
	}
}

// TestInClusterEnds: kind service. Without its trigger the Service leads to the application, until it has a
// selector again.
func TestInClusterEnds(t *testing.T) {
	scaler := strings.Replace(strings.Replace(trigger, "spec: {", "spec: {autowire: [service], ", 1),
		"service: web,", "service: front, fallbackService: web,", 1)
	c := newCluster(t, scaler+sep+application+sep+"kind: Service\nmetadata: {name: front}\nspec: {ports: [{name: http, port: 80}]}")
	c.converge()
	c.expect("front", proxy, app)
	c.path = v1alpha1.PathDirect
	c.converge()
	c.expect("front", app, "")
	c.path = v1alpha1.PathProxy
	c.converge()
	c.expect("front", proxy, app)
	c.delete("HTTPScaler shop/web-0")
	c.converge()
	c.expect("front", app, "")
	c.put("kind: Service\nmetadata: {name: front}\nspec: {selector: {app: web}, ports: [{name: http, port: 80}]}")
	c.converge()
	c.expect("front", "", "")
}
