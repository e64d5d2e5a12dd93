package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// crowdedYAML is a Gateway whose Envoy no node has room for.
const crowdedYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {name: crowded}
spec: {envoy: {resources: {requests: {cpu: "1000"}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: crowded}
spec:
  gatewayClassName: kedify
  infrastructure: {parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: crowded}}
  listeners: [{name: http, protocol: HTTP, port: 80}]
`

// TestHelmTest runs the chart's test by the commands of docs/install.md. Where doctor finds nothing it succeeds, knows all that doctor
// asks, and leaves nothing behind. Where doctor finds a fault it fails, and its log names the fault.
func TestHelmTest(t *testing.T) {
	c := cluster.Connect(t)
	blocks := namedBlocks(t, "install.md")
	check := blocks["check"]
	if check == "" || blocks["checklog"] == "" {
		t.Fatal("the page has no commands called check and checklog")
	}
	doctorServes(t)
	log, err := shell(t.Context(), strings.TrimSpace(check)+" --logs")
	if err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []string{"? rights", "? views", "? numbers", "could not be read"} {
		if strings.Contains(log, unknown) {
			t.Errorf("the Pod lacks a right: %q in\n%s", unknown, log)
		}
	}
	if !strings.Contains(log, "✓ replicas") || !strings.Contains(log, "✓ leader") {
		t.Errorf("the log is not that of doctor:\n%s", log)
	}
	leaves(t, c)

	namespace := c.Namespace(t)
	c.Apply(t, namespace, crowdedYAML)
	cluster.Eventually(t, time.Minute, func() error { return doctorSays(t, namespace+"/crowded", "Unschedulable") })
	if out, err := shell(t.Context(), check); err == nil {
		t.Errorf("it succeeds although a Gateway has no Envoy:\n%s", out)
	}
	text, err := shell(t.Context(), blocks["checklog"])
	if fault := namespace + "/crowded: Pods are not ready: Unschedulable"; err != nil || !strings.Contains(text, fault) {
		t.Errorf("the log does not name the fault: %v\n%s", err, text)
	}
	leaves(t, c, "Pod")
	if err := c.Clients.CoreV1().Pods(controllers).Delete(t.Context(), testPod, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// testPod is the Pod of helm test, and its ServiceAccount and roles are called the same.
const testPod = "kedify-gateway-test"

// doctorServes waits until doctor finds nothing: objects of tests before are gone.
func doctorServes(t *testing.T) {
	t.Helper()
	cluster.Eventually(t, 2*time.Minute, func() error {
		list, err := checklist(t, "doctor")
		if err == nil && !list.Served {
			err = errors.New(list.Cause)
		}
		return err
	})
}

// doctorSays returns nil when a check about an object fails with the text.
func doctorSays(t *testing.T, subject, says string) error {
	t.Helper()
	list, err := checklist(t, "doctor")
	for _, link := range list.Links {
		if link.State == chain.Failed && link.Subject == subject && strings.Contains(link.Evidence, says) {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("doctor does not say %q of %s: %+v", says, subject, list))
}

// leaves waits until these kinds of objects, and no others, are left of helm test.
func leaves(t *testing.T, c *cluster.Cluster, want ...string) {
	t.Helper()
	rbac, core := rbacv1.SchemeGroupVersion.String(), "v1"
	cluster.Eventually(t, 30*time.Second, func() error {
		var left []string
		for _, kind := range []metav1.TypeMeta{
			{APIVersion: core, Kind: "Pod"}, {APIVersion: core, Kind: "ServiceAccount"}, {APIVersion: rbac, Kind: "Role"},
			{APIVersion: rbac, Kind: "RoleBinding"}, {APIVersion: rbac, Kind: "ClusterRole"}, {APIVersion: rbac, Kind: "ClusterRoleBinding"},
		} {
			key := client.ObjectKey{Namespace: controllers, Name: testPod}
			if strings.HasPrefix(kind.Kind, "Cluster") {
				key.Namespace = ""
			}
			err := c.Get(t.Context(), key, &metav1.PartialObjectMetadata{TypeMeta: kind})
			if err == nil {
				left = append(left, kind.Kind)
			} else if !apierrors.IsNotFound(err) {
				return err
			}
		}
		if !slices.Equal(left, want) {
			return fmt.Errorf("%v are left, want %v", left, want)
		}
		return nil
	})
}
