package e2e

import (
	"bufio"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
)

const (
	completions = "/v1/completions"
	oneToken    = `{"model": "demo", "prompt": "hello", "max_tokens": 1}`
)

// TestTwoPoolsWeighted sends requests to a rule that splits them 70/30 between two pools, and to
// a rule with a plain Service. Every request must be seen by the picker of the pool that was
// chosen for it and by no other: the pickers' own counters must equal what the pods answered.
func TestTwoPoolsWeighted(t *testing.T) {
	const namespace, requests = "two-pools-weighted", 500
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "inference")
	c.RouteHas(t, namespace, "models", cluster.Accepted, cluster.ResolvedRefs)
	for _, pool := range []string{"small", "large"} {
		c.PoolHas(t, namespace, pool, "inference", cluster.Accepted, cluster.ResolvedRefs)
	}
	// Both pickers must be asked by now: one 200 may have come from the pool that does without.
	cluster.Eventually(t, 30*time.Second, func() error {
		got, err := ask(address, "", completions, oneToken, "content-type", "application/json")
		if err != nil || got.status != http.StatusOK {
			return fmt.Errorf("completion: %w, %+v", err, got)
		}
		for _, picker := range []string{"small-epp", "large-epp"} {
			if picks(t, c, namespace, picker) == 0 {
				return fmt.Errorf("%s has picked nothing yet", picker)
			}
		}
		return nil
	})

	t.Run("EachPickerSeesItsPool", func(t *testing.T) {
		small, large := picks(t, c, namespace, "small-epp"), picks(t, c, namespace, "large-epp")
		served := map[string]int{}
		forged := c.Pods(t, namespace, "app=large")[0].Status.PodIP + ":8000"
		for range requests {
			// A client that names a pod gets no say in the matter.
			got, err := ask(address, "", completions, oneToken, "content-type", "application/json",
				"x-gateway-destination-endpoint", forged)
			if err != nil || got.status != http.StatusOK {
				t.Fatalf("completion: %v, %+v", err, got)
			}
			name, _, _ := strings.Cut(got.header.Get("x-inference-pod"), "-")
			served[name]++
		}
		for range requests / 5 {
			if got, err := ask(address, "", "/docs", ""); err != nil || got.status != http.StatusOK {
				t.Fatalf("docs: %v, %+v", err, got)
			}
		}
		small, large = picks(t, c, namespace, "small-epp")-small, picks(t, c, namespace, "large-epp")-large
		t.Logf("served by small %d, large %d; picked by small %d, large %d", served["small"], served["large"], small, large)
		if served["small"] != small || served["large"] != large || small+large != requests {
			t.Errorf("the pods of the pools answered %v, the pickers saw small %d, large %d", served, small, large)
		}
		// 4.5 standard deviations of 500 draws at 0.7.
		if share := float64(small) / requests; math.Abs(share-0.7) > 0.093 {
			t.Errorf("small got %.3f of the requests, want 0.7", share)
		}
	})
	t.Run("ChunksArriveOneByOne", func(t *testing.T) { streams(t, address, "demo") })
}

// answers waits until a completion gets 200.
func answers(t *testing.T, address, path, body string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		got, err := ask(address, "", path, body, "content-type", "application/json")
		if err == nil && got.status != http.StatusOK {
			err = fmt.Errorf("%d: %.200s", got.status, got.body)
		}
		return err
	})
}

// picks is how many requests a picker says it has handled.
func picks(t *testing.T, c *cluster.Cluster, namespace, app string) int {
	t.Helper()
	pods := c.Pods(t, namespace, "app="+app)
	if len(pods) != 1 {
		t.Fatalf("%d pods of picker %s", len(pods), app)
	}
	sum, err := dump.Sum(t.Context(), pods[0].Status.PodIP, "9090", "inference_objective_request_total")
	if err != nil {
		t.Fatal(err)
	}
	return int(sum)
}

// streams asks for a streamed answer and checks that its events are spread over the time that
// the model takes to make them, not delivered together.
func streams(t *testing.T, address, name string) {
	t.Helper()
	body := fmt.Sprintf(`{"model": %q, "stream": true, "max_tokens": 40, "ignore_eos": true, `+
		`"messages": [{"role": "user", "content": "hello"}]}`, name)
	request, err := http.NewRequest(http.MethodPost, "http://"+urlHost(address)+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("content-type", "application/json")
	response, err := oneShot.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	var arrivals []time.Time
	done := false
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "data: [DONE]":
			done = true
		case strings.HasPrefix(line, "data: "):
			arrivals = append(arrivals, time.Now())
		}
	}
	if !done || len(arrivals) < 20 {
		t.Fatalf("%d events, ended by [DONE]: %v", len(arrivals), done)
	}
	// The model takes 30 ms per token; events that wait for each other come with no gap.
	gaps := 0
	for i := 1; i < len(arrivals); i++ {
		if arrivals[i].Sub(arrivals[i-1]) > 10*time.Millisecond {
			gaps++
		}
	}
	spread := arrivals[len(arrivals)-1].Sub(arrivals[0])
	t.Logf("%d events over %s, %d of them on their own", len(arrivals), spread.Round(time.Millisecond), gaps)
	if gaps < len(arrivals)*3/4 || spread < time.Duration(len(arrivals))*20*time.Millisecond {
		t.Errorf("%d events in %s, only %d came on their own", len(arrivals), spread, gaps)
	}
}
