package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// TestAutowireManyIngresses has 500 Ingresses with 2,000 paths lead to one application. They are wired within
// 10 s of the first, by one write each, and then left alone: no write follows for 20 s, for 5
// minutes with -long. When the trigger goes, all of them are as they were.
func TestAutowireManyIngresses(t *testing.T) {
	const name, host, ingresses, paths = "app", "many.test", 500, 4
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Replicas: 1}))
	for i := range ingresses {
		if err := c.Create(t.Context(), manyPaths(namespace, fmt.Sprintf("many-%d", i), host, paths)); err != nil {
			t.Fatal(err)
		}
	}
	c.DeploymentReady(t, namespace, name)
	foreigners[0].scale(t, c, namespace, simple(name, host))
	cluster.Eventually(t, time.Minute, func() error { // the proxy is ready
		if n := countWired(t, c, namespace); n == 0 {
			return fmt.Errorf("no Ingress is wired")
		}
		return nil
	})
	begun := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		if n := countWired(t, c, namespace); n != ingresses {
			return fmt.Errorf("%d of %d Ingresses are wired", n, ingresses)
		}
		return nil
	})
	took := time.Since(begun)
	t.Logf("%d Ingresses with %d paths were wired within %s of the first", ingresses, ingresses*paths, took.Round(100*time.Millisecond))
	if took > wired {
		t.Errorf("it took %s, want %s", took, wired)
	}
	isWired(t, c, namespace, name+"-0")

	rest := 20 * time.Second
	if *long {
		rest = 5 * time.Minute
	}
	before := versions(t, c, namespace)
	time.Sleep(rest)
	for name, version := range versions(t, c, namespace) {
		if before[name] != version {
			t.Errorf("Ingress %s was written at rest", name)
		}
	}
	for _, ingress := range allIngresses(t, c, namespace) {
		if ingress.Generation != 2 {
			t.Errorf("Ingress %s has generation %d, want 2: one write", ingress.Name, ingress.Generation)
		}
	}
	deleteScaled(t, c, namespace, name)
	cluster.Eventually(t, time.Minute, func() error {
		if n := countWired(t, c, namespace); n != 0 {
			return fmt.Errorf("%d Ingresses are still wired", n)
		}
		return nil
	})
}

// manyPaths is an Ingress of a class without a controller: the measured time is the product's alone.
func manyPaths(namespace, name, host string, n int) *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       networkingv1.IngressSpec{IngressClassName: ptr.To("nobody")},
	}
	rule := networkingv1.IngressRule{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{}}}
	for i := range n {
		rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
			Path: fmt.Sprintf("/%s/%d", name, i), PathType: ptr.To(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: "app", Port: networkingv1.ServiceBackendPort{Number: 80},
			}},
		})
	}
	ingress.Spec.Rules = []networkingv1.IngressRule{rule}
	return ingress
}

func allIngresses(t *testing.T, c *cluster.Cluster, namespace string) []networkingv1.Ingress {
	t.Helper()
	list, err := c.Clients.NetworkingV1().Ingresses(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// countWired counts the Ingresses of which every path leads to the wired Service.
func countWired(t *testing.T, c *cluster.Cluster, namespace string) int {
	t.Helper()
	n := 0
	for _, ingress := range allIngresses(t, c, namespace) {
		if strings.Count(text(t, ingress.Spec), `"name":"app-kedify"`) == len(ingress.Spec.Rules[0].HTTP.Paths) {
			n++
		}
	}
	return n
}

func versions(t *testing.T, c *cluster.Cluster, namespace string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, ingress := range allIngresses(t, c, namespace) {
		found[ingress.Name] = ingress.ResourceVersion
	}
	return found
}
