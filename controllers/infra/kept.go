package infra

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"
)

// keptProblem names what a patch took away from the Pods of the product: their ServiceAccount, the
// isolation of their containers, and the volumes that their identity and configuration come from. A patch
// may add to a Pod, and may change numbers of users and groups; it may not weaken what runs in it.
func keptProblem(before, after corev1.PodTemplateSpec) error {
	lost := podLosses(before.Spec, after.Spec)
	for _, c := range []struct {
		list          string
		before, after []corev1.Container
	}{
		{"initContainers", before.Spec.InitContainers, after.Spec.InitContainers},
		{"containers", before.Spec.Containers, after.Spec.Containers},
	} {
		for _, container := range c.before {
			path := "spec." + c.list + "[" + container.Name + "]"
			at := slices.IndexFunc(c.after, func(other corev1.Container) bool { return other.Name == container.Name })
			if at < 0 {
				lost = append(lost, path)
				continue
			}
			lost = append(lost, containerLosses(path, container, c.after[at])...)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return fmt.Errorf("%s: the product sets it, and a patch must leave it as it is", strings.Join(lost, ", "))
}

// kept is one field and whether it is still as safe as the product made it.
type kept struct {
	field string
	safe  bool
}

func lostFields(above string, fields []kept) (lost []string) {
	for _, field := range fields {
		if !field.safe {
			lost = append(lost, above+"."+field.field)
		}
	}
	return lost
}

func podLosses(before, after corev1.PodSpec) []string {
	account := after.DeprecatedServiceAccount
	lost := lostFields("spec", []kept{
		{"serviceAccountName", after.ServiceAccountName == before.ServiceAccountName},
		{"serviceAccount", account == "" || account == before.ServiceAccountName},
		{"automountServiceAccountToken", isFalse(after.AutomountServiceAccountToken)},
	})
	for _, volume := range before.Volumes {
		if !slices.ContainsFunc(after.Volumes, func(other corev1.Volume) bool { return equality.Semantic.DeepEqual(volume, other) }) {
			lost = append(lost, "spec.volumes["+volume.Name+"]")
		}
	}
	security := after.SecurityContext
	if security == nil {
		return append(lost, "spec.securityContext")
	}
	return append(lost, lostFields("spec.securityContext", []kept{
		{"runAsNonRoot", isTrue(security.RunAsNonRoot)},
		{"runAsUser", notZero(security.RunAsUser)},
		{"runAsGroup", notZero(security.RunAsGroup)},
		{"seccompProfile", security.SeccompProfile != nil && confinedBySeccomp(security.SeccompProfile)},
		{"appArmorProfile", confinedByAppArmor(security.AppArmorProfile)},
		{"seLinuxOptions", security.SELinuxOptions == nil},
		{"windowsOptions", security.WindowsOptions == nil},
		{"sysctls", containsAll(security.Sysctls, before.SecurityContext.Sysctls)},
	})...)
}

func containerLosses(path string, before, after corev1.Container) (lost []string) {
	if !containsAll(after.VolumeMounts, before.VolumeMounts) {
		lost = append(lost, path+".volumeMounts")
	}
	security := after.SecurityContext
	if security == nil {
		return append(lost, path+".securityContext")
	}
	return append(lost, lostFields(path+".securityContext", []kept{
		{"privileged", !ptr.Deref(security.Privileged, false)},
		{"allowPrivilegeEscalation", isFalse(security.AllowPrivilegeEscalation)},
		{"readOnlyRootFilesystem", isTrue(security.ReadOnlyRootFilesystem)},
		{"capabilities", equality.Semantic.DeepEqual(security.Capabilities, before.SecurityContext.Capabilities)},
		{"runAsNonRoot", ptr.Deref(security.RunAsNonRoot, true)},
		{"runAsUser", notZero(security.RunAsUser)},
		{"runAsGroup", notZero(security.RunAsGroup)},
		{"seccompProfile", confinedBySeccomp(security.SeccompProfile)},
		{"appArmorProfile", confinedByAppArmor(security.AppArmorProfile)},
		{"seLinuxOptions", security.SELinuxOptions == nil},
		{"windowsOptions", security.WindowsOptions == nil},
		{"procMount", ptr.Deref(security.ProcMount, corev1.DefaultProcMount) == corev1.DefaultProcMount},
	})...)
}

func isTrue(value *bool) bool { return value != nil && *value }

func isFalse(value *bool) bool { return value != nil && !*value }

// notZero: without a number the image or the cluster chooses one, and runAsNonRoot refuses root.
func notZero(id *int64) bool { return ptr.Deref(id, user) != 0 }

func confinedBySeccomp(profile *corev1.SeccompProfile) bool {
	return profile == nil || profile.Type != corev1.SeccompProfileTypeUnconfined
}

func confinedByAppArmor(profile *corev1.AppArmorProfile) bool {
	return profile == nil || profile.Type != corev1.AppArmorProfileTypeUnconfined
}

func containsAll[T any](all, wanted []T) bool {
	return !slices.ContainsFunc(wanted, func(one T) bool {
		return !slices.ContainsFunc(all, func(other T) bool { return equality.Semantic.DeepEqual(one, other) })
	})
}
