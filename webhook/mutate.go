package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/kedify/inference-gateway/scaler/trigger"
)

// mutator rewrites triggers as the MutatingAdmissionPolicy of the chart does, on API servers that
// have no such policies. The rule is trigger.Rewriting.
type mutator struct{ options Options }

// Handle implements admission.Handler.
func (m *mutator) Handle(_ context.Context, request admission.Request) admission.Response {
	if request.Kind.Kind != trigger.ScaledObject || len(request.Object.Raw) == 0 {
		return admission.Allowed("")
	}
	rewritten, err := Rewrite(request.Object.Raw, trigger.Rewriting{
		ScalerAddress: m.options.ScalerAddress, Authentication: m.options.Authentication,
	})
	switch {
	case err != nil:
		return admission.Errored(http.StatusBadRequest, err)
	case rewritten == nil:
		return admission.Allowed("")
	}
	return admission.PatchResponseFromRaw(request.Object.Raw, rewritten)
}

// Rewrite returns a ScaledObject in JSON with its triggers rewritten, nil when nothing changes. Fields
// that no change names stay as they are.
func Rewrite(raw []byte, rule trigger.Rewriting) ([]byte, error) {
	var object map[string]any
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("not a ScaledObject: %w", err)
	}
	written, _, err := unstructured.NestedFieldNoCopy(object, "spec", "triggers")
	if err != nil {
		return nil, fmt.Errorf("not a ScaledObject: %w", err)
	}
	triggers, _ := written.([]any)
	changed := false
	for _, item := range triggers {
		content, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("not a ScaledObject: a trigger is %T", item)
		}
		for _, change := range rule.Changes(triggerOf(content)) {
			changed = true
			if err := apply(content, change); err != nil {
				return nil, fmt.Errorf("not a ScaledObject: %w", err)
			}
		}
	}
	if !changed {
		return nil, nil
	}
	return json.Marshal(object)
}

// triggerOf reads what the rule looks at. Values that are no text are left to the schema of KEDA.
func triggerOf(content map[string]any) trigger.Trigger {
	var t trigger.Trigger
	t.Type, _ = content["type"].(string)
	if metadata, ok := content["metadata"].(map[string]any); ok {
		t.Metadata = map[string]string{}
		for key, value := range metadata {
			t.Metadata[key], _ = value.(string)
		}
	}
	if reference, ok := content["authenticationRef"].(map[string]any); ok {
		t.Authentication = &trigger.Reference{}
		t.Authentication.Name, _ = reference["name"].(string)
		t.Authentication.Kind, _ = reference["kind"].(string)
	}
	return t
}

// apply makes one change in a trigger.
func apply(content map[string]any, change trigger.Change) error {
	path := strings.Split(change.Field, ".")
	switch value := change.Value.(type) {
	case nil:
		unstructured.RemoveNestedField(content, path...)
		return nil
	case trigger.Reference:
		return unstructured.SetNestedField(content, map[string]any{"name": value.Name, "kind": value.Kind}, path...)
	default:
		return unstructured.SetNestedField(content, value, path...)
	}
}
