// Package cluster is how the tests of promises talk to a cluster: apply YAML, wait for what
// the objects say, clean up.
//
// Job: turn "the user applies this and sees that" into calls that fail a test with a message
// worth reading.
// Inputs: the cluster of KUBECONFIG (or of the pod the test runs in), YAML.
// Outputs: objects in the cluster, removed when the test ends.
// Ownership: the test's goroutine; values may be shared between the goroutines of a test.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// crdKind is a kind without a namespace.
const crdKind = "CustomResourceDefinition"

// fieldOwner of what the tests apply.
const fieldOwner = "kedify-e2e"

// Cluster is a connection to the cluster under test.
type Cluster struct {
	client.Client
	Clients kubernetes.Interface
}

// Connect fails the test when there is no cluster.
func Connect(t testing.TB) *Cluster {
	t.Helper()
	rest, err := config.GetConfig()
	if err != nil {
		t.Fatalf("no cluster: %v (run through `make e2e`, or set KUBECONFIG)", err)
	}
	// Tests of an edit under load must not be slowed down by the client's own limit.
	rest.QPS, rest.Burst = 1000, 1000
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, gwv1.Install, gwv1beta1.Install, inferencev1.Install, kedav1alpha1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(rest, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatalf("no cluster: %v", err)
	}
	clients, err := kubernetes.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	return &Cluster{Client: c, Clients: clients}
}

// Namespace makes a namespace that is deleted with the test.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	c.deleteWith(t, namespace)
	return namespace.Name
}

// Apply applies every document of the YAML. Namespaced objects without a namespace go to the
// given one.
func (c *Cluster) Apply(t testing.TB, namespace, text string) {
	t.Helper()
	objects, err := decode(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, object := range objects {
		switch {
		case object.GetKind() == "Namespace":
			c.namespaceGone(t, object.GetName())
		case object.GetKind() == crdKind:
		case object.GetNamespace() == "":
			object.SetNamespace(namespace)
		}
		err := c.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
			client.FieldOwner(fieldOwner), client.ForceOwnership)
		if err != nil {
			t.Fatalf("apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if kind := object.GetKind(); kind == "Namespace" || kind == crdKind {
			c.deleteWith(t, object)
		}
	}
}

// TryApply applies the last object of a YAML text without force, and returns what the API server says
// of it: a conflict when another field owner has written what changes.
func (c *Cluster) TryApply(t testing.TB, namespace, text string) error {
	t.Helper()
	objects, err := decode(strings.NewReader(text))
	if err != nil || len(objects) == 0 {
		t.Fatalf("%v\n%s", err, text)
	}
	object := objects[len(objects)-1]
	object.SetNamespace(namespace)
	return c.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(fieldOwner))
}

// Decode reads the documents of a YAML text.
func Decode(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := decode(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return objects
}

// DryRun returns what the API server says of an object, and changes nothing. A namespaced object without a namespace is
// one of the given one.
func (c *Cluster) DryRun(t testing.TB, namespace string, object *unstructured.Unstructured) error {
	t.Helper()
	if object.GetNamespace() == "" {
		object.SetNamespace(namespace)
	}
	return c.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(fieldOwner),
		client.ForceOwnership, client.DryRunAll)
}

// ApplyFolder applies the YAML files of a folder in the order of their names, as kubectl does.
func (c *Cluster) ApplyFolder(t testing.TB, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no YAML in %s: %v", folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c.Apply(t, "", string(text))
	}
}

func decode(text io.Reader) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(text, 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

// deleteWith deletes an object when the test ends and does not wait for it to be gone, unless
// the test failed and KEEP is set.
func (c *Cluster) deleteWith(t testing.TB, object client.Object) {
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("KEEP") != "" {
			t.Logf("kept: %s", object.GetName())
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.Delete(ctx, object); err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("delete %s: %v", object.GetName(), err)
		}
	})
}

// Eventually calls check until it returns nil, and fails the test with its last error when
// that takes longer than the limit.
func Eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	gomega.NewWithT(t).Eventually(check).WithTimeout(limit).WithPolling(50 * time.Millisecond).Should(gomega.Succeed())
}

// Edit changes an object, again when another client changed it in between.
func Edit[T client.Object](t testing.TB, c *Cluster, object T, change func(T)) {
	t.Helper()
	for {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			t.Fatal(err)
		}
		change(object)
		err := c.Update(t.Context(), object)
		if err == nil {
			return
		}
		if !apierrors.IsConflict(err) {
			t.Fatalf("update %s: %v", object.GetName(), err)
		}
	}
}

// Get reads an object by namespace and name or fails the test.
func Get[T client.Object](t testing.TB, c *Cluster, namespace, name string, into T) T {
	t.Helper()
	if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		t.Fatalf("get %s/%s: %v", namespace, name, err)
	}
	return into
}

// Scale sets the replicas of a Deployment and waits until exactly so many are ready.
func (c *Cluster) Scale(t testing.TB, namespace, name string, replicas int32) {
	t.Helper()
	scale, err := c.Clients.AppsV1().Deployments(namespace).GetScale(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	scale.Spec.Replicas = replicas
	if _, err := c.Clients.AppsV1().Deployments(namespace).UpdateScale(t.Context(), name, scale, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.DeploymentReady(t, namespace, name)
}

// DeploymentReady waits until a Deployment runs what it should and nothing else.
func (c *Cluster) DeploymentReady(t testing.TB, namespace, name string) {
	t.Helper()
	Eventually(t, 2*time.Minute, func() error {
		d, err := c.Clients.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != *d.Spec.Replicas ||
			s.ReadyReplicas != *d.Spec.Replicas || s.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("deployment %s/%s: %d of %d ready, %d updated, %d in all",
				namespace, name, s.ReadyReplicas, *d.Spec.Replicas, s.UpdatedReplicas, s.Replicas)
		}
		return nil
	})
}

// DeploymentsReady waits for all Deployments of a namespace.
func (c *Cluster) DeploymentsReady(t testing.TB, namespace string) {
	t.Helper()
	list, err := c.Clients.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) == 0 {
		t.Fatalf("no Deployment in %s", namespace)
	}
	for _, d := range list.Items {
		c.DeploymentReady(t, namespace, d.Name)
	}
}

// Pods lists the pods with a label.
func (c *Cluster) Pods(t testing.TB, namespace, selector string) []corev1.Pod {
	t.Helper()
	list, err := c.Clients.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// namespaceGone waits until a namespace of an earlier test, which may still be going, is gone.
func (c *Cluster) namespaceGone(t testing.TB, namespace string) {
	t.Helper()
	Eventually(t, 2*time.Minute, func() error {
		live, err := c.Clients.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err == nil && live.DeletionTimestamp != nil:
			return fmt.Errorf("namespace %s is still going", namespace)
		}
		return err
	})
}

// Deployment is the only one with the labels.
func (c *Cluster) Deployment(t testing.TB, namespace, selector string) *appsv1.Deployment {
	t.Helper()
	list, err := c.Clients.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 {
		t.Fatalf("%d Deployments with %s in %s", len(list.Items), selector, namespace)
	}
	return &list.Items[0]
}
