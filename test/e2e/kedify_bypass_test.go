package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// ownIngressYAML leads to an application without the proxy, and is not rewired: the proxies do not speak
// FastCGI.
const ownIngressYAML = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[1]s, annotations: {nginx.ingress.kubernetes.io/backend-protocol: FCGI}}
spec:
  rules:
  - host: %[1]s.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %[1]s, port: {number: 80}}}}]}
`

// bypassed is what an HTTPScaler says while requests may bypass the proxy and none came through it.
var bypassed = cluster.Condition{Type: "Bypassed", Status: metav1.ConditionTrue, Reason: "NoRequestYet"}

// TestApplicationBehindItsOwnIngressKeepsItsReplicas has two applications with a minimum of zero
// behind Ingresses of their own: one names the kind in trafficAutowire, the other leaves the key
// out. Neither is scaled to zero, although no request comes through the proxy, while a third one
// without an Ingress is. A first request, and trafficAutowire "false", let them go to zero, and from
// zero a request through the proxy wakes them.
func TestApplicationBehindItsOwnIngressKeepsItsReplicas(t *testing.T) {
	const replicas = 2
	guarded := []string{"named", "absent"}
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	address := behindIngresses(t, c, namespace, guarded, replicas)

	// KEDA asks for all of them at the same pace: when it has stopped the third one, it would have
	// stopped the others.
	c.ReplicasBecome(t, namespace, "free", 0, zero)
	for _, name := range guarded {
		c.ScalerHas(t, namespace, name+"-0", bypassed)
		if wanted, _ := c.Replicas(t, namespace, name); wanted != replicas {
			t.Errorf("Deployment %s has %d replicas, want %d as before", name, wanted, replicas)
		}
	}

	// The first request through the proxy ends it, for good.
	got, err := wait(t.Context(), address, "named.test", "")
	if err == nil {
		err = ok(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.ReplicasBecome(t, namespace, "named", 0, 2*time.Minute)
	cluster.Eventually(t, time.Minute, func() error {
		if traffic := cluster.Get(t, c, namespace, "named-0", &v1alpha1.HTTPScaler{}).Spec.Traffic; !traffic.Seen {
			return fmt.Errorf("the first request is not remembered: %+v", traffic)
		}
		return nil
	})
	if wanted, _ := c.Replicas(t, namespace, "absent"); wanted != replicas {
		t.Errorf("Deployment absent has %d replicas, want %d: the request was for another application", wanted, replicas)
	}

	// So does the word of the user.
	object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "absent"}}
	cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) { s.Spec.Triggers[0].Metadata["trafficAutowire"] = "false" })
	c.ReplicasBecome(t, namespace, "absent", 0, 2*time.Minute)
	// KEDA asks for the demand, and may act, before the leader has written the status.
	cluster.Eventually(t, time.Minute, func() error {
		for _, condition := range cluster.Get(t, c, namespace, "absent-0", &v1alpha1.HTTPScaler{}).Status.Conditions {
			if condition.Type == bypassed.Type {
				return fmt.Errorf("condition %+v", condition)
			}
		}
		return nil
	})

	for _, name := range guarded {
		got, err := wait(t.Context(), address, name+".test", "")
		if err == nil {
			err = cold(got)
		}
		if err != nil {
			t.Errorf("%s from zero: %v", name, err)
		}
	}
}

// behindIngresses deploys the guarded applications with Ingresses of their own, and one called free
// without. It returns the proxy's address when the guarded ones have routes there.
func behindIngresses(t *testing.T, c *cluster.Cluster, namespace string, guarded []string, replicas int) (address string) {
	t.Helper()
	for _, name := range guarded {
		c.Apply(t, namespace, fmt.Sprintf(ownIngressYAML, name))
	}
	for _, name := range append(slices.Clone(guarded), "free") {
		more := []string{"window: 10s"}
		if name == "named" {
			more = append(more, "trafficAutowire: ingress")
		}
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Replicas: replicas}))
		c.Apply(t, namespace, render(t, scaledYAML, scaled{
			Name: name, Host: name + ".test", Min: 0, Max: 3, Metric: "requestRate", Target: 1000, More: more,
		}))
	}
	for _, name := range guarded {
		c.ScalerHas(t, namespace, name+"-0", cluster.Accepted, cluster.ResolvedRefs, bypassed)
		c.RouteHas(t, namespace, name+"-0", cluster.Accepted, cluster.ResolvedRefs)
		t.Log(c.EventAbout(t, namespace, "ScaledObject", name,
			"Ingress "+namespace+"/"+name+" may lead requests to the application past the proxy"))
	}
	address = c.GatewayReady(t, namespace, proxyName) + ":8080"
	for _, name := range guarded {
		probe(t, address, name+".test", "/alive") // the route is in Envoy; a health check is no request
	}
	return address
}
