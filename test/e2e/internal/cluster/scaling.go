package cluster

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// ScaledObjectReady waits until KEDA says that a ScaledObject is ready, and returns it.
func (c *Cluster) ScaledObjectReady(t testing.TB, namespace, name string) *kedav1alpha1.ScaledObject {
	t.Helper()
	object := &kedav1alpha1.ScaledObject{}
	Eventually(t, statusTimeout, func() error {
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
			return err
		}
		ready := object.Status.Conditions.GetReadyCondition()
		if ready.Status != metav1.ConditionTrue {
			return fmt.Errorf("ScaledObject %s/%s: Ready=%s (%s): %s", namespace, name, ready.Status, ready.Reason, ready.Message)
		}
		return nil
	})
	return object
}

// ScalerHas waits until an HTTPScaler has all the conditions.
func (c *Cluster) ScalerHas(t testing.TB, namespace, name string, want ...Condition) *v1alpha1.HTTPScaler {
	t.Helper()
	scaler := &v1alpha1.HTTPScaler{}
	Eventually(t, statusTimeout, func() error {
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, scaler); err != nil {
			return err
		}
		if err := all(scaler.Status.Conditions, scaler.Generation, want); err != nil {
			return fmt.Errorf("HTTPScaler %s/%s: %w", namespace, name, err)
		}
		return nil
	})
	return scaler
}

// Replicas returns how many replicas a Deployment should have and how many are ready.
func (c *Cluster) Replicas(t testing.TB, namespace, name string) (wanted, ready int32) {
	t.Helper()
	d, err := c.Clients.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return *d.Spec.Replicas, d.Status.ReadyReplicas
}

// ReplicasBecome waits until a Deployment is scaled to a number and exactly so many
// pods are ready. It returns how long that took.
func (c *Cluster) ReplicasBecome(t testing.TB, namespace, name string, replicas int32, limit time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	Eventually(t, limit, func() error {
		wanted, ready := c.Replicas(t, namespace, name)
		if wanted != replicas || ready != replicas {
			return fmt.Errorf("deployment %s/%s: %d wanted, %d ready, the test waits for %d", namespace, name, wanted, ready, replicas)
		}
		return nil
	})
	return time.Since(begun)
}

// Metric is the value that KEDA hands to the HPA for the trigger of a ScaledObject at an index.
func (c *Cluster) Metric(t testing.TB, object *kedav1alpha1.ScaledObject, index int) (float64, error) {
	t.Helper()
	if index >= len(object.Status.ExternalMetricNames) {
		return 0, fmt.Errorf("ScaledObject %s has %d metrics", object.Name, len(object.Status.ExternalMetricNames))
	}
	name := object.Status.ExternalMetricNames[index]
	text, err := c.Clients.CoreV1().RESTClient().Get().
		AbsPath("/apis/external.metrics.k8s.io/v1beta1/namespaces", object.Namespace, name).
		Param("labelSelector", "scaledobject.keda.sh/name="+object.Name).DoRaw(t.Context())
	if err != nil {
		return 0, fmt.Errorf("metric %s: %w: %s", name, err, text)
	}
	var list struct {
		Items []struct {
			Value resource.Quantity `json:"value"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return 0, fmt.Errorf("metric %s: %w: %s", name, err, text)
	}
	if len(list.Items) != 1 {
		return 0, fmt.Errorf("metric %s has %d values: %s", name, len(list.Items), text)
	}
	return list.Items[0].Value.AsApproximateFloat64(), nil
}
