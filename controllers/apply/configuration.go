package apply

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/compare"
)

// Configuration is what Ensure applies: the object without the fields that only a server
// sets, and with a hash of the rest. The hash tells a field that is not desired any more from one
// that the server filled in.
func (e *Engine) Configuration(object client.Object) (*unstructured.Unstructured, error) {
	content, err := toUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "spec", "template", "metadata", "creationTimestamp")
	desired := &unstructured.Unstructured{Object: content}
	if gvk, err := e.options.Client.GroupVersionKindFor(object); err == nil {
		desired.SetGroupVersionKind(gvk)
	}
	if _, partial := e.options.Partial[desired.GetKind()]; partial {
		return desired, nil
	}
	text, err := json.Marshal(content) // keys are sorted
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", object.GetName(), err)
	}
	annotations := desired.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[compare.Annotation] = compare.Hash(text)
	desired.SetAnnotations(annotations)
	return desired, nil
}

// Status is what an owner of a part of a status applies: the identity of the object and its status.
func Status(object client.Object) (*unstructured.Unstructured, error) {
	content, err := toUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(content, "spec")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: content}, nil
}

func toUnstructured(object client.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", object.GetName(), err)
	}
	return content, nil
}

// asDesired reports whether applying would change nothing: every desired field has its value, and
// the hash says that no other field was desired the last time.
func (e *Engine) asDesired(desired *unstructured.Unstructured, live client.Object) (bool, error) {
	content, err := toUnstructured(live)
	if err != nil {
		return false, err
	}
	wanted := desired.Object
	if fields, partial := e.options.Partial[desired.GetKind()]; partial {
		wanted = map[string]any{}
		for _, field := range fields {
			wanted[field] = desired.Object[field]
		}
	}
	for _, field := range []string{"apiVersion", "kind"} {
		content[field] = desired.Object[field] // typed reads may leave them empty
	}
	return e.options.Lists.Covers(wanted, content), nil
}
