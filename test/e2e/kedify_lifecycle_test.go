package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// TestKedifyHTTPDeleted deletes two ScaledObjects of a namespace one after the other. What was
// generated for the first goes while the second one's traffic goes on; with the last one goes
// everything, the proxy too, and what the user made stays.
func TestKedifyHTTPDeleted(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for _, name := range []string{"first", "last"} {
		deploy(t, c, namespace, workload{Name: name, Replicas: 1},
			scaled{Host: name + ".test", Min: 1, Max: 1, Metric: "requestRate", Target: 1000})
	}
	address := proxied(t, c, namespace, "first-0", "last-0")
	c.DeploymentsReady(t, namespace)
	probe(t, address, "first.test", "/")
	probe(t, address, "last.test", "/")
	traffic := load.Start(t,
		load.Options{Address: address, Workers: 4, Pause: 5 * time.Millisecond, Requests: []load.Request{{Host: "last.test", Path: "/"}}})
	unscale := func(name string) {
		t.Helper()
		object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := c.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	unscale("first")
	cluster.Eventually(t, time.Minute, func() error {
		if left := generated(t, c, namespace, "first"); len(left) > 0 {
			return fmt.Errorf("there is still %s", strings.Join(left, ", "))
		}
		return nil
	})
	becomes(t, address, "first.test", "/", 404)
	c.RouteHas(t, namespace, "last-0", cluster.Accepted)
	traffic.MustBeClean(t, 300)

	unscale("last")
	cluster.Eventually(t, time.Minute, func() error {
		if left := generated(t, c, namespace, ""); len(left) > 0 {
			return fmt.Errorf("there is still %s", strings.Join(left, ", "))
		}
		return nil
	})
	for _, name := range []string{"first", "last"} {
		cluster.Get(t, c, namespace, name, &corev1.Service{})
		if wanted, _ := c.Replicas(t, namespace, name); wanted == 0 {
			t.Errorf("Deployment %s was left at zero", name)
		}
	}
}

// generated lists what the product or KEDA has made in a namespace whose name begins with the
// text.
func generated(t *testing.T, c *cluster.Cluster, namespace, text string) (found []string) {
	t.Helper()
	for kind, list := range map[string]client.ObjectList{
		"HTTPScaler": &v1alpha1.HTTPScalerList{}, "HTTPRoute": &gwv1.HTTPRouteList{}, "Gateway": &gwv1.GatewayList{},
		"GatewayParameters": &v1alpha1.GatewayParametersList{}, "Deployment": &appsv1.DeploymentList{}, "Service": &corev1.ServiceList{},
	} {
		if err := c.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			name := item.(client.Object).GetName()
			if mine := name == "first" || name == "last"; !mine && strings.HasPrefix(name, text) {
				found = append(found, kind+" "+name)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestKedifyHTTPWebhookOutage stops every controller, and with them our part of admission. Nothing
// else in the cluster is blocked, warm traffic flows, and ScaledObjects that were written in the
// meantime are in force afterwards, also one that was stored as it was written.
func TestKedifyHTTPWebhookOutage(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	address := deploy(t, c, namespace, workload{Name: "warm", Replicas: 1},
		scaled{Host: "warm.test", Min: 1, Max: 1, Metric: "requestRate", Target: 1000})
	c.DeploymentReady(t, namespace, "warm")
	probe(t, address, "warm.test", "/")
	traffic := load.Start(t,
		load.Options{Address: address, Workers: 2, Pause: 10 * time.Millisecond, Requests: []load.Request{{Host: "warm.test", Path: "/"}}})
	stopControllers(t, c)
	for name, text := range map[string]string{
		"Service":      "apiVersion: v1\nkind: Service\nmetadata: {name: other}\nspec: {ports: [{port: 80}]}\n",
		"ConfigMap":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n",
		"ScaledObject": fmt.Sprintf(cronYAML, "ScaledObject", "scaleTargetRef: {name: warm2}"),
		"ScaledJob": fmt.Sprintf(cronYAML, "ScaledJob",
			"jobTargetRef: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}"),
		"HTTPRoute":     "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: other}\nspec: {hostnames: [a.test]}\n",
		"InferencePool": mismatchYAML[strings.Index(mismatchYAML, "---\n")+4:],
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			if got := c.Admit(t, namespace, text); got.Err != nil {
				t.Error(got.Err)
			}
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	for _, name := range []string{"later", "stored"} {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Replicas: 1}))
	}
	write := func(name string) (stored string) {
		c.Apply(t, namespace,
			render(t, scaledYAML, scaled{Name: name, Host: name + ".test", Min: 1, Max: 1, Metric: "requestRate", Target: 1000}))
		return cluster.Get(t, c, namespace, name, &kedav1alpha1.ScaledObject{}).Spec.Triggers[0].Type
	}
	if kind := write("later"); kind != "external-push" {
		t.Errorf("without a controller a trigger is stored as %s", kind)
	}
	without(t, c, func() {
		cluster.Eventually(t, 20*time.Second, func() error { // admission hears of it a moment later
			if kind := write("stored"); kind != "kedify-http" {
				return fmt.Errorf("without the policy a trigger is stored as %s", kind)
			}
			return nil
		})
	})
	c.Scale(t, controllers, controllerName, 2)
	proxied(t, c, namespace, "later-0", "stored-0")
	probe(t, address, "later.test", "/")
	probe(t, address, "stored.test", "/")
	traffic.MustBeClean(t, 300)
}

// stopControllers stops every replica of the control plane, and has the end of the test start them
// for those after it.
func stopControllers(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	t.Cleanup(func() {
		_, err := c.Clients.AppsV1().Deployments(controllers).Patch(context.Background(), controllerName,
			types.MergePatchType, []byte(`{"spec": {"replicas": 2}}`), metav1.PatchOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	c.Scale(t, controllers, controllerName, 0)
}

// without does something while the policy that rewrites triggers is not in force, as in a
// cluster that had such objects before it had the product.
func without(t *testing.T, c *cluster.Cluster, do func()) {
	t.Helper()
	bindings := c.Clients.AdmissionregistrationV1().MutatingAdmissionPolicyBindings()
	binding, err := bindings.Get(t.Context(), controllerName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := bindings.Delete(t.Context(), controllerName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		binding.ResourceVersion, binding.UID = "", ""
		if _, err := bindings.Create(context.Background(), binding, metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
	}()
	do()
}

const cronYAML = `
apiVersion: keda.sh/v1alpha1
kind: %s
metadata: {name: cron}
spec:
  %s
  triggers:
  - type: cron
    metadata: {timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: "2"}
`
