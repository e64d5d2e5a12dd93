package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// fronted is an application behind a consumer of its own, with requests through it.
type fronted struct {
	foreign
	namespace, name string
	host, address   string
	traffic         *load.Run
	cells           []string
}

// step is one move of all applications.
type step struct {
	name string
	// null: the owners of the objects rename a backend themselves, without the product. It is what a consumer
	// makes of a rename here and now.
	null bool
	// rewrites: objects are rewritten. That may cost what a rename costs at the consumer; a move costs none.
	rewrites bool
	do       func()
}

// TestAutowireMatrix moves the traffic of five applications, each behind another consumer, at 50
// requests per second each: to the proxies, past them while the controllers are dead, back, and away
// from the product, by trafficAutowire "false", to the proxies again, and away by the deletion of all
// ScaledObjects, with which the proxies go as well. The fifth is called through kube-proxy: its clients
// name the wired Service, as Git would, so that nothing is rewritten.
func TestAutowireMatrix(t *testing.T) {
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	applications := frontApplications(t, c, namespace)
	rewritten, service := applications[:len(foreigners)], applications[len(foreigners)]
	restored := func() {
		for _, l := range rewritten {
			l.isRestored(t, c, namespace)
		}
	}
	for _, s := range []step{
		{name: "rename by the owner", null: true, do: func() { renameAll(t, c, rewritten, "", "-twin") }},
		{name: "and back", null: true, do: func() { renameAll(t, c, rewritten, "-twin", "") }},
		{name: "wire", rewrites: true, do: func() {
			wireAll(t, c, namespace, rewritten)
			leads(t, c, namespace, service.name+"-0", v1alpha1.PathProxy)
		}},
		{name: "to safety", do: func() {
			c.Scale(t, controllers, controllerName, 0)
			for _, l := range applications {
				leads(t, c, namespace, l.name+"-0", v1alpha1.PathDirect)
			}
		}},
		{name: "back", do: func() {
			c.Scale(t, controllers, controllerName, 2)
			for _, l := range applications {
				leads(t, c, namespace, l.name+"-0", v1alpha1.PathProxy)
			}
		}},
		{name: "unwire", rewrites: true, do: func() {
			for _, l := range rewritten {
				leavings["AutowireOff"](t, c, namespace, l.name)
			}
			restored()
		}},
		{name: "wire again", rewrites: true, do: func() { wireAll(t, c, namespace, rewritten) }},
		{name: "delete", rewrites: true, do: func() {
			for _, l := range applications {
				deleteScaled(t, c, namespace, l.name)
			}
			restored()
		}},
	} {
		begun := time.Now()
		s.do()
		time.Sleep(3 * time.Second) // what the move costs may show a moment later
		for _, l := range applications {
			l.account(t, s, begun)
		}
	}
	for _, l := range applications {
		t.Logf("%-14s | %s", l.name, strings.Join(l.cells, " | "))
	}
}

// account notes what a step cost an application, and whether it may.
func (l *fronted) account(t *testing.T, s step, begun time.Time) {
	t.Helper()
	total, wrong := l.traffic.Between(begun, time.Now())
	l.cells = append(l.cells, fmt.Sprintf("%s: %d of %d", s.name, wrong, total))
	allowed := 0
	switch {
	case s.null:
		return
	case s.rewrites:
		allowed = max(1, l.rename)
	}
	if wrong > allowed {
		t.Errorf("%s, %s: %d of %d requests failed, %d may\n%s", l.name, s.name, wrong, total, allowed, l.traffic.Report().Examples())
	}
}

// renameAll has each object lead to another Service of the same Pods, as its owner can.
func renameAll(t *testing.T, c *cluster.Cluster, applications []*fronted, from, to string) {
	t.Helper()
	for _, l := range applications {
		object := l.get(t, c, l.namespace, l.name)
		spec := text(t, object.Object["spec"])
		for _, key := range []string{"name", "host"} {
			spec = strings.ReplaceAll(spec, fmt.Sprintf("%q:%q", key, l.name+from), fmt.Sprintf("%q:%q", key, l.name+to))
		}
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":`+spec+`}`))
		if err := c.Patch(t.Context(), object, patch); err != nil {
			t.Fatal(err)
		}
	}
}

