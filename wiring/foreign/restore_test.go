package foreign

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// twoPaths is an Ingress with backends "first" and "second", and an annotation, if one is given.
func twoPaths(t *testing.T, first, second, annotation string) *unstructured.Unstructured {
	t.Helper()
	object := parse(t, []byte(strings.NewReplacer("FIRST", first, "SECOND", second).Replace(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, resourceVersion: "7"}
spec: {rules: [{host: a.test, http: {paths: [
  {path: /, pathType: Prefix, backend: {service: {name: FIRST, port: {number: 80}}}},
  {path: /x, pathType: Prefix, backend: {service: {name: SECOND, port: {number: 80}}}}]}}]}`)))
	if annotation != "" {
		object.SetAnnotations(map[string]string{v1alpha1.OriginalBackendsAnnotation: annotation})
	}
	return object
}

func backends(object *unstructured.Unstructured) (names []string) {
	for _, reference := range References(object) {
		names = append(names, reference.Target.Key.Name)
	}
	return names
}

// TestRestore: what is put back and what stays. T47, and T50: what the user changed while the object
// was wired stays as the user wants it.
func TestRestore(t *testing.T) {
	const both = `{"api-kedify":"api","web-kedify":"web"}`
	for name, c := range map[string]struct {
		first, second, annotation string
		keep                      string
		want                      []string
		left                      string
	}{
		"both": {"web-kedify", "api-kedify", both, "", []string{"web", "api"}, ""},
		"one of two": {"web-kedify", "api-kedify", both, "web-kedify", []string{"web-kedify", "api"},
			`{"web-kedify":"web"}`},
		"T50 the user pointed it elsewhere": {"web-kedify", "other", both, "", []string{"web", "other"}, ""},
		"T50 the user put it back":          {"web", "api", both, "", []string{"web", "api"}, ""},
		"written by hand":                   {"web-kedify", "api", "", "", []string{"web-kedify", "api"}, ""},
		"by hand beside a kept one":         {"web-kedify", "api-kedify", `{"api-kedify":"api"}`, "", []string{"web-kedify", "api"}, ""},
		"kept": {"web-kedify", "api", `{"web-kedify":"web"}`, "web-kedify", []string{"web-kedify", "api"},
			`{"web-kedify":"web"}`},
		"two paths of one": {"web-kedify", "web-kedify", `{"web-kedify":"web"}`, "", []string{"web", "web"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			object := twoPaths(t, c.first, c.second, c.annotation)
			restored := apply(t, object, Restore(object, func(wired types.NamespacedName) bool {
				return wired == types.NamespacedName{Namespace: "shop", Name: c.keep}
			}))
			if diff := cmp.Diff(c.want, backends(restored)); diff != "" {
				t.Errorf("backends (- want, + got):\n%s", diff)
			}
			if left := restored.GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]; left != c.left {
				t.Errorf("annotation %q, want %q", left, c.left)
			}
			if _, has := restored.Object["metadata"].(map[string]any)["annotations"]; has != (c.left != "") {
				t.Error("an empty map of annotations is left behind")
			}
		})
	}
}

// TestRewriteMerges: later rewrites add to the annotation, drop what the object does not name any more
// and take what the user wrote meanwhile as the original (T50).
func TestRewriteMerges(t *testing.T) {
	for name, c := range map[string]struct {
		first, second, annotation string
		want                      string
	}{
		"a second backend":     {"web-kedify", "api", `{"web-kedify":"web"}`, `{"api-kedify":"api","web-kedify":"web"}`},
		"T50 applied from Git": {"web", "api", `{"api-kedify":"api","web-kedify":"web"}`, `{"api-kedify":"api","web-kedify":"web"}`},
		"T50 another original": {"other", "api-kedify", `{"api-kedify":"api","web-kedify":"web"}`,
			`{"api-kedify":"api","other-kedify":"other"}`},
		"nothing left of the first": {"other", "other", `{"web-kedify":"web"}`, `{"other-kedify":"other"}`},
	} {
		t.Run(name, func(t *testing.T) {
			object := twoPaths(t, c.first, c.second, c.annotation)
			wired := apply(t, object, Rewrite(object, func(reference Reference) string { return wiredName(reference.Target) }))
			if got := wired.GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]; got != c.want {
				t.Errorf("annotation %s, want %s", got, c.want)
			}
			if again := Rewrite(wired, func(reference Reference) string { return wiredName(reference.Target) }); again != nil {
				t.Errorf("a second look writes again: %v", again)
			}
		})
	}
}

// TestForgedAnnotation: a forged annotation has nothing written but the name that a wired
// Service stands for, and one that cannot be read has a problem on every reference.
func TestForgedAnnotation(t *testing.T) {
	for name, annotation := range map[string]string{
		"no JSON":               `{"web-kedify":`,
		"no map":                `["web"]`,
		"null":                  `{"web-kedify":null}`,
		"a number":              `{"web-kedify":1}`,
		"no DNS label":          `{"web-kedify":"../admin"}`,
		"an empty name":         `{"web-kedify":""}`,
		"itself":                `{"web-kedify":"web-kedify"}`,
		"another Service":       `{"web-kedify":"admin"}`,
		"not a wired Service":   `{"api":"admin"}`,
		"unknown fields":        `{"web-kedify":{"group":"inference.networking.k8s.io","kind":"InferencePool","name":"web","namespace":"other"}}`,
		"another kind":          `{"web-kedify":{"group":"","kind":"Secret","name":"web"}}`,
		"a port out of range":   `{"web-kedify-pool":{"group":"inference.networking.k8s.io","kind":"InferencePool","name":"web","port":70000}}`,
		"a key that is no name": `{"a/b/c":"web"}`,
		"a long key":            `{"` + strings.Repeat("x", 100_000) + `":"web"}`,
		"too long":              `{"web-kedify":"web"` + strings.Repeat(" ", 300_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			object := twoPaths(t, "web-kedify", "api", annotation)
			if patch := Restore(object, keepNone); patch != nil {
				t.Errorf("restored: %v", patch)
			}
			if patch := Rewrite(object, func(reference Reference) string { return wiredName(reference.Target) }); patch != nil {
				t.Errorf("rewritten: %v", patch)
			}
			for _, reference := range References(object) {
				if !strings.Contains(reference.Refused, v1alpha1.OriginalBackendsAnnotation) || len(reference.Refused) > 500 {
					t.Errorf("%s: %.600q", reference.Pointer, reference.Refused)
				}
			}
		})
	}
}

// TestPoolPorts: a pool with two ports in one object could not be put back.
func TestPoolPorts(t *testing.T) {
	object := parse(t, []byte(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: llm, namespace: shop, resourceVersion: "7"}
spec: {rules: [{backendRefs: [
  {group: inference.networking.k8s.io, kind: InferencePool, name: llm},
  {group: inference.networking.k8s.io, kind: InferencePool, name: llm, port: 8000},
  {group: inference.networking.k8s.io, kind: InferencePool, name: llm, port: none}]}]}`))
	for i, want := range []string{"", "another port", "is not a number"} {
		if refused := References(object)[i].Refused; (refused == "") != (want == "") || !strings.Contains(refused, want) {
			t.Errorf("reference %d: %q, want %q", i, refused, want)
		}
	}
	wired := apply(t, object, Rewrite(object, func(reference Reference) string { return wiredName(reference.Target) }))
	if refused := References(wired)[1].Refused; !strings.Contains(refused, "another port") {
		t.Errorf("after the first one is wired: %q", refused)
	}
}
