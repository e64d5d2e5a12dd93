package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// written are the kinds that the product writes, statuses included.
var written = []schema.GroupVersionKind{
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GatewayClass"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "Gateway"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GRPCRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "TLSRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "TCPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "UDPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "ListenerSet"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "BackendTLSPolicy"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "ReferenceGrant"},
	{Group: "gateway.kedify.io", Version: "v1alpha1", Kind: "GatewayParameters"},
	{Group: "gateway.kedify.io", Version: "v1alpha1", Kind: "HTTPScaler"},
	{Group: "inference.networking.k8s.io", Version: "v1", Kind: "InferencePool"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Version: "v1", Kind: "Service"},
	{Version: "v1", Kind: "ServiceAccount"},
	{Version: "v1", Kind: "Secret"},
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "Event"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
}

// kedaAutoscaler begins the names of autoscalers that KEDA makes and Kubernetes writes statuses of.
const kedaAutoscaler = "keda-hpa-"

// TestStatusQuietAtRest sets up Gateways and routes, good and bad ones, and an application that
// scales to zero. It watches everything that the product may write, until all is done and 30 s
// passed without a write.
func TestStatusQuietAtRest(t *testing.T) {
	const rest, limit = 30 * time.Second, 90 * time.Second
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, gatewayYAML)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	c.Apply(t, namespace, badYAML)
	c.GatewayReady(t, namespace, "web")
	c.DeploymentsReady(t, namespace)
	deploy(t, c, namespace, workload{Name: "idle"}, scaled{Host: "idle.test", Max: 1, Metric: "requestRate", Target: 10})
	c.ReplicasBecome(t, namespace, "idle", 0, time.Minute)

	var mu sync.Mutex
	var writes []string
	note := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		writes = append(writes, line)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, kind := range written {
		observe(ctx, t, kind, note)
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(writes)
	}
	// At rest means that nothing happened for a while; that this comes at all is part of the promise.
	begun, used := time.Now(), newUsage(t, c, namespace)
	for last, since := count(), time.Now(); time.Since(since) < rest; time.Sleep(time.Second) {
		if now := count(); now != last {
			last, since, used = now, time.Now(), newUsage(t, c, namespace)
		}
		if time.Since(begun) > limit {
			mu.Lock()
			defer mu.Unlock()
			t.Fatalf("after %s there is still no %s without a write; the last ones:\n%s",
				limit, rest, strings.Join(writes[max(0, len(writes)-20):], "\n"))
		}
	}
	t.Logf("%d writes while settling, none in %s after that; bar: %s", count(), rest, used.since(t))
}

// observe notes every change of objects of a kind from now on.
func observe(ctx context.Context, t *testing.T, kind schema.GroupVersionKind, note func(string)) {
	t.Helper()
	rest, err := config.GetConfig()
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := client.NewWithWatch(rest, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := watcher.List(ctx, list); err != nil {
		t.Fatalf("list %s: %v", kind.Kind, err)
	}
	stream, err := watcher.Watch(ctx, list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}})
	if err != nil {
		t.Fatalf("watch %s: %v", kind.Kind, err)
	}
	go func() {
		defer stream.Stop()
		for event := range stream.ResultChan() {
			if event.Type == watch.Bookmark {
				continue
			}
			object, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				note(fmt.Sprintf("%s: %v", kind.Kind, event.Object))
				continue
			}
			if strings.HasPrefix(object.GetName(), kedaAutoscaler) {
				continue
			}
			note(fmt.Sprintf("%s %s %s %s/%s version %s", time.Now().Format("15:04:05.000"), event.Type, kind.Kind,
				object.GetNamespace(), object.GetName(), object.GetResourceVersion()))
		}
		if ctx.Err() == nil {
			t.Errorf("the watch of %s ended early: later writes would not have been seen", kind.Kind)
		}
	}()
}
