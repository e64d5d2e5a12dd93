package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
	"github.com/kedify/inference-gateway/test/loadgen"
)

// quickstart is examples/inference-quickstart and its namespace, quickModel its model.
const quickstart, quickModel = "inference-quickstart", "llama-3.1-8b"

// quickstarted applies the example, waits until it answers, and returns the address of its Gateway and the addresses of the Pods
// of the model by their names.
func quickstarted(t *testing.T, c *cluster.Cluster) (address string, pods map[string]string) {
	t.Helper()
	c.ApplyFolder(t, filepath.Join(*root, "examples", quickstart))
	c.DeploymentsReady(t, quickstart)
	address = c.GatewayReady(t, quickstart, "inference")
	c.RouteHas(t, quickstart, "llama", cluster.Accepted, cluster.ResolvedRefs)
	c.PoolHas(t, quickstart, "llama", "inference", cluster.Accepted, cluster.ResolvedRefs)
	answers(t, address, completions, fmt.Sprintf(`{"model": %q, "prompt": "hello", "max_tokens": 1}`, quickModel))
	pods = map[string]string{}
	for _, pod := range c.Pods(t, quickstart, "app=llama") {
		pods[pod.Name] = pod.Status.PodIP
	}
	return address, pods
}

// TestInferenceQuickstart does what the README of the example promises, with Go's client and with that of OpenAI.
func TestInferenceQuickstart(t *testing.T) {
	c := cluster.Connect(t)
	address, pods := quickstarted(t, c)
	body := fmt.Sprintf(`{"model": %q, "prompt": "hello", "max_tokens": 1}`, quickModel)
	for range 50 {
		got, err := ask(address, "", completions, body, "content-type", "application/json")
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%v %+v", err, got)
		}
		// The picker learns which endpoint served, and it is the one that answered.
		want := fmt.Sprintf("%s:8000", pods[got.header.Get("x-inference-pod")])
		if served := got.header.Get("x-conformance-test-served-endpoint"); served != want {
			t.Fatalf("served endpoint %q, the pod that answered is at %q", served, want)
		}
	}
	streams(t, address, quickModel)

	names := map[string][]string{}
	for name := range pods {
		names[quickModel] = append(names[quickModel], name)
	}
	seen := openAI(t, openAIQuestion{URL: "http://" + urlHost(address), Models: []string{quickModel}}, names)
	if !slices.Equal(seen.Listed, []string{quickModel}) {
		t.Errorf("the models are %v", seen.Listed)
	}
	if seen.Missing.Error != "NotFoundError" || seen.Missing.Status != http.StatusNotFound {
		t.Errorf("a model that does not exist: %+v", seen.Missing)
	}
}

// TestLoadGenerator: a public load generator sends its load, nothing fails, and what it counts is what the picker and the servers
// count. `make loadgen` runs it, which installs the program; it prints the table of docs/load.md.
func TestLoadGenerator(t *testing.T) {
	program := loadgen.Install(t, *root)
	c := cluster.Connect(t)
	address, pods := quickstarted(t, c)
	served := func(name string) (sum float64) {
		for _, ip := range pods {
			of, err := dump.Sum(t.Context(), ip, "8000", name)
			if err != nil {
				t.Fatal(err)
			}
			sum += of
		}
		return sum
	}
	picked, input, output := picks(t, c, quickstart, "llama-epp"), served("vllm:prompt_tokens_total"), served("vllm:generation_tokens_total")
	report := program.Run(t, loadgen.Load{URL: "http://" + urlHost(address), Model: quickModel})
	fmt.Printf("\n%s\n", report.Table()) // at once, and not only when the test fails
	picked = picks(t, c, quickstart, "llama-epp") - picked
	input, output = served("vllm:prompt_tokens_total")-input, served("vllm:generation_tokens_total")-output

	requests, failed, in, out := report.Sum()
	t.Logf("%d requests with %d tokens in and %d out", requests, in, out)
	if failed > 0 || requests == 0 || requests != picked {
		t.Errorf("%d requests, %d failed, %d were picked for", requests, failed, picked)
	}
	if in == 0 || out == 0 || float64(in) != input || float64(out) != output {
		t.Errorf("the program counts %d tokens in and %d out, the servers %.0f and %.0f", in, out, input, output)
	}
	for _, stage := range report {
		switch {
		case stage.Failed > 0:
			t.Errorf("at %g requests per second: %v", stage.Rate, stage.Failures)
		case stage.Uncounted > 0:
			t.Errorf("at %g requests per second, %d answers have no usage", stage.Rate, stage.Uncounted)
		case stage.FirstToken.Median >= stage.Latency.Median/2:
			t.Errorf("at %g requests per second the first token takes %g s, the whole answer %g s: it does not stream",
				stage.Rate, stage.FirstToken.Median, stage.Latency.Median)
		}
	}
}
