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

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// fronted is an application behind a consumer of its own, with requests through it.
type fronted struct {
	foreign
	name, host, address string
	traffic             *load.Run
	cells               []string
}

// moves of a wired application, each with the unexpected answers that it may cost. The one-time
// rewrite of an object may meet a request in the foreign proxy.
var moves = []struct {
	name    string
	allowed int
}{{"wire", 1}, {"to safety", 0}, {"back", 0}, {"unwire", 1}, {"wire again", 1}, {"delete", 1}}

// TestAutowireMatrix moves the traffic of five applications, each behind another consumer, at 50
// requests per second each: to the proxies, past them while the controllers are dead, back, and away
// from the product, by trafficAutowire "false", to the proxies again, and away by the deletion of all
// ScaledObjects, with which the proxies go as well. The fifth is called through kube-proxy: its clients name the wired Service, as
// Git would, so that nothing is rewritten.
func TestAutowireMatrix(t *testing.T) {
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	applications := frontApplications(t, c, namespace)
	phases := []func(){
		func() { // wire
			wireAll(t, c, namespace, applications)
			leads(t, c, namespace, applications[len(foreigners)].name+"-0", v1alpha1.PathProxy)
		},
		func() { // to safety
			c.Scale(t, controllers, controllerName, 0)
			for _, l := range applications {
				leads(t, c, namespace, l.name+"-0", v1alpha1.PathDirect)
			}
		},
		func() { // back
			c.Scale(t, controllers, controllerName, 2)
			for _, l := range applications {
				leads(t, c, namespace, l.name+"-0", v1alpha1.PathProxy)
			}
		},
		func() { // unwire
			for _, l := range applications[:len(foreigners)] {
				leavings["AutowireOff"](t, c, namespace, l.name)
				l.isRestored(t, c, namespace)
			}
		},
		func() { wireAll(t, c, namespace, applications) }, // wire again
		func() { // delete
			for _, l := range applications {
				deleteScaled(t, c, namespace, l.name)
			}
			for _, l := range applications[:len(foreigners)] {
				l.isRestored(t, c, namespace)
			}
		},
	}
	for i, phase := range phases {
		begun := time.Now()
		phase()
		time.Sleep(3 * time.Second) // what the move costs may show a moment later
		for _, l := range applications {
			total, wrong := l.traffic.Between(begun, time.Now())
			l.cells = append(l.cells, fmt.Sprintf("%d of %d", wrong, total))
			if wrong > moves[i].allowed {
				t.Errorf("%s, %s: %d of %d requests failed, %d may\n%s",
					l.name, moves[i].name, wrong, total, moves[i].allowed, l.traffic.Report().Examples())
			}
		}
	}
	for _, l := range applications {
		t.Logf("%-14s | wire, to safety, back, unwire, wire again, delete: %s", l.name, strings.Join(l.cells, " | "))
	}
}

// wireAll has every application but the last rewired.
func wireAll(t *testing.T, c *cluster.Cluster, namespace string, applications []*fronted) {
	t.Helper()
	for _, l := range applications[:len(foreigners)] {
		l.scale(t, c, namespace, simple(l.name, l.host))
	}
	for _, l := range applications[:len(foreigners)] {
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
		l := &fronted{foreign: f, name: f.kind, host: hostIn(namespace, f.kind)}
		l.address = f.behind(t, c, namespace, workload{Name: l.name, Replicas: 1}, l.host)
		l.traffic = steady(t, l.address, l.host, rate)
		applications = append(applications, l)
	}
	l := &fronted{name: "service", host: hostIn(namespace, "service")}
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
