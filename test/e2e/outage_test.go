package e2e

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
	"github.com/kedify/inference-gateway/test/e2e/internal/node"
)

// away is an outage of the API server.
type away struct {
	name string
	// replicas of the controllers.
	replicas int32
	// ends: the API server ends and is started again; otherwise it hangs.
	ends bool
	// restart: an Envoy starts again meanwhile.
	restart bool
	lasts   time.Duration
}

// TestX9APIServerAway has the API server hang for 15 s, longer than a lease lasts, with one controller. With -long it
// is away for a minute, hangs or ends, with one controller and with two, and an Envoy starts again meanwhile. No
// controller ends. Warm requests to a Service and to a pool are answered. Requests of applications at zero wait,
// and are answered when there is an API server again.
func TestX9APIServerAway(t *testing.T) {
	cases := []away{{name: "OneReplicaHangs", replicas: 1, lasts: 15 * time.Second}}
	if *long {
		cases = nil
		for _, replicas := range []int32{2, 1} {
			for _, ends := range []bool{false, true} {
				cases = append(cases, away{
					name: fmt.Sprintf("Replicas%dEnds%t", replicas, ends), replicas: replicas, ends: ends, restart: true, lasts: time.Minute,
				})
			}
		}
	}
	scene := newUnattended(t, cluster.Connect(t))
	for _, outage := range cases {
		t.Run(outage.name, func(t *testing.T) { scene.during(t, outage) })
	}
}

// unattended is what clients ask for during an outage.
type unattended struct {
	*cluster.Cluster
	namespace string
	// Addresses with ports, of a Service, of a pool, of applications at zero, and of the Envoy that starts again.
	service, pool, sleepers, second string
}

const (
	warmHost, secondHost = "warm.test", "second.test"
	// starts is at zero when the outage begins, and has been asked for; sleeps is asked for after that.
	starts, sleeps = "starts", "sleeps"
	// waiting is how many requests wait for each of them.
	waiting = 20

	llama = `{"model": "llama-3.1-8b", "prompt": "hello", "max_tokens": 1}`

	secondYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: second}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: http, protocol: HTTP, port: 80}
`
	hostYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: {{.Name}}}
spec:
  parentRefs: [{name: {{.Gateway}}}]
  hostnames: [{{.Host}}]
  rules:
  - backendRefs: [{name: a, port: 80}]
`
)

type hostRoute struct{ Name, Gateway, Host string }

func newUnattended(t *testing.T, c *cluster.Cluster) *unattended {
	t.Helper()
	const models = "inference-quickstart"
	c.DeploymentReady(t, controllers, controllerName)
	s := &unattended{Cluster: c, namespace: c.Namespace(t)}
	c.ApplyFolder(t, filepath.Join(*root, "examples", models))
	c.Apply(t, s.namespace, gatewayYAML+"---"+secondYAML+"---"+render(t, echoYAML, echo{Name: "a", Replicas: 1, Unprobed: true}))
	for _, route := range []hostRoute{{"warm", "web", warmHost}, {"second", "second", secondHost}} {
		c.Apply(t, s.namespace, render(t, hostYAML, route))
	}
	for _, app := range []workload{{Name: starts, Delay: 10}, {Name: sleeps}} {
		s.sleepers = deploy(t, c, s.namespace, app, scaled{
			Host: app.Name + ".test", Max: 1, Metric: "requestRate", Target: 1000, More: []string{"window: 10s", "holdTimeout: 5m"},
		})
	}
	c.DeploymentsReady(t, s.namespace)
	s.service, s.second = c.GatewayReady(t, s.namespace, "web")+":80", c.GatewayReady(t, s.namespace, "second")+":80"
	probe(t, s.service, warmHost, "/")
	probe(t, s.second, secondHost, "/")
	c.DeploymentsReady(t, models)
	s.pool = c.GatewayReady(t, models, "inference") + ":80"
	answers(t, s.pool, completions, llama)
	return s
}

