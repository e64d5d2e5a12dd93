package infra

import (
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// patchTemplate applies the pod template patch of the parameters. The labels that the
// Deployment selects stay: a pod without them would belong to no Deployment.
func patchTemplate(spec Spec, template corev1.PodTemplateSpec) (corev1.PodTemplateSpec, error) {
	patch := spec.Infrastructure.Parameters.PodTemplate
	if patch == nil || len(patch.Raw) == 0 {
		return template, nil
	}
	patched, err := strategicMerge(template, patch.Raw)
	if err != nil {
		return template, &ParametersError{Field: "spec.podTemplate", Err: err}
	}
	if patched.Labels == nil {
		patched.Labels = map[string]string{}
	}
	maps.Copy(patched.Labels, selector(spec.Gateway))
	return patched, nil
}

func strategicMerge(template corev1.PodTemplateSpec, patch []byte) (corev1.PodTemplateSpec, error) {
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
