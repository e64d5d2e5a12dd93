package scaledobject

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/compare"
)

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
	desired.SetAnnotations(map[string]string{compare.Annotation: compare.Hash(text)})
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
	return lists.Covers(wanted, content), nil
}

// lists of the objects that triggers become.
var lists = compare.Lists{Merged: []string{"listeners", "ownerReferences", "ports"}}
