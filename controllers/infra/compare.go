package infra

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/compare"
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
	annotations[compare.Annotation] = compare.Hash(text)
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
	if live.GetAnnotations()[compare.Annotation] != desired.GetAnnotations()[compare.Annotation] {
		return false, nil
	}
	content, err := toUnstructured(live)
	if err != nil {
		return false, err
	}
	for _, field := range []string{"apiVersion", "kind"} {
		content[field] = desired.Object[field] // typed reads may leave them empty
	}
	return lists.Covers(desired.Object, content), nil
}

// lists of the objects of a data plane. A port more is a port open to the world: all ports of a
// Service are ours.
var lists = compare.Lists{
	Merged: []string{
		"containers", "env", "imagePullSecrets", "initContainers", "ownerReferences",
		"topologySpreadConstraints", "volumeMounts", "volumes",
	},
	Closed: []string{"ports"},
}
