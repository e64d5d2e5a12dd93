package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/wiring/mirror"
)

// TestLaterObjects: T48. An object that is made after the trigger is rewired without a touch.
func TestLaterObjects(t *testing.T) {
	c := newCluster(t, trigger+sep+application)
	c.converge()
	if c.objects["Service shop/web-kedify"] != nil {
		t.Error("a wired Service that nothing leads to")
	}
	c.put(ingress)
	c.converge()
	c.leadsTo("web-kedify")
}

// TestRewritesWaitForConsumers: an object is pointed at a wired Service a moment after that has a ready endpoint, so
// that consumers have heard of the Service first. An object that is made later does not wait again.
func TestRewritesWaitForConsumers(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+ingress)
	c.setting.Settle = time.Second
	plan := c.converge()
	c.leadsTo("web")
	c.expect("web-kedify", "10.1.0.1", "10.0.0.1")
	if plan.Again != time.Second {
		t.Errorf("asks again in %s", plan.Again)
	}
	want := "Service web-kedify has a ready endpoint for less than 1s"
	if why := plan.Statuses[0].Rewired; !strings.Contains(why.Message, want) {
		t.Errorf("says %q, want %q", why.Message, want)
	}
	c.now = c.now.Add(time.Second)
	c.converge()
	c.leadsTo("web-kedify")
	c.put(ingress)
	c.converge()
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
		c.converge(count)
	}
	if rewrites != c.setting.MaxRewrites || told != 1 {
		t.Errorf("%d rewrites, told %d times", rewrites, told)
	}
	c.leadsTo("web")
	if plan := Make(c.world()); plan.Again <= 0 || plan.Again > time.Hour {
		t.Errorf("asks again in %s", plan.Again)
	}
	c.now = c.now.Add(time.Hour)
	c.converge(count)
	c.leadsTo("web-kedify")
}

// TestUserEdits: T50. What the user changes while the object is wired is what is restored.
func TestUserEdits(t *testing.T) {
	c := wiredCluster(t)
	c.put(strings.Replace(application, "port: 80,", "port: 81,", 1))
	c.put(strings.Replace(ingress, "number: 80", "number: 81", 1))
	c.put(strings.Replace(trigger, "port: 80", "port: 81", 1))
	c.converge()
	c.leadsTo("web-kedify")
	c.put(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {gateway.kedify.io/original-backends: '{"web-kedify":"web"}'}}
spec: {defaultBackend: {service: {name: other, port: {number: 80}}}}`)
	c.converge()
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
	c.converge()
	if c.writes != writes {
		t.Error("a restart writes")
	}
}

// TestNameTaken: a Service of the user with the name of the wired one is left alone.
func TestNameTaken(t *testing.T) {
	c := newCluster(t, trigger+sep+application+sep+ingress+sep+"kind: Service\nmetadata: {name: web-kedify}\nspec: {ports: [{port: 80}]}")
	plan := c.converge()
	c.leadsTo("web")
	if why := plan.Statuses[0].Rewired; why.Reason != mirror.ReasonNameTaken || plan.Statuses[0].Wiring != nil {
		t.Errorf("%+v %+v", why, plan.Statuses[0].Wiring)
	}
	if service := get[*corev1.Service](c, "Service shop/web-kedify"); service.Labels != nil {
		t.Error("the Service of the user was changed")
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
	c.converge()
	if c.objects["Service shop/web-kedify"] != nil {
		t.Error("a stranger has a Service made")
	}
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
	c.converge(func(p Plan) { rewrites += len(p.Rewrites) })
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