// during is one outage, with its traffic.
func (s *unattended) during(t *testing.T, o away) {
	pods := s.controllers(t, o.replicas)
	for _, name := range []string{starts, sleeps} {
		s.ReplicasBecome(t, s.namespace, name, 0, 3*time.Minute)
	}
	var envoy corev1.Pod
	if o.restart {
		envoy = s.anew(t, s.namespace, "gateway.networking.k8s.io/gateway-name=second")
		probe(t, s.second, secondHost, "/")
	}
	s.sum(t, pods, "kedify_gateway_leader", 1)
	warm := load.Start(t,
		load.Options{Address: s.service, Workers: 2, Pause: 20 * time.Millisecond, Requests: []load.Request{{Host: warmHost, Path: "/"}}})
	models := load.Start(t, load.Options{Address: s.pool, Workers: 1, Pause: 50 * time.Millisecond, Requests: []load.Request{{
		Method: http.MethodPost, Host: "models.test", Path: completions, Body: llama,
		Header: map[string]string{"content-type": "application/json"},
	}}})
	before := gather(t, waiting, s.sleepers, starts+".test", nil)
	s.sum(t, pods, "kedify_gateway_hold_held_requests", waiting)

	comesBack := s.leave(t, o)
	begun := time.Now()
	after := gather(t, waiting, s.sleepers, sleeps+".test", nil)
	s.sum(t, pods, "kedify_gateway_hold_held_requests", 2*waiting)
	if o.restart {
		restarts(t, envoy, s.second)
	}
	s.sum(t, pods, "kedify_gateway_leader", 0)
	time.Sleep(time.Until(begun.Add(o.lasts)))
	s.sum(t, pods, "kedify_gateway_hold_held_requests", 2*waiting)
	comesBack()
	back := time.Now()
	for _, crowd := range []*crowd{before, after} {
		crowd.done(t, cold)
		t.Logf("answered %s after the API server was back", time.Since(back).Round(100*time.Millisecond))
	}
	s.follows(t, o)
	s.unharmed(t, pods)
	warm.MustBeClean(t, 500)
	models.MustBeClean(t, 100)
	s.controllers(t, 2)
	s.anew(t, kedaNamespace, "app="+kedaOperator)
}

// anew has another Pod run instead of the only one with the labels. The kubelet waits longer from one end of a container to the
// next, and KEDA's operator ends with its lease.
func (s *unattended) anew(t *testing.T, namespace, selector string) (pod corev1.Pod) {
	t.Helper()
	old := s.Pods(t, namespace, selector)
	for _, pod := range old {
		kill(t, s.Cluster, namespace, pod.Name)
	}
	cluster.Eventually(t, time.Minute, func() error {
		pods := s.Pods(t, namespace, selector)
		if len(pods) != 1 || slices.ContainsFunc(old, func(p corev1.Pod) bool { return p.UID == pods[0].UID }) {
			return fmt.Errorf("%d Pods with %s", len(pods), selector)
		}
		pod = pods[0]
		if !slices.ContainsFunc(pod.Status.Conditions, func(p corev1.PodCondition) bool {
			return p.Type == corev1.PodReady && p.Status == corev1.ConditionTrue
		}) {
			return fmt.Errorf("%s is not ready", pod.Name)
		}
		return nil
	})
	return pod
}

// controllers has so many controllers run, until the test ends, and returns their Pods.
func (s *unattended) controllers(t *testing.T, replicas int32) []corev1.Pod {
	t.Helper()
	t.Cleanup(func() { // the context of the test is over
		_, err := s.Clients.AppsV1().Deployments(controllers).Patch(context.Background(), controllerName,
			types.MergePatchType, []byte(`{"spec": {"replicas": 2}}`), metav1.PatchOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	s.Scale(t, controllers, controllerName, replicas)
	var pods []corev1.Pod
	cluster.Eventually(t, time.Minute, func() error {
		if pods = s.Pods(t, controllers, controllerPods); len(pods) != int(replicas) {
			return fmt.Errorf("%d controllers, want %d", len(pods), replicas)
		}
		return nil
	})
	return pods
}

// sum waits until a gauge of the controllers has a sum. It asks the Pods alone.
func (s *unattended) sum(t *testing.T, pods []corev1.Pod, gauge string, want float64) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		sum := 0.0
		for _, pod := range pods {
			n, err := dump.Sum(t.Context(), pod.Status.PodIP, dump.Port, gauge)
			if err != nil {
				return err
			}
			sum += n
		}
		if sum != want {
			return fmt.Errorf("%s is %.0f at %d controllers, want %.0f", gauge, sum, len(pods), want)
		}
		return nil
	})
}

