package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// mutator rewrites triggers of ours as the MutatingAdmissionPolicy of the chart does, on API
// servers that have no such policies.
type mutator struct{ options Options }

// ourTypes are what users write and KEDA does not know.
var ourTypes = []string{string(v1alpha1.TriggerHTTP), string(v1alpha1.TriggerEnvoyHTTP)}

// operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Handle implements admission.Handler.
func (m *mutator) Handle(_ context.Context, request admission.Request) admission.Response {
	if request.Kind.Kind != "ScaledObject" || len(request.Object.Raw) == 0 {
		return admission.Allowed("")
	}
	operations, err := m.operations(request.Object.Raw)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if len(operations) == 0 {
		return admission.Allowed("")
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	response := admission.Allowed("")
	response.Patch, response.PatchType = patch, ptr.To(admissionv1.PatchTypeJSONPatch)
	return response
}

// written is a trigger before the API server has checked it.
type written struct {
	Type              string         `json:"type"`
	Metadata          map[string]any `json:"metadata"`
	AuthenticationRef *struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	} `json:"authenticationRef"`
}

// operations touch the type, the address, the mark and the authentication of our triggers, and
// nothing else: all other fields stay with whoever wrote them.
func (m *mutator) operations(raw []byte) ([]operation, error) {
	var object struct {
		Spec struct {
			Triggers []written `json:"triggers"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("not a ScaledObject: %w", err)
	}
	var operations []operation
	for i, t := range object.Spec.Triggers {
		if t.Metadata == nil {
			continue // the schema of KEDA refuses it, and says so better
		}
		path := fmt.Sprintf("/spec/triggers/%d", i)
		operations = append(operations, m.rewriting(path, t)...)
		operations = append(operations, m.authentication(path+"/authenticationRef", t)...)
	}
	return operations, nil
}

// rewriting makes a type that KEDA does not know one that it does.
func (m *mutator) rewriting(path string, t written) []operation {
	if !slices.Contains(ourTypes, t.Type) {
		return nil
	}
	operations := []operation{{"replace", path + "/type", "external-push"}}
	if _, set := t.Metadata["scalerAddress"]; !set {
		operations = append(operations, operation{"add", path + "/metadata/scalerAddress", m.options.ScalerAddress})
	}
	return append(operations, operation{"add", path + "/metadata/originalType", t.Type})
}

// authentication tells KEDA with which certificate it reaches our scaler, or that it needs none.
func (m *mutator) authentication(path string, t written) []operation {
	as := trigger.Trigger{Type: t.Type, Metadata: map[string]string{}}
	for key, value := range t.Metadata {
		if text, ok := value.(string); ok {
			as.Metadata[key] = text
		}
	}
	if t.AuthenticationRef != nil {
		as.Authentication = &trigger.Reference{Name: t.AuthenticationRef.Name, Kind: t.AuthenticationRef.Kind}
	}
	switch m.options.Authentication.Change(as, m.options.ScalerAddress) {
	case trigger.Add:
		reference := m.options.Authentication.Reference()
		return []operation{{"add", path, map[string]any{"name": reference.Name, "kind": reference.Kind}}}
	case trigger.Remove:
		return []operation{{Op: "remove", Path: path}}
	default:
		return nil
	}
}
