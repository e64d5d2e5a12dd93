package infra

import (
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
)

// patchTemplate applies the pod template patch of the parameters. The labels that the
// Deployment selects stay: a pod without them would belong to no Deployment.
func patchTemplate(spec Spec, template corev1.PodTemplateSpec) (corev1.PodTemplateSpec, error) {
	patch := spec.Infrastructure.Parameters.PodTemplate
	if patch == nil || len(patch.Raw) == 0 {
		return template, nil
	}
	patched, err := class.PatchPodTemplate(template, patch.Raw)
	if err != nil {
		return template, &ParametersError{Field: "spec.podTemplate", Err: err}
	}
	if err := keptProblem(template, patched); err != nil {
		return template, &ParametersError{Field: "spec.podTemplate", Err: err}
	}
	if patched.Labels == nil {
		patched.Labels = map[string]string{}
	}
	maps.Copy(patched.Labels, selector(spec.Gateway))
	return patched, nil
}
