package cluster

import (
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
)

// Admission is what the API server says about an object that is only shown to it.
type Admission struct {
	// Object as it would be stored; nil when it was refused.
	Object   *unstructured.Unstructured
	Warnings []string
	Err      error
}

// Text is everything that the user would read.
func (a Admission) Text() string {
	text := strings.Join(a.Warnings, "\n")
	if a.Err != nil {
		text += "\n" + a.Err.Error()
	}
	return text
}

// Admit shows the one object of a YAML text to the API server, with all of its admission, and
// stores nothing.
func (c *Cluster) Admit(t testing.TB, namespace, text string) Admission {
	t.Helper()
	objects, err := decode(strings.NewReader(text))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, one is needed: %v\n%s", len(objects), err, text)
	}
	rest, err := config.GetConfig()
	if err != nil {
		t.Fatal(err)
	}
	heard := &warnings{}
	rest.WarningHandler = heard
	shown, err := client.New(rest, client.Options{Scheme: runtime.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	object := objects[0]
	object.SetNamespace(namespace)
	err = shown.Create(t.Context(), object, client.DryRunAll)
	result := Admission{Object: object, Warnings: heard.all(), Err: err}
	if err != nil {
		result.Object = nil
	}
	return result
}

// warnings collects what the API server sends along with its answers.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader is called by the client for every warning.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.texts
}
