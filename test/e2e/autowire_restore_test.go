package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// pristine is an object as it is before the product touches it: all that a user can see.
type pristine struct {
	foreign
	name         string
	spec, labels string
	annotations  string
}

func remember(t *testing.T, c *cluster.Cluster, f foreign, namespace, name string) pristine {
	t.Helper()
	object := f.get(t, c, namespace, name)
	return pristine{foreign: f, name: name, spec: text(t, object.Object["spec"]), labels: text(t, object.GetLabels()),
		annotations: text(t, object.GetAnnotations())}
}

func text(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// again waits until the object is equal to what it was, to the byte, with no mark of the product.
func (p pristine) again(t *testing.T, c *cluster.Cluster, namespace string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		object := p.get(t, c, namespace, p.name)
		if err := unmarked(object); err != nil {
			return err
		}
		for _, part := range [][2]string{
			{p.spec, text(t, object.Object["spec"])}, {p.labels, text(t, object.GetLabels())}, {p.annotations, text(t, object.GetAnnotations())},
		} {
			if part[0] != part[1] {
				return fmt.Errorf("%s %s was\n%s\nand is\n%s", p.object, p.name, part[0], part[1])
			}
		}
		return nil
	})
}

// leavings are ways in which a trigger that wired an object goes.
var leavings = map[string]func(t *testing.T, c *cluster.Cluster, namespace, name string){
	"ScaledObjectDeleted": func(t *testing.T, c *cluster.Cluster, namespace, name string) { deleteScaled(t, c, namespace, name) },
	"OtherTrigger": func(t *testing.T, c *cluster.Cluster, namespace, name string) {
		object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) {
			s.Spec.Triggers = []kedav1alpha1.ScaleTriggers{{Type: "cron", Metadata: map[string]string{
				"timezone": "UTC", "start": "0 0 1 1 *", "end": "59 23 31 12 *", "desiredReplicas": "1",
			}}}
		})
	},
	"AutowireOff": func(t *testing.T, c *cluster.Cluster, namespace, name string) {
		object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) { s.Spec.Triggers[0].Metadata["trafficAutowire"] = "false" })
	},
}

// TestAutowireT47Restore wires an object of each kind and takes the trigger away, in each way. The
// object is as it was, and its owner applies a changed list without force, as GitOps tools do.
func TestAutowireT47Restore(t *testing.T) {
	t.Parallel()
	for _, f := range foreigners {
		for way, leave := range leavings {
			t.Run(f.object+"/"+way, func(t *testing.T) {
				t.Parallel()
				const name = "app"
				host := strings.ToLower(way) + "." + f.kind + ".restore.test"
				c := cluster.Connect(t)
				namespace := c.Namespace(t)
				address := f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
				before := remember(t, c, f, namespace, name)
				f.scale(t, c, namespace, simple(name, host))
				isWired(t, c, namespace, name+"-0")
				if now := f.get(t, c, namespace, name); !strings.Contains(text(t, now.Object["spec"]), name+"-kedify") {
					t.Errorf("the object is said to be wired: %s", text(t, now.Object["spec"]))
				}
				leave(t, c, namespace, name)
				before.again(t, c, namespace)
				probe(t, address, host, "/")
				f.applyChanged(t, c, namespace, name, host)
			})
		}
	}
}

// applyChanged applies the object with another host as its owner does, without force.
func (f foreign) applyChanged(t *testing.T, c *cluster.Cluster, namespace, name, host string) {
	t.Helper()
	changed := render(t, f.yaml, struct{ Name, Host string }{name, "changed." + host})
	if err := c.TryApply(t, namespace, changed); err != nil {
		t.Errorf("apply a changed object without force: %v", err)
	}
	if now := f.get(t, c, namespace, name); !strings.Contains(text(t, now.Object["spec"]), "changed."+host) {
		t.Errorf("the change is not there: %s", text(t, now.Object["spec"]))
	}
}

// TestAutowireT50EditsWhileWired: what a user writes while an object is wired is the new original. He
// applies another Service and port by force, as GitOps tools do; the list is wired again, and restored
// to his.
func TestAutowireT50EditsWhileWired(t *testing.T) {
	t.Parallel()
	const name, other, host = "app", "other", "edits.test"
	f := foreigners[0]
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
	f.scale(t, c, namespace, simple(name, host))
	isWired(t, c, namespace, name+"-0")

	const edited = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: app}
spec:
  ingressClassName: contour
  rules:
  - host: edits.test
    http:
      paths:
      - {path: /other, pathType: Prefix, backend: {service: {name: other, port: {number: 80}}}}
      - {path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}
`
	c.Apply(t, namespace, render(t, workloadYAML, workload{Name: other, Replicas: 1}))
	c.Apply(t, namespace, edited)
	cluster.Eventually(t, wired, func() error {
		return backends(f.get(t, c, namespace, name), "other:80", "app-kedify:http")
	})
	deleteScaled(t, c, namespace, name)
	cluster.Eventually(t, 30*time.Second, func() error {
		object := f.get(t, c, namespace, name)
		if err := unmarked(object); err != nil {
			return err
		}
		return backends(object, "other:80", "app:http")
	})
}

// backends wants the backends of an Ingress in their order, each as its Service and port.
func backends(ingress *unstructured.Unstructured, want ...string) error {
	var found []string
	rules, _, _ := unstructured.NestedSlice(ingress.Object, "spec", "rules")
	for _, rule := range rules {
		paths, _, _ := unstructured.NestedSlice(rule.(map[string]any), "http", "paths")
		for _, path := range paths {
			service, _, _ := unstructured.NestedMap(path.(map[string]any), "backend", "service")
			port := service["port"].(map[string]any)
			value := port["number"]
			if value == nil {
				value = port["name"]
			}
			found = append(found, fmt.Sprintf("%v:%v", service["name"], value))
		}
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		return fmt.Errorf("the Ingress leads to %v, want %v", found, want)
	}
	return nil
}

// TestAutowireT49Fights: another writer resets the backend each time it is rewritten. The product
// gives in after a few times and says so in an event; the rest of the object stays the other's.
func TestAutowireT49Fights(t *testing.T) {
	t.Parallel()
	const name, host = "app", "fights.test"
	f := foreigners[0]
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
	f.scale(t, c, namespace, simple(name, host))
	isWired(t, c, namespace, name+"-0")
	rewrites := 0
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(200 * time.Millisecond) {
		object := f.get(t, c, namespace, name)
		if backends(object, "app:80") == nil {
			continue
		}
		rewrites++
		const reset = `[{"op": "replace", "path": "/spec/rules/0/http/paths/0/backend/service/name", "value": "app"}]`
		err := c.Client.Patch(t.Context(), object, client.RawPatch(types.JSONPatchType, []byte(reset)), client.FieldOwner("gitops"))
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d rewrites in 30 s", rewrites)
	if rewrites > 5 {
		t.Errorf("%d rewrites of an object that another writer resets", rewrites)
	}
	t.Log(c.EventAbout(t, namespace, "ScaledObject", name, "another writer pointed it back each time"))
	if err := backends(f.get(t, c, namespace, name), "app:80"); err != nil {
		t.Error(err)
	}
}
