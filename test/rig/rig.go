// Package rig turns objects into what proxies get and statuses say, in one process.
//
// Job: run the engine (resolve, translate) on objects as the API server holds them, for tests that give the result to
// a real Envoy (xds/proxytest) or read the statuses. Inputs: objects or YAML. Outputs: an Output. Ownership: one
// goroutine for each call.
package rig

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Objects reads YAML documents of the kinds that the engine knows.
func Objects(t testing.TB, documents ...string) (objects []client.Object) {
	t.Helper()
	for _, document := range strings.Split(strings.Join(documents, "\n---\n"), "\n---\n") {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if meta.Kind == "" {
			continue
		}
		row, known := store.RowOf(store.Kind(meta.Kind))
		if !known {
			t.Fatalf("the engine knows no kind %q", meta.Kind)
		}
		object := row.New()
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		object.GetObjectKind().SetGroupVersionKind(meta.GroupVersionKind())
		objects = append(objects, object)
	}
	return objects
}

// Run resolves and renders objects, with one proxy of each Gateway that has taken everything.
func Run(objects ...client.Object) *Output {
	out := newOutput()
	model := engine.New(out, class.Setting{})
	for _, object := range objects {
		object.SetGeneration(1)
		model.Set(store.Kind(object.GetObjectKind().GroupVersionKind().Kind), object)
	}
	model.Synced()
	model.Flush()
	for gateway := range out.Resources {
		model.Deliver(gateway, engine.Delivery{Connected: 1, Ports: out.ports(gateway)})
	}
	model.Flush()
	return out
}