// leave has the API server go. comesBack, which the end of the test calls unless the test did, ends that.
func (s *unattended) leave(t *testing.T, o away) (comesBack func()) {
	t.Helper()
	const apiServer = "kube-apiserver"
	start, err := func() error { return node.ContinueComponent(apiServer) }, error(nil)
	if o.ends {
		start, err = node.EndComponent(apiServer)
	} else {
		err = node.StopComponent(apiServer)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := false
	comesBack = func() {
		t.Helper()
		if done {
			return
		}
		done = true
		if err := start(); err != nil {
			t.Fatal(err)
		}
		cluster.Eventually(t, time.Minute, func() error {
			_, err := s.Clients.Discovery().ServerVersion()
			return err
		})
	}
	t.Cleanup(comesBack)
	return comesBack
}

// restarts kills an Envoy. The kubelet starts it again, and it has its configuration from the controllers in 2 s.
func restarts(t *testing.T, pod corev1.Pod, address string) {
	t.Helper()
	const limit = 2 * time.Second
	old := node.IDs(pod.UID, "envoy")
	if err := node.Kill(pod.UID, "envoy"); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	cluster.Eventually(t, 30*time.Second, func() error {
		if ids := node.IDs(pod.UID, "envoy"); len(ids) == 0 || slices.ContainsFunc(ids, func(id int) bool { return slices.Contains(old, id) }) {
			return fmt.Errorf("the kubelet has not started Envoy again: %v", ids)
		}
		return nil
	})
	started := time.Now()
	probe(t, address, secondHost, "/")
	took := time.Since(started)
	t.Logf("the kubelet started the killed Envoy again after %s, which answered %s later",
		started.Sub(killed).Round(10*time.Millisecond), took.Round(10*time.Millisecond))
	if took > limit {
		t.Errorf("a fresh Envoy answered %s after its start, want %s", took, limit)
	}
}

// follows wants a new route in the traffic and a status of it.
func (s *unattended) follows(t *testing.T, o away) {
	t.Helper()
	begun := time.Now()
	route := hostRoute{Name: fmt.Sprintf("after-%d-%t", o.replicas, o.ends), Gateway: "web",
		Host: fmt.Sprintf("after-%d-%t.test", o.replicas, o.ends)}
	s.Apply(t, s.namespace, render(t, hostYAML, route))
	probe(t, s.service, route.Host, "/")
	s.RouteHas(t, s.namespace, route.Name, cluster.Accepted, cluster.ResolvedRefs)
	t.Logf("a new route was served and had a status after %s", time.Since(begun).Round(10*time.Millisecond))
}

// unharmed wants the containers of controllers that were there before.
func (s *unattended) unharmed(t *testing.T, before []corev1.Pod) {
	t.Helper()
	restarts := func(pods []corev1.Pod) map[string]int32 {
		counts := map[string]int32{}
		for _, pod := range pods {
			for _, container := range pod.Status.ContainerStatuses {
				counts[pod.Name+"/"+container.Name+" of "+string(pod.UID)] = container.RestartCount
			}
		}
		return counts
	}
	was, is := restarts(before), restarts(s.Pods(t, controllers, controllerPods))
	if len(was) == 0 || fmt.Sprint(was) != fmt.Sprint(is) {
		t.Errorf("restarts of controllers were %v and are %v", was, is)
	}
}
