package scaledobject

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// annotationDesired holds a hash of what was wished for: it tells a field that is no longer
// wished for from one that the server filled in. infra uses the same.
const annotationDesired = v1alpha1.GroupName + "/desired-hash"

// toApply turns an object into an apply configuration: without the fields that only a server
// sets, and with the hash. A Service has none: annotations of Services are not in the cache
// (store.Trim), and what we wish for of it never changes but for its owner.
func toApply(object client.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", object.GetName(), err)
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	desired := &unstructured.Unstructured{Object: content}
	if _, service := object.(*corev1.Service); service {
		return desired, nil
	}
	text, err := json.Marshal(content) // keys are sorted
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", object.GetName(), err)
	}
	sum := sha256.Sum256(text)
	desired.SetAnnotations(map[string]string{annotationDesired: hex.EncodeToString(sum[:16])})
	return desired, nil
}

// asDesired reports whether applying would change nothing: every field that is wished for has
// its value, and the hash says that no other field was wished for the last time.
func asDesired(desired *unstructured.Unstructured, live client.Object) (bool, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return false, fmt.Errorf("convert %s: %w", live.GetName(), err)
	}
	wanted := desired.Object
	if _, service := live.(*corev1.Service); service {
		wanted = map[string]any{"spec": desired.Object["spec"]} // the cache has no owners either
	}
	for _, field := range []string{"apiVersion", "kind"} {
		content[field] = desired.Object[field] // typed reads may leave them empty
	}
	return covers(wanted, content, ""), nil
}

// mergedLists are the lists whose entries have owners of their own (listType map in the API):
// others may add entries, and only ours are compared. Any other list is one value.
var mergedLists = []string{"listeners", "ownerReferences", "ports"}

// covers reports whether the live value has everything that the desired value has.
func covers(desired, live any, field string) bool {
	switch desired := desired.(type) {
	case map[string]any:
		live, ok := live.(map[string]any)
		if !ok {
			return len(desired) == 0 && live == nil
		}
		for name, value := range desired {
			if !covers(value, live[name], name) {
				return false
			}
		}
		return true
	case []any:
		live, ok := live.([]any)
		if !ok {
			return len(desired) == 0 && live == nil
		}
		return coversList(desired, live, slices.Contains(mergedLists, field))
	case nil:
		return true
	}
	return reflect.DeepEqual(desired, live)
}

func coversList(desired, live []any, merged bool) bool {
	if !merged {
		return slices.EqualFunc(desired, live, func(desired, live any) bool { return covers(desired, live, "") })
	}
	for _, wanted := range desired {
		if !slices.ContainsFunc(live, func(entry any) bool { return covers(wanted, entry, "") }) {
			return false
		}
	}
	return true
}
