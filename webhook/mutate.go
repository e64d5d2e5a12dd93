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
	Value any    `json:"value"`
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

// operations touch the type, the address and the mark of our triggers, and nothing else: all
// other fields stay with whoever wrote them.
func (m *mutator) operations(raw []byte) ([]operation, error) {
	var object struct {
		Spec struct {
			Triggers []struct {
				Type     string         `json:"type"`
				Metadata map[string]any `json:"metadata"`
			} `json:"triggers"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("not a ScaledObject: %w", err)
	}
	var operations []operation
	for i, trigger := range object.Spec.Triggers {
		if !slices.Contains(ourTypes, trigger.Type) || trigger.Metadata == nil {
			continue // without metadata the schema of KEDA refuses it, and says so better
		}
		path := fmt.Sprintf("/spec/triggers/%d", i)
		operations = append(operations, operation{"replace", path + "/type", "external-push"})
		if _, set := trigger.Metadata["scalerAddress"]; !set {
			operations = append(operations, operation{"add", path + "/metadata/scalerAddress", m.options.ScalerAddress})
		}
		operations = append(operations, operation{"add", path + "/metadata/originalType", trigger.Type})
	}
	return operations, nil
}
