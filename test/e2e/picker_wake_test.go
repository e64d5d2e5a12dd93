package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// TestInferenceWakings wakes a pool from zero, over and over, while every core is busy: requests with and without a body wait, and
// none is answered 503 because the endpoint picker, the reference implementation, learns of the Pod after Envoy. With -long it wakes
// 200 times. The model is that of an example, with times so short that KEDA stops it soon after each waking.
func TestInferenceWakings(t *testing.T) {
	const example, atOnce = "inference-from-zero", 6
	wakings := 2
	if *long {
		wakings = 200
	}
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	host := namespace + ".keda"
	files, err := filepath.Glob(filepath.Join(*root, "examples", example, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, objects, found := strings.Cut(string(text), "kind: Namespace\nmetadata:\n  name: "+example+"\n---\n") // the test has one of its own
		if !found {
			objects = string(text)
		}
		c.Apply(t, namespace, strings.NewReplacer(example, namespace, "llama.keda", host,
			"cooldownPeriod: 300", "cooldownPeriod: 1\n  pollingInterval: 2",
			"scalingMetric: concurrency", "scalingMetric: requestRate\n      window: 1s",
		).Replace(objects))
	}
	c.DeploymentReady(t, namespace, "llama-epp")
	proxied(t, c, namespace, "llama-0")
	address := c.GatewayReady(t, namespace, proxyName) + ":9002"
	asksZero(t, c, namespace, "llama")

	stop := busy()
	defer stop()
	var waits []time.Duration
	for waking := range wakings {
		var running sync.WaitGroup
		begun := time.Now()
		for n := range atOnce {
			running.Go(func() {
				path, body := completions, `{"model": "llama-3.1-8b", "prompt": "hello", "max_tokens": 1}`
				if n%2 == 1 {
					path, body = "/v1/models", ""
				}
				if err := woken(address, host, path, body); err != nil {
					t.Errorf("waking %d: %v", waking, err)
				}
			})
		}
		running.Wait()
		waits = append(waits, time.Since(begun))
		if waking+1 < wakings {
			asksZero(t, c, namespace, "llama")
		}
	}
	t.Logf("%d wakings, %d requests each, last of them answered after %s on average", wakings, atOnce, average(waits).Round(time.Millisecond))
}

// woken sends a request, which must be answered 200.
func woken(address, host, path, body string) error {
	got, err := ask(address, host, path, body, "content-type", "application/json")
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("%s: %d %.200s", path, got.status, got.body)
	}
	return err
}

func average(all []time.Duration) (sum time.Duration) {
	for _, one := range all {
		sum += one
	}
	return sum / time.Duration(len(all))
}

// busy keeps every core busy until stop.
func busy() (stop func()) {
	var stopped atomic.Bool
	for range runtime.NumCPU() {
		go func() {
			for !stopped.Load() {
			}
		}()
	}
	return func() { stopped.Store(true) }
}
