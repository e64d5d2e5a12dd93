package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/podlog"
)

// watchedYAML is a route to a Service of its namespace, and one to a Service of another.
const watchedYAML = gatewayYAML + `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: own}
spec:
  parentRefs: [{name: web}]
  hostnames: [own.test]
  rules: [{backendRefs: [{name: a, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: out}
spec:
  parentRefs: [{name: web}]
  hostnames: [out.test]
  rules: [{backendRefs: [{name: a, namespace: %s, port: 80}]}]
`

// TestWatchNamespaces: an installation that watches one namespace beside its own serves it, scaling from zero and back included, with Roles
// there alone. It can read no Secret elsewhere, and none of its calls is refused. What is in another namespace is not served, and a
// reference to it says why.
func TestWatchNamespaces(t *testing.T) {
	c := cluster.Connect(t)
	watched, other := c.Namespace(t), c.Namespace(t)
	t.Cleanup(keepValues(t)) // the other tests need it
	begun := time.Now()
	_, err := helm(t.Context(), "upgrade", controllerName, filepath.Join(*root, "charts", controllerName), "--reuse-values",
		"--set", "autowire.enabled=false,watchNamespaces={"+watched+"}", "--wait", "--timeout", "3m")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Helm took %s", time.Since(begun).Round(time.Millisecond))
	c.DeploymentReady(t, controllers, controllerName)
	refused := refusals(t, c)

	echoes := render(t, echoYAML, echo{Name: "a", Replicas: 1, Unprobed: true})
	c.Apply(t, other, gatewayYAML+"---"+echoes)
	c.Apply(t, watched, fmt.Sprintf(watchedYAML, other)+"---"+echoes)
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

// refusals follows the logs of the controllers, and returns the lines about calls that the API server forbade.
func refusals(t *testing.T, c *cluster.Cluster) func() []string {
	t.Helper()
	var mu sync.Mutex
	var found []string
	podlog.Follow(t, c.Clients, controllers, controllerPods, func(pod, text string) {
		if strings.Contains(text, "is forbidden") || strings.Contains(text, "cannot list resource") {
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
