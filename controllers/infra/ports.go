package infra

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// dropForeignPorts removes the ports of a Service that others put there. Server-side apply
// would keep them, and where another manager changed the number of an applied port it would fail:
// that port belongs to the other manager now and has the name of the applied one.
func (a *Applier) dropForeignPorts(ctx context.Context, live, desired client.Object) error {
	service, ok := live.(*corev1.Service)
	if !ok {
		return nil
	}
	wanted := desired.(*corev1.Service).Spec.Ports
	foreign := func(port corev1.ServicePort) bool {
		return !slices.ContainsFunc(wanted, func(w corev1.ServicePort) bool { return samePort(w, port) }) && !appliedPort(service, port)
	}
	if !slices.ContainsFunc(service.Spec.Ports, foreign) {
		return nil
	}
	before := service.DeepCopy()
	service.Spec.Ports = slices.DeleteFunc(service.Spec.Ports, foreign)
	if len(service.Spec.Ports) == 0 { // a Service needs one
		service.Spec.Ports = wanted
	}
	return a.options.Client.Patch(ctx, service, client.MergeFrom(before), fieldOwner)
}

func samePort(a, b corev1.ServicePort) bool { return a.Port == b.Port && a.Protocol == b.Protocol }

// appliedPort reports whether we applied the port, so that it goes when we no longer do.
func appliedPort(service *corev1.Service, port corev1.ServicePort) bool {
	key := fmt.Sprintf(`k:{\"port\":%d,\"protocol\":\"%s\"}`, port.Port, port.Protocol)
	return slices.ContainsFunc(service.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Manager == string(fieldOwner) && entry.Operation == metav1.ManagedFieldsOperationApply &&
			entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), key)
	})
}
