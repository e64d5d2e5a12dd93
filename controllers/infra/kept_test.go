package infra

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// weakened are patches that take something away from the Pods, and the field that the refusal names.
var weakened = []struct{ patch, field string }{
	{`{"spec":{"serviceAccountName":"admin"}}`, "spec.serviceAccountName"},
	{`{"spec":{"serviceAccountName":null}}`, "spec.serviceAccountName"},
	{`{"spec":{"serviceAccount":"admin"}}`, "spec.serviceAccount"},
	{`{"spec":{"automountServiceAccountToken":true}}`, "spec.automountServiceAccountToken"},
	{`{"spec":{"automountServiceAccountToken":null}}`, "spec.automountServiceAccountToken"},
	{`{"spec":{"securityContext":null}}`, "spec.securityContext"},
	{`{"spec":{"securityContext":{"$patch":"replace"}}}`, "spec.securityContext.runAsNonRoot"},
	{`{"spec":{"securityContext":{"runAsNonRoot":false}}}`, "spec.securityContext.runAsNonRoot"},
	{`{"spec":{"securityContext":{"runAsUser":0}}}`, "spec.securityContext.runAsUser"},
	{`{"spec":{"securityContext":{"runAsGroup":0}}}`, "spec.securityContext.runAsGroup"},
	{`{"spec":{"securityContext":{"seccompProfile":null}}}`, "spec.securityContext.seccompProfile"},
	{`{"spec":{"securityContext":{"seccompProfile":{"type":"Unconfined"}}}}`, "spec.securityContext.seccompProfile"},
	{`{"spec":{"securityContext":{"appArmorProfile":{"type":"Unconfined"}}}}`, "spec.securityContext.appArmorProfile"},
	{`{"spec":{"securityContext":{"seLinuxOptions":{"type":"spc_t"}}}}`, "spec.securityContext.seLinuxOptions"},
	{`{"spec":{"securityContext":{"windowsOptions":{"hostProcess":true}}}}`, "spec.securityContext.windowsOptions"},
	{`{"spec":{"securityContext":{"sysctls":[]}}}`, "spec.securityContext.sysctls"},
	{`{"spec":{"volumes":[{"name":"xds-certificate","$patch":"delete"}]}}`, "spec.volumes[xds-certificate]"},
	{`{"spec":{"volumes":[{"name":"bootstrap","configMap":{"name":"mine"}}]}}`, "spec.volumes[bootstrap]"},
	{`{"spec":{"volumes":[{"name":"run","emptyDir":null,"hostPath":{"path":"/"}}]}}`, "spec.volumes[run]"},
	{`{"spec":{"volumes":null}}`, "spec.volumes[run]"},
	{`{"spec":{"initContainers":[{"name":"envoy","$patch":"delete"}]}}`, "spec.initContainers[envoy]"},
	{`{"spec":{"containers":[{"name":"shutdown","$patch":"delete"},{"name":"mine","image":"x"}]}}`, "spec.containers[shutdown]"},
	{`{"spec":{"initContainers":[{"$patch":"replace"},{"name":"envoy","image":"x"}]}}`, "spec.initContainers[envoy].securityContext"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":null}]}}`, "spec.initContainers[envoy].securityContext"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"privileged":true}}]}}`,
		"spec.initContainers[envoy].securityContext.privileged"},
	{`{"spec":{"containers":[{"name":"shutdown","securityContext":{"privileged":true}}]}}`,
		"spec.containers[shutdown].securityContext.privileged"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"allowPrivilegeEscalation":true}}]}}`,
		"spec.initContainers[envoy].securityContext.allowPrivilegeEscalation"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"readOnlyRootFilesystem":null}}]}}`,
		"spec.initContainers[envoy].securityContext.readOnlyRootFilesystem"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"capabilities":{"add":["NET_RAW"]}}}]}}`,
		"spec.initContainers[envoy].securityContext.capabilities"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"capabilities":null}}]}}`,
		"spec.initContainers[envoy].securityContext.capabilities"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"runAsNonRoot":false}}]}}`,
		"spec.initContainers[envoy].securityContext.runAsNonRoot"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"runAsUser":0}}]}}`,
		"spec.initContainers[envoy].securityContext.runAsUser"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"runAsGroup":0}}]}}`,
		"spec.initContainers[envoy].securityContext.runAsGroup"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"seccompProfile":{"type":"Unconfined"}}}]}}`,
		"spec.initContainers[envoy].securityContext.seccompProfile"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"appArmorProfile":{"type":"Unconfined"}}}]}}`,
		"spec.initContainers[envoy].securityContext.appArmorProfile"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"seLinuxOptions":{"type":"spc_t"}}}]}}`,
		"spec.initContainers[envoy].securityContext.seLinuxOptions"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"windowsOptions":{"hostProcess":true}}}]}}`,
		"spec.initContainers[envoy].securityContext.windowsOptions"},
	{`{"spec":{"initContainers":[{"name":"envoy","securityContext":{"procMount":"Unmasked"}}]}}`,
		"spec.initContainers[envoy].securityContext.procMount"},
	{`{"spec":{"initContainers":[{"name":"envoy","volumeMounts":[{"mountPath":"/etc/kedify/xds","name":"mine"}]}],` +
		`"volumes":[{"name":"mine","emptyDir":{}}]}}`, "spec.initContainers[envoy].volumeMounts"},
	{`{"spec":{"initContainers":[{"name":"envoy","volumeMounts":[{"mountPath":"/run/kedify","$patch":"delete"}]}]}}`,
		"spec.initContainers[envoy].volumeMounts"},
}

// No patch, of a class or with the option of the installation, weakens the containers of the product: it is
// refused by the name of the field.
func TestX3PatchWeakensNothing(t *testing.T) {
	for _, w := range weakened {
		spec := plainSpec()
		spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{PodTemplate: raw(w.patch)}
		_, err := Objects(spec, testConfig)
		var parameters *ParametersError
		if !errors.As(err, &parameters) || parameters.Field != "spec.podTemplate" || !strings.Contains(err.Error(), w.field) {
			t.Errorf("%s: %v, want %q", w.patch, err, w.field)
		}
	}
}

// What a class may ask for: other places, more containers and volumes, other numbers of users, more
// confinement.
func TestX3PatchStrengthensAndAdds(t *testing.T) {
	for patch, applied := range map[string]func(corev1.PodSpec) bool{
		`{"spec":{"nodeSelector":{"pool":"edge"}}}`:       func(pod corev1.PodSpec) bool { return pod.NodeSelector["pool"] == "edge" },
		`{"spec":{"priorityClassName":"high"}}`:           func(pod corev1.PodSpec) bool { return pod.PriorityClassName == "high" },
		`{"spec":{"runtimeClassName":"gvisor"}}`:          func(pod corev1.PodSpec) bool { return *pod.RuntimeClassName == "gvisor" },
		`{"spec":{"securityContext":{"runAsUser":1000}}}`: func(pod corev1.PodSpec) bool { return *pod.SecurityContext.RunAsUser == 1000 },
		`{"spec":{"securityContext":{"runAsUser":null}}}`: func(pod corev1.PodSpec) bool { return pod.SecurityContext.RunAsUser == nil },
		`{"spec":{"securityContext":{"fsGroup":2000}}}`:   func(pod corev1.PodSpec) bool { return *pod.SecurityContext.FSGroup == 2000 },
		`{"spec":{"initContainers":[{"name":"envoy","env":[{"name":"A","value":"b"}]}]}}`: func(pod corev1.PodSpec) bool {
			return pod.InitContainers[0].Env[0].Name == "A"
		},
		`{"spec":{"securityContext":{"seccompProfile":{"type":"Localhost","localhostProfile":"envoy.json"}}}}`: func(pod corev1.PodSpec) bool {
			return pod.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeLocalhost
		},
		`{"spec":{"containers":[{"name":"log","image":"log"}],"volumes":[{"name":"log","emptyDir":{}}]}}`: func(pod corev1.PodSpec) bool {
			return len(pod.Containers) == 2 && len(pod.Volumes) == 4
		},
	} {
		spec := plainSpec()
		spec.Infrastructure.Parameters = v1alpha1.GatewayParametersSpec{PodTemplate: raw(patch)}
		if pod := podSpecOf(t, spec).Spec; !applied(pod) {
			t.Errorf("%s is not applied", patch)
		}
	}
}
