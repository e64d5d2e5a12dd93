package class

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// PatchPodTemplate applies the patch of spec.podTemplate to a pod template.
func PatchPodTemplate(template corev1.PodTemplateSpec, patch []byte) (corev1.PodTemplateSpec, error) {
	var patched corev1.PodTemplateSpec
	original, err := json.Marshal(template)
	if err != nil {
		return patched, fmt.Errorf("marshal the pod template: %w", err)
	}
	merged, err := strategicpatch.StrategicMergePatch(original, patch, corev1.PodTemplateSpec{})
	if err != nil {
		return patched, fmt.Errorf("not a strategic merge patch: %w", err)
	}
	// Unknown fields are an error: a mistyped field of a patch would otherwise do nothing and
	// say nothing.
	if err := yaml.UnmarshalStrict(merged, &patched); err != nil {
		return patched, fmt.Errorf("not a pod template: %w", err)
	}
	return patched, nil
}
