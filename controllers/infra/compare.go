package infra

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// toApply turns an object into an apply configuration: without the fields that only a server
// sets, and with a hash of what is wished for. The hash is what tells a field that we no
// longer wish for from one that the server filled in.
func toApply(object client.Object) (*unstructured.Unstructured, error) {
	content, err := toUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	desired := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "spec", "template", "metadata", "creationTimestamp")
	text, err := json.Marshal(content) // keys are sorted
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", object.GetName(), err)
	}
	annotations := desired.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationDesired] = fingerprint(text)
	desired.SetAnnotations(annotations)
	return desired, nil
}

func toUnstructured(object client.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", object.GetName(), err)
	}
	return content, nil
}

// asDesired reports whether applying would change nothing: every field that we wish for has
// our value, and the hash says that we wished for no other field the last time.
func asDesired(desired *unstructured.Unstructured, live client.Object) (bool, error) {
	if live.GetAnnotations()[annotationDesired] != desired.GetAnnotations()[annotationDesired] {
		return false, nil
	}
	content, err := toUnstructured(live)
	if err != nil {
		return false, err
	}
	for _, field := range []string{"apiVersion", "kind"} {
		content[field] = desired.Object[field] // typed reads may leave them empty
	}
	return covers(desired.Object, content, ""), nil
}

// mergedLists are the lists whose entries have owners of their own (listType map in the API):
// others may add entries, and only ours are compared. Any other list is one value.
var mergedLists = []string{
	"containers", "env", "imagePullSecrets", "initContainers", "ownerReferences", portsField,
	"topologySpreadConstraints", "volumeMounts", "volumes",
}

// portsField of a Service is a merged list, but a port more is a port open to the world: all of
// its entries are ours.
const portsField = "ports"

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
		if field == portsField && len(desired) != len(live) {
			return false
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