// twinYAML is a second Service of the Pods of an application.
const twinYAML = `
apiVersion: v1
kind: Service
metadata: {name: %[1]s-twin}
spec: {selector: {app: %[1]s}, ports: [{name: http, port: 80, targetPort: 3000}]}
`

// wireAll has the objects of applications rewired.
func wireAll(t *testing.T, c *cluster.Cluster, namespace string, applications []*fronted) {
	t.Helper()
	for _, l := range applications {
		l.scale(t, c, namespace, simple(l.name, l.host))
	}
	for _, l := range applications {
		isWired(t, c, namespace, l.name+"-0")
	}
}

// frontApplications begins with all traffic. Only the last application has a ScaledObject: its clients
// name the wired Service.
func frontApplications(t *testing.T, c *cluster.Cluster, namespace string) []*fronted {
	t.Helper()
	const rate = 50
	var applications []*fronted
	for _, f := range foreigners {
		l := &fronted{foreign: f, namespace: namespace, name: f.kind, host: hostIn(namespace, f.kind)}
		c.Apply(t, namespace, fmt.Sprintf(twinYAML, l.name))
		l.address = f.behind(t, c, namespace, workload{Name: l.name, Replicas: 1}, l.host)
		l.traffic = steady(t, l.address, l.host, rate)
		applications = append(applications, l)
	}
	l := &fronted{namespace: namespace, name: "service", host: hostIn(namespace, "service")}
	c.Apply(t, namespace, render(t, workloadYAML, workload{Name: l.name, Replicas: 1}))
	c.DeploymentReady(t, namespace, l.name)
	c.Apply(t, namespace, annotated(render(t, scaledYAML, simple(l.name, l.host))))
	l.address = wiredService(t, c, namespace, l.name)
	probe(t, l.address, l.host, "/")
	l.traffic = load.Start(t, load.Options{
		Address: l.address, Workers: 2, Pause: 2 * time.Second / rate, Fresh: true, Requests: []load.Request{{Host: l.host, Path: "/"}},
	})
	return append(applications, l)
}

// annotated asks for a wired Service without any rewriting.
func annotated(scaledObject string) string {
	return strings.Replace(scaledObject, "metadata: {name:", `metadata: {annotations: {`+v1alpha1.WiredServiceAnnotation+`: "true"}, name:`, 1)
}

// controllersAlive waits until two controllers are ready, and has the test leave them so.
func controllersAlive(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	c.DeploymentReady(t, controllers, controllerName)
	c.DeploymentReady(t, controllers, wiringName)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for _, name := range []string{controllerName, wiringName} {
			_, err := c.Clients.AppsV1().Deployments(controllers).Patch(ctx, name, types.MergePatchType,
				[]byte(`{"spec": {"replicas": 2}}`), metav1.PatchOptions{})
			if err != nil {
				t.Errorf("start %s again: %v", name, err)
			}
		}
	})
}

// deleteScaled deletes a ScaledObject as a user does.
func deleteScaled(t testing.TB, c *cluster.Cluster, namespace, name string) {
	t.Helper()
	object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := c.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// isRestored waits until an object bears no mark of the product.
func (l *fronted) isRestored(t testing.TB, c *cluster.Cluster, namespace string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		return unmarked(l.get(t, c, namespace, l.name))
	})
}

// unmarked says what of the product is on an object.
func unmarked(object *unstructured.Unstructured) error {
	if value, found := object.GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]; found {
		return fmt.Errorf("%s %s has the annotation of the product: %s", object.GetKind(), object.GetName(), value)
	}
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == wiringName {
			return fmt.Errorf("%s %s has fields of %s: %s", object.GetKind(), object.GetName(), entry.Manager, entry.FieldsV1)
		}
	}
	return nil
}
