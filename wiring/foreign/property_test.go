package foreign

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// TestRewriteThenRestore: of objects of every kind, damaged in many ways, the spec is what it was.
func TestRewriteThenRestore(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	examples, rewritten := examples(t), 0
	for range 3_000 {
		choices := make([]byte, 4*random.IntN(8)+1)
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		if roundTrip(t, damaged(examples, choices)) {
			rewritten++
		}
	}
	if rewritten < 1_500 {
		t.Errorf("only %d objects were rewritten", rewritten)
	}
}

// FuzzRewriteThenRestore searches on.
func FuzzRewriteThenRestore(f *testing.F) {
	examples := examples(f)
	for i := range examples {
		f.Add([]byte{byte(i)})
		f.Add([]byte{byte(i), 3, 7, 1, 9, 200, 13, 4, 2})
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) > 0 {
			roundTrip(t, damaged(examples, choices))
		}
	})
}

// roundTrip rewrites every backend of an object and restores it. It reports whether anything was rewritten.
func roundTrip(t *testing.T, object *unstructured.Unstructured) bool {
	t.Helper()
	names := map[types.NamespacedName]bool{}
	for _, reference := range References(object) {
		names[reference.Target.Key] = true
	}
	rename := func(reference Reference) string {
		name := wiredName(reference.Target)
		if names[types.NamespacedName{Namespace: reference.Target.Key.Namespace, Name: name}] {
			return "" // the user wrote the wired Service: restoring could not tell the two apart
		}
		return name
	}
	before := encode(t, object.Object)
	patch := Rewrite(object, rename)
	wired := apply(t, object, patch)
	restored := apply(t, wired, Restore(wired, keepNone))
	for _, reference := range References(wired) {
		if reference.Refused == "" && len(patch) > 0 && rename(reference) != "" && !isWired(reference) {
			t.Fatalf("%s is not rewritten: %s", reference.Pointer, encode(t, wired.Object))
		}
	}
	unwired := apply(t, object, Restore(object, keepNone)) // an annotation may be there before
	if want, got := encode(t, unwired.Object["spec"]), encode(t, restored.Object["spec"]); want != got {
		t.Fatalf("spec before and after:\n%s\n%s", want, got)
	}
	if before != encode(t, object.Object) {
		t.Fatalf("the object is modified: %s", before)
	}
	return len(patch) > 0
}

func wiredName(target Target) string {
	return mirror.Name(target.Key.Name, target.Pool)
}

func isWired(reference Reference) bool { return strings.Contains(reference.Target.Key.Name, "-kedify") }

// examples are the objects of the goldens.
func examples(t testing.TB) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for _, c := range golden.Load(t, "testdata") {
		object, _ := load(t, c.Input)
		objects = append(objects, object)
	}
	return objects
}

// damaged returns a copy of an example with values replaced, removed and added, as the bytes choose.
// What of the metadata a patch needs stays.
func damaged(examples []*unstructured.Unstructured, choices []byte) *unstructured.Unstructured {
	object := examples[int(choices[0])%len(examples)].DeepCopy()
	metadata := object.Object["metadata"].(map[string]any)
	parts := []string{"spec", "spec", "spec", "spec", "spec", "spec", "spec", "annotations"}
	for choices = choices[1:]; len(choices) >= 4; choices = choices[4:] {
		switch part := parts[int(choices[0])%len(parts)]; part {
		case "spec":
			object.Object["spec"] = damage(object.Object["spec"], choices[1:4], int(choices[0])/len(parts))
		case "annotations":
			annotations, _ := metadata[part].(map[string]any)
			if annotations == nil {
				annotations = map[string]any{}
			}
			forged := []any{`{"web-kedify":"api"}`, `{"web-kedify":{"kind":"InferencePool"}}`, "{", nil, int64(1), `{"api-kedify":"api","x":1}`}
			annotations[v1alpha1.OriginalBackendsAnnotation] = forged[int(choices[1])%len(forged)]
			metadata[part] = annotations
		}
	}
	return object
}

