package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const (
	disaggregated     = "prefill-decode"
	disaggregatedHost = "llama.keda"
)

// TestInferencePrefillDecode: a request of two phases is served by a Pod of each, long prompts add Pods to prefill alone, and long
// answers to decode alone (T93).
func TestInferencePrefillDecode(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", disaggregated))
	address := proxied(t, c, disaggregated, "prefill-0", "decode-0")

	begun := time.Now()
	parameters := prefill(t, address, "Tell me about gateways")
	decode(t, address, "Tell me about gateways", parameters)
	t.Logf("a request of two phases took %s", time.Since(begun).Round(time.Millisecond))

	replicas := func(role string) int32 {
		wanted, _ := c.Replicas(t, disaggregated, "llama-"+role)
		return wanted
	}
	reading := load.Arrive(t, load.Arrivals{Address: address, Rate: 10, Request: func(int) load.Request {
		return phase(prefillBody(strings.Repeat("word ", 500)), "x-phase", "prefill")
	}})
	took := grows(t, c, "prefill")
	t.Logf("prefill has %d replicas after %s, decode %d", replicas("prefill"), took, replicas("decode"))
	if n := replicas("decode"); n > 1 {
		t.Errorf("long prompts give decode %d replicas", n)
	}
	clean(t, reading)

	before := replicas("prefill")
	writing := load.Arrive(t, load.Arrivals{Address: address, Rate: 10, Request: func(int) load.Request {
		return phase(fmt.Sprintf(decodeBody, "hello", 65, parameters))
	}})
	took = grows(t, c, "decode")
	t.Logf("decode has %d replicas after %s, prefill %d", replicas("decode"), took, replicas("prefill"))
	if n := replicas("prefill"); n > before {
		t.Errorf("long answers give prefill %d replicas, of %d", n, before)
	}
	clean(t, writing)
}

// decodeBody has a prompt, a number of tokens, and where keys and values are.
const decodeBody = `{"model": "llama-3.1-8b", "prompt": %q, "max_tokens": %d, "ignore_eos": true, "kv_transfer_params": %s}`

func prefillBody(prompt string) string {
	return fmt.Sprintf(`{"model": "llama-3.1-8b", "prompt": %q, "max_tokens": 1, "kv_transfer_params": {"do_remote_decode": true}}`, prompt)
}

// phase is a request of one phase. Headers are pairs of name and value.
func phase(body string, headers ...string) load.Request {
	r := load.Request{
		Method: http.MethodPost, Host: disaggregatedHost, Path: completions, Body: body,
		Header: map[string]string{"content-type": "application/json"},
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header[headers[i]] = headers[i+1]
	}
	return r
}

// phaseAnswer is the part of an answer that says who wrote it.
type phaseAnswer struct {
	Choices []struct {
		Text   string
		Finish string `json:"finish_reason"`
	}
	Parameters json.RawMessage `json:"kv_transfer_params"`
}

// prefill has a prompt read and returns where its keys and values are.
func prefill(t *testing.T, address, prompt string) string {
	t.Helper()
	got := askedFor(t, address, "prefill", prefillBody(prompt), "x-phase", "prefill")
	if got.Choices[0].Finish != "remote_decode" || len(got.Parameters) == 0 {
		t.Fatalf("prefill answers %+v, with parameters %s", got.Choices, got.Parameters)
	}
	return string(got.Parameters)
}

// decode has an answer written.
func decode(t *testing.T, address, prompt, parameters string) {
	t.Helper()
	got := askedFor(t, address, "decode", fmt.Sprintf(decodeBody, prompt, 5, parameters))
	if got.Choices[0].Finish != "length" || got.Choices[0].Text == "" {
		t.Fatalf("decode answers %+v", got.Choices)
	}
}

// askedFor sends a request of one phase, waits for its Pods to start, and wants the answer of one of them.
func askedFor(t *testing.T, address, role, body string, headers ...string) phaseAnswer {
	t.Helper()
	var got phaseAnswer
	cluster.Eventually(t, 2*time.Minute, func() error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+completions, strings.NewReader(body))
		if err != nil {
			return err
		}
		request.Host = disaggregatedHost
		for name, value := range phase("", headers...).Header {
			request.Header.Set(name, value)
		}
		response, err := patient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode == http.StatusNotFound {
			return errors.New("the proxy does not have the route yet")
		}
		err = json.NewDecoder(response.Body).Decode(&got)
		if pod := response.Header.Get("x-inference-pod"); err != nil || !strings.HasPrefix(pod, "llama-"+role+"-") || len(got.Choices) == 0 {
			t.Fatalf("a request for %s is answered by Pod %q: %s, %v, %+v", role, pod, response.Status, err, got)
		}
		return nil
	})
	return got
}

// grows waits until a role has three replicas or more, all of them ready, and returns how long that took.
func grows(t *testing.T, c *cluster.Cluster, role string) time.Duration {
	t.Helper()
	begun := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		if wanted, ready := c.Replicas(t, disaggregated, "llama-"+role); ready < 3 || ready != wanted {
			return fmt.Errorf("%s: %d replicas wanted, %d ready", role, wanted, ready)
		}
		return nil
	})
	return time.Since(begun).Round(time.Second)
}
