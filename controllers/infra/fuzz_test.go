package infra

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// FuzzPodTemplate: any patch is refused, or leaves the containers of the product as isolated as they were.
func FuzzPodTemplate(f *testing.F) {
	for _, w := range weakened {
		f.Add([]byte(w.patch))
	}
	f.Add([]byte(`{"spec":{"nodeSelector":{"a":"b"},"containers":[{"name":"log","image":"log"}]}}`))
	f.Add([]byte(`{"spec":{"$setElementOrder/containers":[{"name":"a"}],"$retainKeys":["volumes"]}}`))
	f.Add([]byte(`{"$patch":"replace","metadata":{}}`))
	f.Fuzz(func(t *testing.T, patch []byte) {
		spec := plainSpec()
		spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{PodTemplate: raw(string(patch))}
		boot, err := renderBootstrap(spec, testConfig)
		if err != nil {
			t.Fatal(err)
		}
		template, err := podTemplate(spec, testConfig, boot)
		if err != nil {
			return
		}
		pod := template.Spec
		if pod.ServiceAccountName != Name(spec.Gateway) || *pod.AutomountServiceAccountToken || !*pod.SecurityContext.RunAsNonRoot {
			t.Fatalf("%s: %+v", patch, pod)
		}
		for name, containers := range map[string][]corev1.Container{containerEnvoy: pod.InitContainers, containerShutdown: pod.Containers} {
			if !isolated(containers, name) {
				t.Fatalf("%s: container %s: %+v", patch, name, containers)
			}
		}
		for name, value := range selector(spec.Gateway) {
			if template.Labels[name] != value {
				t.Fatalf("%s: label %s is %q", patch, name, template.Labels[name])
			}
		}
	})
}

func isolated(containers []corev1.Container, name string) bool {
	for _, container := range containers {
		if container.Name == name {
			security := container.SecurityContext
			return security != nil && (security.Privileged == nil || !*security.Privileged) && !*security.AllowPrivilegeEscalation &&
				*security.ReadOnlyRootFilesystem && len(security.Capabilities.Add) == 0 && security.Capabilities.Drop[0] == "ALL"
		}
	}
	return false
}