// damage changes the value that is depth steps below value.
func damage(value any, choices []byte, depth int) any {
	replacements := []any{
		nil, "", "web", "web-kedify", "web.shop.svc", "a~b/c", "InferencePool", "inference.networking.k8s.io", int64(80), int64(-1), 1.5, true,
		map[string]any{"name": "web", "unknown": nil}, []any{map[string]any{"name": "web"}, nil, "x"}, map[string]any{}, []any{},
	}
	step := int(choices[0]) + 7*depth
	switch value := value.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(value))
		if depth == 0 || len(keys) == 0 {
			value[[]string{"name", "port", "kind", "unknown", "subset", "resource",
				"backend"}[step%7]] = replacements[int(choices[1])%len(replacements)]
			return value
		}
		key := keys[step%len(keys)]
		if choices[2]%16 == 0 {
			delete(value, key)
			return value
		}
		value[key] = damage(value[key], choices, depth-1)
		return value
	case []any:
		if depth == 0 || len(value) == 0 {
			return append(value, replacements[int(choices[1])%len(replacements)])
		}
		value[step%len(value)] = damage(value[step%len(value)], choices, depth-1)
		return value
	}
	return replacements[int(choices[1])%len(replacements)]
}

// FuzzAnyObject: nothing of the shape of JSON makes a reader or a patch panic.
func FuzzAnyObject(f *testing.F) {
	for _, object := range examples(f) {
		f.Add([]byte(encode(f, object.Object)))
	}
	f.Add([]byte(`{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":[],"spec":{"rules":[{"http":{"paths":[[]]}}]}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		object := &unstructured.Unstructured{}
		if object.UnmarshalJSON(data) != nil {
			return
		}
		References(object)
		Rewrite(object, func(reference Reference) string { return wiredName(reference.Target) })
		Restore(object, keepNone)
		Disown(object, "kedify-gateway-wiring")
	})
}

// TestManyReferences: an object as large as the API server takes is read and patched in one go, and
// what a patch has no room for is left to the next one.
func TestManyReferences(t *testing.T) {
	for _, c := range []struct{ paths, patches int }{{2_000, 1}, {6_000, 2}} {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
			"metadata": map[string]any{"name": "many", "namespace": "shop", "resourceVersion": "1"},
		}}
		var paths []any
		for i := range c.paths {
			paths = append(paths, map[string]any{"path": fmt.Sprint("/", i), "backend": map[string]any{"service": map[string]any{
				"name": fmt.Sprint("service-", i%2_000), "port": map[string]any{"number": int64(80)},
			}}})
		}
		object.Object["spec"] = map[string]any{"rules": []any{map[string]any{"http": map[string]any{"paths": paths}}}}
		before, patches := encode(t, object.Object["spec"]), 0
		rename := func(reference Reference) string {
			if isWired(reference) {
				return ""
			}
			return wiredName(reference.Target)
		}
		for patch := Rewrite(object, rename); patch != nil; patch = Rewrite(object, rename) {
			if patches++; len(patch) > 10_000 {
				t.Fatalf("%d operations", len(patch))
			}
			object = apply(t, object, patch)
		}
		for _, reference := range References(object) {
			if !isWired(reference) {
				t.Fatalf("%s leads to %v: %s", reference.Pointer, reference.Target, reference.Refused)
			}
		}
		restores := 0
		for patch := Restore(object, keepNone); patch != nil; patch = Restore(object, keepNone) {
			if restores++; len(patch) > 10_000 {
				t.Fatalf("%d operations", len(patch))
			}
			object = apply(t, object, patch)
		}
		if encode(t, object.Object["spec"]) != before || object.GetAnnotations() != nil {
			t.Error("the restored object is another one")
		}
		if patches != c.patches || restores != c.patches {
			t.Errorf("%d paths took %d patches and %d to restore them, want %d", c.paths, patches, restores, c.patches)
		}
	}
}
