package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/podlog"
)

// outYAML is a route to a Service of another namespace.
const outYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: out}
spec:
  parentRefs: [{name: web}]
  hostnames: [out.test]
  rules: [{backendRefs: [{name: a, namespace: %s, port: 80}]}]
`

// ownRoute is a route to a Service of its namespace.
func ownRoute(name, host string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ` + name + `}
spec:
  parentRefs: [{name: web}]
  hostnames: [` + host + `]
  rules: [{backendRefs: [{name: a, port: 80}]}]
`
}

// TestWatchNamespaces: an installation that watches namespaces beside its own serves them, scaling from zero and back included, with Roles
// there alone. It can read no Secret elsewhere, and none of its calls is refused. What is in another namespace is not served, and a
// reference to it says why. Controllers that start while one of the namespaces is gone and the administrator of another has taken their
// rights away serve the rest, and that one as soon as they may.
func TestWatchNamespaces(t *testing.T) {
	c := cluster.Connect(t)
	watched, other, closed, gone := c.Namespace(t), c.Namespace(t), c.Namespace(t), c.Namespace(t)
	t.Cleanup(keepValues(t))                         // the other tests need it
	before := c.Pods(t, controllers, controllerPods) // they end without the rights that they were made for
	begun := time.Now()
	_, err := helm(t.Context(), "upgrade", controllerName, filepath.Join(*root, "charts", controllerName), "--reuse-values",
		"--set", "autowire.enabled=false,watchNamespaces={"+strings.Join([]string{watched, closed, gone}, ",")+"}", "--wait", "--timeout", "3m")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Helm took %s", time.Since(begun).Round(time.Millisecond))
	c.DeploymentReady(t, controllers, controllerName)
	refused := refusals(t, c, before)

	echoes := render(t, echoYAML, echo{Name: "a", Replicas: 1, Unprobed: true})
	c.Apply(t, other, gatewayYAML+"---"+echoes)
	c.Apply(t, watched, gatewayYAML+"---"+ownRoute("own", "own.test")+"---"+fmt.Sprintf(outYAML, other)+"---"+echoes)
	probe(t, c.GatewayReady(t, watched, "web"), "own.test", "/")
	const want = "is in namespace %s, which this installation does not watch (--watch-namespaces)"
	cluster.Eventually(t, 30*time.Second, func() error {
		if said := c.Message(t, watched, "out", string(gwv1.RouteConditionResolvedRefs)); !strings.Contains(said, fmt.Sprintf(want, other)) {
			return fmt.Errorf("the route to the other namespace: %q", said)
		}
		return nil
	})
	address := deploy(t, c, watched, workload{Name: "app"}, scaled{Host: "app.test", Max: 1, Metric: "requestRate", Target: 10})
	c.ReplicasBecome(t, watched, "app", 0, 2*time.Minute)
	probe(t, address, "app.test", "/") // held until there is a Pod

	gateway := cluster.Get(t, c, other, "web", &gwv1.Gateway{})
	if accepted := meta.FindStatusCondition(gateway.Status.Conditions, string(gwv1.GatewayConditionAccepted)); accepted != nil &&
		accepted.Status != metav1.ConditionUnknown {
		t.Errorf("the Gateway of a namespace that is not watched: %+v", accepted)
	}
	for namespace, may := range map[string]bool{watched: true, controllers: true, other: false, "kube-system": false,
		metav1.NamespaceAll: false} {
		for _, verb := range []string{"get", "list", "delete"} {
			if got := allowed(t, c, namespace, verb, "secrets"); got != may {
				t.Errorf("the controllers may %s Secrets in %q: %v", verb, namespace, got)
			}
		}
	}
	if lines := refused(); len(lines) > 0 {
		t.Errorf("the API server refused %d calls of the controllers, of which: %s", len(lines), lines[0])
	}
	reopens(t, c, watched, closed, gone)
}

// reopens restarts the controllers without the namespace gone and without their RoleBinding in closed. It wants them to serve watched, and
// closed when the RoleBinding is back.
func reopens(t *testing.T, c *cluster.Cluster, watched, closed, gone string) {
	t.Helper()
	const host = "closed.test"
	c.Apply(t, closed, gatewayYAML+"---"+ownRoute("own", host)+"---"+render(t, echoYAML, echo{Name: "a", Replicas: 1, Unprobed: true}))
	address := c.GatewayReady(t, closed, "web")
	probe(t, address, host, "/")
	proxies := cluster.Get(t, c, closed, "web-kedify", &appsv1.Deployment{}).UID

	doomed := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: gone}}
	binding := cluster.Get(t, c, closed, controllerName+"-watched", &rbacv1.RoleBinding{})
	if err := errors.Join(c.Delete(t.Context(), doomed), c.Delete(t.Context(), binding.DeepCopy())); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, time.Minute, func() error {
		err := c.Client.Get(t.Context(), client.ObjectKeyFromObject(doomed), doomed)
		if err == nil {
			return fmt.Errorf("the namespace %s is still there", gone)
		}
		return client.IgnoreNotFound(err)
	})
	replicas := *cluster.Get(t, c, controllers, controllerName, &appsv1.Deployment{}).Spec.Replicas
	before := c.Pods(t, controllers, controllerPods)
	killAll(t, c, controllers, controllerName, controllerPods)
	refused := refusals(t, c, before)
	begun := time.Now()
	c.Scale(t, controllers, controllerName, replicas) // until they are ready
	t.Logf("controllers are ready %s after a start without the rights in a namespace", time.Since(begun).Round(100*time.Millisecond))
	c.Apply(t, watched, ownRoute("second", "second.test"))
	probe(t, c.GatewayReady(t, watched, "web"), "second.test", "/")
	probe(t, address, host, "/") // its Envoys have what they had
	for _, namespace := range []string{closed, gone} {
		cluster.Eventually(t, 30*time.Second, func() error {
			if !slices.ContainsFunc(refused(), func(line string) bool { return strings.Contains(line, `"namespace":"`+namespace+`"`) }) {
				return fmt.Errorf("no line of the log names %s", namespace)
			}
			return nil
		})
	}

	c.Apply(t, closed, ownRoute("second", "back.test"))
	binding.ResourceVersion, binding.UID, begun = "", "", time.Now()
	if err := c.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	probe(t, address, "back.test", "/")
	t.Logf("the namespace is served %s after its rights came back", time.Since(begun).Round(100*time.Millisecond))
	if after := cluster.Get(t, c, closed, "web-kedify", &appsv1.Deployment{}).UID; after != proxies {
		t.Errorf("the proxies of the namespace were made anew: %s, %s before", after, proxies)
	}
}

// allowed asks the API server what the controllers may do in a namespace, or in all.
func allowed(t *testing.T, c *cluster.Cluster, namespace, verb, resource string) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:" + controllers + ":" + controllerName,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: resource},
	}}
	answer, err := c.Clients.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Allowed
}

// refusals follows the logs of the controllers without those of before. It returns the lines about calls that the API server forbade.
func refusals(t *testing.T, c *cluster.Cluster, before []corev1.Pod) func() []string {
	t.Helper()
	var mu sync.Mutex
	var found []string
	podlog.Follow(t, c.Clients, controllers, controllerPods, func(pod, text string) {
		old := slices.ContainsFunc(before, func(one corev1.Pod) bool { return one.Name == pod })
		if !old && (strings.Contains(text, "is forbidden") || strings.Contains(text, "cannot list resource")) {
			mu.Lock()
			defer mu.Unlock()
			found = append(found, pod+": "+text)
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(found)
	}
}
