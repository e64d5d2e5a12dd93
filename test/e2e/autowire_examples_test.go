package e2e

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// wiredExamples are the folders that TestAutowireExamples executes. Their objects are served by
// foreign consumers.
var wiredExamples = map[string]func(*testing.T){
	"autowire-ingress":        exampleIngress,
	"autowire-httproute":      exampleForeignRoute,
	"autowire-virtualservice": exampleVirtualService,
	"autowire-service":        exampleService,
	"wired-service":           exampleWiredService,
}

// TestAutowireExamples applies each example of autowiring as its README says and checks what the README
// promises.
func TestAutowireExamples(t *testing.T) {
	t.Parallel()
	for _, folder := range slices.Sorted(maps.Keys(wiredExamples)) {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			wiredExamples[folder](t)
		})
	}
}

// exampleName is the name of the application, its ScaledObject and its foreign object.
const exampleName = "shop"

func exampleIngress(t *testing.T) { exampleOf(t, "autowire-ingress", "ingress", "shop.example.com") }

func exampleForeignRoute(t *testing.T) {
	got := exampleOf(t, "autowire-httproute", "httproute", "route.example.com")
	if through := got.header.Get("x-served-through"); through != "contour" {
		t.Errorf("the filter of the route set %q", through)
	}
}

func exampleVirtualService(t *testing.T) {
	exampleOf(t, "autowire-virtualservice", "virtualservice", "mesh.example.com")
}

// exampleOf has an object rewired, the application wake at a request, and the object put back.
func exampleOf(t *testing.T, namespace, kind, host string) answer {
	t.Helper()
	f := foreigners[slices.IndexFunc(foreigners, func(f foreign) bool { return f.kind == kind })]
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	wiredTo := func() string { return text(t, f.get(t, c, namespace, exampleName).Object["spec"]) }
	isWired(t, c, namespace, exampleName+"-0")
	if spec := wiredTo(); !strings.Contains(spec, exampleName+"-kedify") {
		t.Errorf("the object is said to be wired: %s", spec)
	}
	got := wakesFromZero(t, c, namespace, f.address(t, c), host)
	deleteScaled(t, c, namespace, exampleName)
	cluster.Eventually(t, 30*time.Second, func() error {
		if spec := wiredTo(); strings.Contains(spec, "-kedify") {
			return fmt.Errorf("the object is still wired: %s", spec)
		}
		return unmarked(f.get(t, c, namespace, exampleName))
	})
	return got
}

// wakesFromZero waits until KEDA has stopped the application, and wakes it with a request.
func wakesFromZero(t *testing.T, c *cluster.Cluster, namespace, address, host string) answer {
	t.Helper()
	asksZero(t, c, namespace, exampleName)
	got, err := wait(t.Context(), address, host, "")
	if err == nil {
		err = cold(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// exampleService: clients call a Service without a selector.
func exampleService(t *testing.T) {
	const namespace = "autowire-service"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	isWired(t, c, namespace, exampleName+"-0")
	service := cluster.Get(t, c, namespace, exampleName, &corev1.Service{})
	wakesFromZero(t, c, namespace, net.JoinHostPort(service.Spec.ClusterIP, "80"), exampleName+"."+namespace)
}

// exampleWiredService: the Ingress stays as it was applied, with the trigger and without it.
func exampleWiredService(t *testing.T) {
	const namespace, host = "wired-service", "wired.example.com"
	f := foreigners[0]
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	isWired(t, c, namespace, exampleName+"-0")
	address := f.address(t, c)
	wakesFromZero(t, c, namespace, address, host)
	deleteScaled(t, c, namespace, exampleName)
	cluster.Eventually(t, 2*time.Minute, func() error {
		if pods := c.Pods(t, namespace, proxyPods); len(pods) > 0 {
			return fmt.Errorf("%d Pods of the proxies are left", len(pods))
		}
		return nil
	})
	probe(t, address, host, "/")
	object := f.get(t, c, namespace, exampleName)
	if err := unmarked(object); err != nil || object.GetGeneration() != 1 {
		t.Errorf("the Ingress has generation %d: %v", object.GetGeneration(), err)
	}
}
