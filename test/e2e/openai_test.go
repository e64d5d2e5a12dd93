package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/hack/testbed/build"
)

// openAIQuestion is what testdata/openai_client.py is to do.
type openAIQuestion struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Models  []string          `json:"models"`
}

// openAIAnswers is what it has seen.
type openAIAnswers struct {
	Models map[string]struct {
		Piece struct {
			Model, Text, Pod string
			Usage            struct{ Input, Output int }
		}
		Stream struct {
			Model, Text string
			Pieces      int
			Usage       struct{ Input, Output int }
		}
		// Pods that answered each of many streams at a time.
		Pods []string
	}
	// Missing is the library's error for a model that no server has.
	Missing struct {
		Error  string
		Status int
	}
	Listed []string
}

// openAI has the Python client of OpenAI ask models through a Gateway, and wants answers that are whole, each from a Pod
// of its model.
func openAI(t *testing.T, question openAIQuestion, pods map[string][]string) openAIAnswers {
	t.Helper()
	folder, err := filepath.Abs(*root)
	if err != nil {
		t.Fatal(err)
	}
	libraries, err := build.Install(t.Context(), folder, "python")
	if err != nil {
		t.Fatal(err)
	}
	argument, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "python3", filepath.Join(folder, "test/e2e/testdata/openai_client.py"), string(argument))
	command.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(libraries, "lib"), "PYTHONDONTWRITEBYTECODE=1")
	output, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("%v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	var seen openAIAnswers
	if err := json.Unmarshal(output, &seen); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, model := range question.Models {
		got := seen.Models[model]
		if got.Piece.Model != model || got.Piece.Text == "" || got.Piece.Usage.Input == 0 || got.Piece.Usage.Output == 0 {
			t.Errorf("%s in one piece: %+v", model, got.Piece)
		}
		// The simulator sends a token at a time.
		if got.Stream.Model != model || got.Stream.Text == "" || got.Stream.Pieces != got.Stream.Usage.Output || got.Stream.Pieces == 0 {
			t.Errorf("%s streamed: %+v", model, got.Stream)
		}
		for _, pod := range append(got.Pods, got.Piece.Pod) {
			if !slices.Contains(pods[model], pod) {
				t.Errorf("%s is answered by Pod %q; its Pods are %v", model, pod, pods[model])
			}
		}
	}
	return seen
}
