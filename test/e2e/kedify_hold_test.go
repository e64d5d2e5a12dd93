package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/node"
)

// TestKedifyHTTPHold sends requests to applications that do not run. They wait in Envoy, in any
// number and of any size, and are answered by the application, or are told in time that there
// will be none.
func TestKedifyHTTPHold(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	// Those of the first group wait for most of the time, and measure it; the others are work.
	t.Run("Limits", func(t *testing.T) {
		t.Run("Timeout", func(t *testing.T) { t.Parallel(); holdTimeout(t, c, namespace) })
		t.Run("ClientGone", func(t *testing.T) { t.Parallel(); clientGone(t, c, namespace) })
	})
	t.Run("ColdStart", func(t *testing.T) { coldStarts(t, c, namespace) })
	t.Run("LargeBodies", func(t *testing.T) { largeBodies(t, c, namespace) })
}

// coldStarts: health checks leave the application asleep (T30), 50 requests at once wake it, and
// all of them get its answer (T74).
func coldStarts(t *testing.T, c *cluster.Cluster, namespace string) {
	const host = "cold.test"
	address := deploy(t, c, namespace, workload{Name: "cold"}, scaled{Host: host, Max: 1, Metric: "requestRate", Target: 100})
	for range 50 {
		if got, err := ask(address, host, "/alive", ""); err != nil || got.status != http.StatusOK {
			t.Fatalf("health check: %v %+v", err, got)
		}
	}
	if wanted, _ := c.Replicas(t, namespace, "cold"); wanted != 0 {
		t.Fatalf("%d replicas after health checks", wanted)
	}
	gather(t, 50, address, host, nil).done(t, cold)
	// Busy and ready: from now on the proxies route without asking.
	cluster.Eventually(t, 10*time.Second, func() error {
		got, err := ask(address, host, "/", "")
		if err != nil {
			return err
		}
		if err := ok(got); err != nil {
			return err
		}
		if waited := got.header.Get(coldStart); waited == "true" {
			return fmt.Errorf("%s is still %q", coldStart, waited)
		}
		return nil
	})
}

// largeBodies: 1,000 requests of 64 KB wait at once and arrive to the last byte. The backend parses
// the form to its end, finds a delay that is none, and repeats it. The bodies wait in Envoy, as
// far as it reads them, and in the sockets before it; none is in a controller.
func largeBodies(t *testing.T, c *cluster.Cluster, namespace string) {
	const host, requests, size = "large.test", 1000, 64 << 10
	const envoyMost, controllersMost = 200 << 10, 48 << 10 // bytes per request
	address := deploy(t, c, namespace, workload{Name: "large", Delay: 10}, scaled{Host: host, Max: 1, Metric: "concurrency", Target: 1000})
	envoyBefore, controllersBefore := envoyMemory(t, c, namespace), controllerMemory(t, c)
	all := gather(t, requests, address, host, func(n int) string {
		return "padding=" + strings.Repeat("x", size) + fmt.Sprintf("&delay=end-%d", n)
	})
	cluster.Eventually(t, 10*time.Second, func() error {
		if n := held(t, c, namespace, "large-0"); n != requests {
			return fmt.Errorf("%d held, want %d", n, requests)
		}
		return nil
	})
	time.Sleep(time.Second) // for what is still on its way
	envoy, own := envoyMemory(t, c, namespace)-envoyBefore, controllerMemory(t, c)-controllersBefore
	t.Logf("with %d requests of %d KB held Envoy has %d MiB more than %d, the controllers together %d MiB more than %d",
		requests, size>>10, envoy>>20, envoyBefore>>20, own>>20, controllersBefore>>20)
	if envoy > requests*envoyMost || own > requests*controllersMost {
		t.Errorf("want at most %d MiB and %d MiB more", requests*envoyMost>>20, requests*controllersMost>>20)
	}
	all.done(t, func(got answer) error {
		if got.status != http.StatusInternalServerError || !strings.Contains(got.body, `invalid duration \"end-`) {
			return fmt.Errorf("%d: %.200s", got.status, got.body)
		}
		return nil
	})
}

// envoyMemory is the resident memory of the proxies of a namespace, in bytes.
func envoyMemory(t *testing.T, c *cluster.Cluster, namespace string) int64 {
	t.Helper()
	return memory(t, c.Pods(t, namespace, "gateway.networking.k8s.io/gateway-name="+proxyName), "envoy")
}

// controllerMemory is that of all controllers.
func controllerMemory(t *testing.T, c *cluster.Cluster) int64 {
	t.Helper()
	return memory(t, c.Pods(t, controllers, controllerPods), controllerName)
}

func memory(t *testing.T, pods []corev1.Pod, process string) (sum int64) {
	t.Helper()
	for _, pod := range pods {
		bytes, err := node.Resident(pod.UID, process)
		if err != nil {
			t.Fatal(err)
		}
		sum += bytes
	}
	return sum
}

// holdTimeout: what waits too long gets 504, what is too much at once 503, both with the time
// after which to ask again (T75).
func holdTimeout(t *testing.T, c *cluster.Cluster, namespace string) {
	const host, limit, most = "never.test", 4 * time.Second, 20
	address := deploy(t, c, namespace, workload{Name: "never", Nowhere: true}, scaled{
		Host: host, Max: 1, Metric: "requestRate", Target: 100, More: []string{"holdTimeout: 4s", `maxPendingRequests: "20"`},
	})
	refuses := func(want int) func(answer) error {
		return func(got answer) error {
			if got.status != want || got.header.Get("Retry-After") == "" {
				return fmt.Errorf("%d, Retry-After %q: %.200s", got.status, got.header.Get("Retry-After"), got.body)
			}
			return nil
		}
	}
	begun := time.Now()
	waiting := gather(t, most, address, host, nil)
	cluster.Eventually(t, 2*time.Second, func() error {
		if n := held(t, c, namespace, "never-0"); n != most {
			return fmt.Errorf("%d held, want %d", n, most)
		}
		return nil
	})
	tooMuch := time.Now()
	gather(t, 5, address, host, nil).done(t, refuses(http.StatusServiceUnavailable))
	if took := time.Since(tooMuch); took > limit/2 {
		t.Errorf("one request too many was answered after %s", took)
	}
	waiting.done(t, refuses(http.StatusGatewayTimeout))
	if took := time.Since(begun); took < limit || took > limit+2*time.Second {
		t.Errorf("answered after %s, the limit is %s", took, limit)
	}
}

// clientGone: a client that gives up is waited for no longer (T77).
func clientGone(t *testing.T, c *cluster.Cluster, namespace string) {
	const host, requests = "gone.test", 20
	address := deploy(t, c, namespace, workload{Name: "gone", Nowhere: true}, scaled{Host: host, Max: 1, Metric: "concurrency", Target: 100})
	all := gather(t, requests, address, host, nil)
	cluster.Eventually(t, 5*time.Second, func() error {
		if n := held(t, c, namespace, "gone-0"); n != requests {
			return fmt.Errorf("%d held, want %d", n, requests)
		}
		return nil
	})
	begun := time.Now()
	all.cancel()
	cluster.Eventually(t, 5*time.Second, func() error {
		if n := held(t, c, namespace, "gone-0"); n != 0 {
			return fmt.Errorf("%d still held", n)
		}
		return nil
	})
	took := time.Since(begun)
	t.Logf("none held %s after the clients left", took.Round(time.Millisecond))
	if took > time.Second {
		t.Errorf("the last one was held for %s after its client left", took)
	}
}
