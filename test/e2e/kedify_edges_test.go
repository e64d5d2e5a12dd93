package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// reasonHeader says why a request was not held.
const reasonHeader = "X-KEDA-HTTP-Reason"

// turnedAway wants 503 at once, with the time after which to come again and the reason.
func turnedAway(reason string) func(answer) error {
	return func(got answer) error {
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.header.Get(reasonHeader) != reason {
			return fmt.Errorf("%d, Retry-After %q, reason %q: %.200s", got.status, got.header.Get("Retry-After"),
				got.header.Get(reasonHeader), got.body)
		}
		return nil
	}
}

// changeScaledObject changes a ScaledObject. KEDA writes its status all the time while requests are held.
func changeScaledObject(t *testing.T, c *cluster.Cluster, namespace, name string, edit func(*kedav1alpha1.ScaledObject)) {
	t.Helper()
	object := cluster.Get(t, c, namespace, name, &kedav1alpha1.ScaledObject{})
	before := object.DeepCopy()
	edit(object)
	if err := c.Client.Patch(t.Context(), object, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// areHeld waits until n requests of a trigger are held.
func areHeld(t *testing.T, c *cluster.Cluster, namespace, trigger string, n int) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error {
		if now := held(t, c, namespace, trigger); now != n {
			return fmt.Errorf("%d held, want %d", now, n)
		}
		return nil
	})
}

// TestS3HeldWithAnyMinimum: an application whose minimum is 1 is scaled to zero by hand. Its requests wait until
// KEDA has brought it back.
func TestS3HeldWithAnyMinimum(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	const host = "minimum.test"
	address := deploy(t, c, namespace, workload{Name: "minimum", Replicas: 1, Delay: 4}, scaled{
		Host: host, Min: 1, Max: 2, Metric: "requestRate", Target: 100,
	})
	c.ReplicasBecome(t, namespace, "minimum", 1, time.Minute)
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "minimum"}}
	if _, err := c.Clients.AppsV1().Deployments(namespace).UpdateScale(t.Context(), "minimum", scale, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	var crowds []*crowd
	for range 10 {
		crowds = append(crowds, gather(t, 10, address, host, nil))
		time.Sleep(500 * time.Millisecond) // the times at which requests come are the input
	}
	for _, all := range crowds {
		all.done(t, ok)
	}
}

// TestS4FormulaKeepsTheApplication: a request that runs for longer than window and cooldown is answered, with any value
// of the formula.
func TestS4FormulaKeepsTheApplication(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for name, formula := range map[string]string{"same": "web", "threshold": "web > 1000 ? web : 0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := name + ".test"
			c.Apply(t, namespace, render(t, workloadYAML, workload{Name: name, Delay: 3}))
			object := render(t, scaledYAML, scaled{Name: name, Host: host, Max: 1, Metric: "requestRate", Target: 100, More: []string{"window: 1s"}})
			for old, now := range map[string]string{
				"pollingInterval: 5":  "pollingInterval: 1",
				"advanced: {":         fmt.Sprintf("advanced: {scalingModifiers: {formula: %q, target: \"100\"}, ", formula),
				"- type: kedify-http": "- name: web\n    type: kedify-http",
			} {
				if !strings.Contains(object, old) {
					t.Fatalf("the ScaledObject has no %q", old)
				}
				object = strings.Replace(object, old, now, 1)
			}
			c.Apply(t, namespace, object)
			address := proxied(t, c, namespace, name+"-web")
			probe(t, address, host, "/alive")
			begun := time.Now()
			got, err := wait(context.Background(), address, host, "delay=20s")
			if err != nil {
				t.Fatal(err)
			}
			if err := ok(got); err != nil || time.Since(begun) < 20*time.Second {
				t.Errorf("after %s: %v", time.Since(begun), err)
			}
		})
	}
}

// TestS5HeldRequestsOfATriggerThatMoves: requests are held when their trigger is led to a Service that is ready, and when the
// ScaledObject is deleted. All are answered at once.
func TestS5HeldRequestsOfATriggerThatMoves(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	const host, most = "moves.test", 10 * time.Second
	c.Apply(t, namespace, render(t, workloadYAML, workload{Name: "ready", Replicas: 1}))
	address := deploy(t, c, namespace, workload{Name: "moves", Nowhere: true}, scaled{Host: host, Max: 1, Metric: "requestRate", Target: 100})
	c.DeploymentReady(t, namespace, "ready")
	answered := func(all *crowd, check func(answer) error) {
		t.Helper()
		begun := time.Now()
		all.done(t, check)
		if took := time.Since(begun); took > most {
			t.Errorf("answered after %s", took)
		}
	}
	all := gather(t, 10, address, host, nil)
	areHeld(t, c, namespace, "moves-0", 10)
	changeScaledObject(t, c, namespace, "moves", func(so *kedav1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["service"] = "ready" })
	answered(all, func(got answer) error {
		if got.status == http.StatusOK {
			return nil
		}
		return turnedAway("backend withdrawn")(got)
	})
	cluster.Eventually(t, 10*time.Second, func() error {
		got, err := ask(address, host, "/", "")
		if err != nil {
			return err
		}
		return ok(got)
	})

	changeScaledObject(t, c, namespace, "moves", func(so *kedav1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["service"] = "moves" })
	cluster.Eventually(t, 10*time.Second, func() error { // the proxy has the route back when a request waits
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := wait(ctx, address, host, ""); err == nil {
			return fmt.Errorf("answered %d", got.status)
		}
		return nil
	})
	all = gather(t, 10, address, host, nil)
	areHeld(t, c, namespace, "moves-0", 10)
	err := c.Client.Delete(t.Context(), &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "moves"}})
	if err != nil {
		t.Fatal(err)
	}
	answered(all, turnedAway("backend withdrawn"))
}

// TestS8PausedAtZero: while KEDA is paused at zero a request is told so at once, also one that waits; afterwards it starts
// the application.
func TestS8PausedAtZero(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	const host, most = "paused.test", 10 * time.Second
	address := deploy(t, c, namespace, workload{Name: "paused"}, scaled{Host: host, Max: 1, Metric: "requestRate", Target: 100})
	const annotation = "autoscaling.keda.sh/paused-replicas"
	changeScaledObject(t, c, namespace, "paused", func(so *kedav1alpha1.ScaledObject) {
		if so.Annotations == nil {
			so.Annotations = map[string]string{}
		}
		so.Annotations[annotation] = "0"
	})
	cluster.Eventually(t, most, func() error {
		if !cluster.Get(t, c, namespace, "paused-0", &v1alpha1.HTTPScaler{}).Spec.Scale.ScaleOutPaused {
			return errors.New("the HTTPScaler is not paused")
		}
		return nil
	})
	paused := turnedAway("paused at zero replicas")
	cluster.Eventually(t, most, func() error {
		got, err := ask(address, host, "/", "")
		if err != nil {
			return err
		}
		return paused(got)
	})
	gather(t, 10, address, host, nil).done(t, paused)
	changeScaledObject(t, c, namespace, "paused", func(so *kedav1alpha1.ScaledObject) { delete(so.Annotations, annotation) })
	cluster.Eventually(t, time.Minute, func() error {
		got, err := wait(t.Context(), address, host, "")
		if err != nil {
			return err
		}
		return ok(got)
	})
}
