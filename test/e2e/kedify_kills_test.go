package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
	"github.com/kedify/inference-gateway/test/e2e/internal/node"
)

// TestKedifyHTTPKills crashes a controller eight times, fifty times with -long: in turns the one
// that KEDA listens to and the leader. It sends a request to an application at zero in the same
// moment. From the crash to the first replica it takes 2.5 s at most (criterion of the activation
// gap), whether KEDA acts, which is deaf for up to a minute after a stream broke, or the safety net
// of the remaining controller. Each request is answered.
func TestKedifyHTTPKills(t *testing.T) {
	const applications, limit = 8, 2500 * time.Millisecond
	kills := 8
	if *long {
		kills = 50
	}
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	var address string
	name := func(round int) string { return fmt.Sprintf("app%d", round%applications) }
	host := func(round int) string { return name(round) + ".test" }
	for i := range applications {
		address = deploy(t, c, namespace, workload{Name: name(i)}, scaled{
			Host: host(i), Max: 1, Metric: "requestRate", Target: 1000, More: []string{"window: 10s"},
		})
	}
	var gaps []time.Duration
	for round := range kills {
		c.ReplicasBecome(t, namespace, name(round), 0, time.Minute)
		victim, why := victim(t, c, round)
		started := wakes(t, c, namespace, name(round))
		begun := time.Now()
		if err := node.Kill(victim.UID, controllerName); err != nil {
			t.Fatal(err)
		}
		request := gather(t, 1, address, host(round), nil)
		gap := 30 * time.Second
		select {
		case at := <-started:
			gap = at.Sub(begun)
		case <-time.After(gap):
		}
		gaps = append(gaps, gap)
		if gap > limit {
			t.Errorf("crash %d, of %s (%s): the first replica was wanted after %s", round+1, victim.Name, why, gap.Round(time.Millisecond))
		}
		request.done(t, cold)
		// The kubelet would wait longer from crash to crash before it starts the container again.
		kill(t, c, controllers, victim.Name)
	}
	slices.Sort(gaps)
	t.Logf("from the crash to the first replica wanted, %d times: p50 %s, p90 %s, max %s", kills,
		gaps[kills/2].Round(time.Millisecond), gaps[kills*9/10].Round(time.Millisecond), gaps[kills-1].Round(time.Millisecond))
}

// victim is the controller that KEDA has most of its streams with, or the leader, in turns; the
// other one where there is no such.
func victim(t *testing.T, c *cluster.Cluster, round int) (corev1.Pod, string) {
	t.Helper()
	ready := twoControllers(t, c)
	if round%2 == 1 {
		name := leader(t, c)
		if i := slices.IndexFunc(ready, func(p corev1.Pod) bool { return p.Name == name }); i >= 0 {
			return ready[i], "the leader"
		}
	}
	most, chosen := -1.0, 0
	for i, pod := range ready {
		open, err := dump.Sum(t.Context(), pod.Status.PodIP, dump.Port, "kedify_gateway_keda_streams_open", "method", "StreamIsActive")
		if err != nil {
			t.Fatal(err)
		}
		if open > most {
			most, chosen = open, i
		}
	}
	return ready[chosen], fmt.Sprintf("%.0f streams of KEDA", most)
}

// twoControllers waits until two are ready. The status of the Deployment may still count one
// that is gone.
func twoControllers(t *testing.T, c *cluster.Cluster) (ready []corev1.Pod) {
	t.Helper()
	cluster.Eventually(t, time.Minute, func() error {
		ready = slices.DeleteFunc(c.Pods(t, controllers, controllerPods), func(pod corev1.Pod) bool {
			return pod.DeletionTimestamp != nil || !slices.ContainsFunc(pod.Status.Conditions, func(p corev1.PodCondition) bool {
				return p.Type == corev1.PodReady && p.Status == corev1.ConditionTrue
			})
		})
		if len(ready) != 2 {
			return fmt.Errorf("%d controllers are ready, want 2", len(ready))
		}
		return nil
	})
	return ready
}

// wakes returns where the moment is sent at which a writer first wants a replica of a Deployment.
func wakes(t *testing.T, c *cluster.Cluster, namespace, name string) <-chan time.Time {
	t.Helper()
	watcher, err := c.Clients.AppsV1().Deployments(namespace).Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan time.Time, 1)
	go func() {
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			if d, is := event.Object.(*appsv1.Deployment); is && *d.Spec.Replicas > 0 {
				started <- time.Now()
				return
			}
		}
	}()
	return started
}
