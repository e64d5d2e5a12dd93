package e2e

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// outage is a row of the failure table: what dies at once.
type outage struct {
	name                         string
	proxies, controllers, wiring bool
	// zero: the application has no replica then.
	zero bool
	// answered: requests through the Ingress are answered from 7 s after the kill on.
	answered bool
}

var outages = []outage{
	{name: "Proxies", proxies: true, answered: true},
	{name: "Controllers", controllers: true, answered: true},
	{name: "ControllersAppAtZero", controllers: true, zero: true, answered: true},
	{name: "T52Both", proxies: true, controllers: true, answered: true},
	{name: "T53BothAppAtZero", proxies: true, controllers: true, zero: true, answered: true},
	{name: "Wiring", wiring: true, answered: true},
	{name: "ControllersAndWiring", controllers: true, wiring: true, answered: true},
	// Nothing is left that could move a consumer of slices. Clients of kube-proxy have the standby.
	{name: "All", proxies: true, controllers: true, wiring: true},
}

// safety is when requests must be answered again: the debouncer period, and what the move takes.
const safety = debounce + 2*time.Second

// TestAutowireKills kills parts of the product while an application behind Contour's Ingress is asked
// 20 times per second, and through kube-proxy by clients of its wired Service as well. Requests that are
// sent 7 s after the kill or later are answered, also while the traffic returns (T54).
func TestAutowireKills(t *testing.T) {
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) { o.run(t) })
	}
}

// moves says whether wiring is there to lead the traffic past what is dead.
func (o outage) moves() bool { return (o.proxies || o.controllers) && !o.wiring }

func (o outage) run(t *testing.T) {
	const name = "app"
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	application := simple(name, hostIn(namespace, name))
	if o.zero {
		application.Min = 0
	}
	a := newAsked(t, c, namespace, application)
	if !o.zero {
		a.ask(t)
	}
	proxies := c.Deployment(t, namespace, proxyPods).Name
	killed := time.Now()
	if o.controllers {
		killAll(t, c, controllers, controllerName, controllerPods)
	}
	if o.wiring {
		killAll(t, c, controllers, wiringName, wiringPods)
	}
	if o.proxies {
		killAll(t, c, namespace, proxies, proxyPods)
	}
	if o.zero {
		a.ask(t)
	}
	safe := killed.Add(safety)
	if o.moves() {
		took := leads(t, c, namespace, name+"-0", v1alpha1.PathDirect)
		t.Logf("direct %s after the kill", took.Round(100*time.Millisecond))
		if o.zero {
			c.ReplicasBecome(t, namespace, name, 1, 30*time.Second) // it was woken
			safe = time.Now().Add(time.Second)
		} else if took > safety {
			t.Errorf("the move took %s, want %s at most", took, safety)
		}
	}
	time.Sleep(time.Until(safe.Add(10 * time.Second))) // the outage lasts
	if got := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring; !o.moves() && got.Path != v1alpha1.PathProxy {
		t.Errorf("nothing should have moved: %+v", got)
	}
	a.through(t, outagePart, killed, safe, o.answered)

	revived := time.Now()
	for _, name := range []string{controllerName, wiringName} {
		patch(t, c, controllers, name, `{"spec": {"replicas": 2}}`)
	}
	patch(t, c, namespace, proxies, `{"spec": {"replicas": 1}}`)
	for _, name := range []string{controllerName, wiringName} {
		c.DeploymentReady(t, controllers, name)
	}
	c.DeploymentReady(t, namespace, proxies)
	ready := time.Now()
	took := leads(t, c, namespace, name+"-0", v1alpha1.PathProxy)
	t.Logf("back through the proxies %s after all were ready", took.Round(100*time.Millisecond))
	time.Sleep(3 * time.Second) // what the return costs may show a moment later
	if !o.answered {
		revived = ready.Add(time.Second)
	}
	a.through(t, "the return", revived, revived, true)
}

// asked is an application with requests on two ways.
type asked struct {
	host             string
	zero             bool // it had no replica when its requests began
	ingress, service string
	traffic          map[string]*load.Run
}

// newAsked has an application behind the first consumer, wired; with a minimum of zero it has no replica.
func newAsked(t *testing.T, c *cluster.Cluster, namespace string, s scaled) *asked {
	t.Helper()
	f, name, host, zero := foreigners[0], s.Name, s.Host, s.Min == 0
	a := &asked{host: host, zero: zero, traffic: map[string]*load.Run{}}
	a.ingress = f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
	f.scale(t, c, namespace, s)
	isWired(t, c, namespace, name+"-0")
	a.service = wiredService(t, c, namespace, name)
	if zero {
		c.ReplicasBecome(t, namespace, name, 0, 2*time.Minute)
		return a
	}
	probe(t, a.ingress, host, "/")
	probe(t, a.service, host, "/")
	return a
}

const (
	outagePart = "the outage"
	viaIngress = "through the Ingress"
	viaService = "through kube-proxy"
)

// ask begins with the requests.
func (a *asked) ask(t *testing.T) {
	t.Helper()
	a.traffic[viaIngress] = steady(t, a.ingress, a.host, 20)
	a.traffic[viaService] = load.Start(t, load.Options{
		Address: a.service, Workers: 1, Pause: 50 * time.Millisecond, Fresh: true, Requests: []load.Request{{Host: a.host, Path: "/"}},
	})
}

// through reports on a part of a run and wants no unexpected answer to what was sent from a moment on.
func (a *asked) through(t *testing.T, part string, begun, safe time.Time, answered bool) {
	t.Helper()
	for way, traffic := range a.traffic {
		if way == viaService && !a.zero && part == outagePart {
			safe = begun.Add(time.Second) // kube-proxy uses the standby as soon as it knows the endpoints
		}
		all, failed := traffic.Between(begun, time.Now())
		late, wrong := traffic.Between(safe, time.Now())
		t.Logf("%s, %s: %d of %d failed, of them %d of the last %d", part, way, failed, all, wrong, late)
		if wrong > 0 && (answered || way == viaService) {
			t.Errorf("%s, %s: %s", part, way, traffic.Report().Examples())
		}
	}
}

// killAll kills all pods of a Deployment by force, and has no successors made.
func killAll(t *testing.T, c *cluster.Cluster, namespace, deployment, selector string) {
	t.Helper()
	pods := c.Pods(t, namespace, selector)
	patch(t, c, namespace, deployment, `{"spec": {"replicas": 0}}`)
	now := int64(0)
	for _, pod := range pods {
		err := c.Clients.CoreV1().Pods(namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
}
