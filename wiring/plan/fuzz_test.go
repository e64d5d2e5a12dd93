package plan

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// FuzzLife lets users, the health of the proxies and time do anything. Plans come to an end; a wired
// Service that an object leads to exists, and never is a moment without a ready endpoint if either side has
// one; a request that a reference leads to the proxies is matched by a trigger; and when the triggers are
// gone, each object is as its user wrote it.
func FuzzLife(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		dice := rand.New(rand.NewPCG(seed, 1))
		pick := func(choices ...string) string { return choices[dice.IntN(len(choices))] }
		c := newCluster(t, application)
		written := map[string]string{} // what users wrote, by object
		app := true
		write := func(document string) {
			object := newCluster(t, document).objects
			for id := range object {
				written[id] = document
			}
			c.put(document)
		}
		check := func() {
			for _, id := range []string{"Ingress shop/a", "Ingress shop/b"} {
				object, _ := c.objects[id].(*unstructured.Unstructured)
				if object == nil || !strings.Contains(textOf(t, object.Object["spec"]), `"web-kedify"`) {
					continue
				}
				if c.objects["Service shop/web-kedify"] == nil {
					t.Fatalf("seed %d: %s leads to a Service that does not exist", seed, id)
				}
				ready, standby := c.endpointsOf("web-kedify")
				if len(ready) == 0 && (app && len(standby) == 0 || c.proxies && c.path == v1alpha1.PathProxy) {
					t.Fatalf("seed %d: a moment without a ready endpoint", seed)
				}
			}
		}
		c.written = check
		for range 25 {
			switch dice.IntN(11) {
			case 0:
				c.path = v1alpha1.WiringPath(pick("Proxy", "Direct"))
			case 1:
				c.proxies = dice.IntN(3) > 0
			case 2:
				app = dice.IntN(3) > 0
				c.put(map[bool]string{true: application, false: atZero}[app])
			case 3:
				c.put(strings.NewReplacer(
					"spec: {", pick("spec: {", `spec: {autowire: ["false"], `, "spec: {autowire: [httproute], ", "spec: {wiredService: true, "),
					"shop.example.com", pick("shop.example.com", "other.example.com"),
					"gateway: kedify-proxy", pick("gateway: kedify-proxy", `gateway: ""`),
				).Replace(trigger))
			case 4:
				c.delete("HTTPScaler shop/" + pick("web-0", "web-1"))
			case 5, 6:
				write(strings.Replace(ingress, "name: web}", "name: "+pick("a", "b")+"}", 1))
			case 7:
				name := pick("a", "b")
				write("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + name + "}\nspec: {rules: [" +
					"{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}, " +
					"{host: other.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}")
			case 8:
				c.put(strings.NewReplacer("name: web-0", "name: "+pick("web-0", "web-1"), "hosts: [shop.example.com]",
					"hosts: ["+pick("shop.example.com", "other.example.com", `"*.example.com"`, `"*"`, "shop.example.com, other.example.com")+"]"+
						pick("", "", ", pathPrefixes: [/api]", ", pathPrefixes: [/api/v1, /b]")+pick("", "", "", ", headers: [{name: x}]"),
				).Replace(trigger))
			case 9:
				write(strings.Replace(requests(pick), "name: web}", "name: "+pick("a", "b")+"}", 1))
			case 10:
				c.now = c.now.Add(time.Duration(dice.IntN(4000)) * time.Second)
			}
			c.converge()
			check()
			if c.path == v1alpha1.PathProxy {
				c.answers(seed)
			}
		}
		c.delete("HTTPScaler shop/web-0")
		c.delete("HTTPScaler shop/web-1")
		c.converge()
		for id, document := range written {
			want := newCluster(t, document).objects[id].(*unstructured.Unstructured)
			got := c.objects[id].(*unstructured.Unstructured)
			want.SetResourceVersion(got.GetResourceVersion())
			if diff := cmp.Diff(textOf(t, want.Object), textOf(t, got.Object)); diff != "" {
				t.Errorf("seed %d: %s is not as its user wrote it:\n%s", seed, id, diff)
			}
		}
		c.now = c.now.Add(2 * time.Minute)
		c.converge()
		c.now = c.now.Add(2 * time.Minute)
		c.converge()
		if c.objects["Service shop/web-kedify"] != nil {
			t.Errorf("seed %d: a wired Service stays that nothing points at", seed)
		}
	})
}
