package store

import (
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Same reports whether two versions of an object mean the same to the control plane. It is
// what keeps our own status writes, and the heartbeats of others, from causing any work.
func Same(a, b client.Object) bool {
	if a.GetUID() != b.GetUID() || !maps.Equal(a.GetLabels(), b.GetLabels()) {
		return false
	}
	switch a := a.(type) {
	case *corev1.Namespace:
		return true // only labels are read
	case *corev1.Service:
		b := b.(*corev1.Service)
		return reflect.DeepEqual(a.Spec, b.Spec) && reflect.DeepEqual(a.Status.LoadBalancer, b.Status.LoadBalancer)
	case *discoveryv1.EndpointSlice:
		b := b.(*discoveryv1.EndpointSlice)
		return a.AddressType == b.AddressType && reflect.DeepEqual(a.Endpoints, b.Endpoints) && reflect.DeepEqual(a.Ports, b.Ports)
	case *corev1.Pod:
		return samePod(a, b.(*corev1.Pod))
	case *corev1.Secret:
		return reflect.DeepEqual(a.Data, b.(*corev1.Secret).Data)
	case *corev1.ConfigMap:
		return sameConfigMap(a, b.(*corev1.ConfigMap))
	}
	// Everything else is a custom resource with a status subresource: its generation counts
	// the changes of its spec.
	return a.GetGeneration() == b.GetGeneration() && maps.Equal(a.GetAnnotations(), b.GetAnnotations())
}

func samePod(a, b *corev1.Pod) bool {
	return a.DeletionTimestamp.IsZero() == b.DeletionTimestamp.IsZero() &&
		reflect.DeepEqual(a.Status.PodIPs, b.Status.PodIPs) && PodReady(a) == PodReady(b)
}

func sameConfigMap(a, b *corev1.ConfigMap) bool {
	return reflect.DeepEqual(a.Data, b.Data) && reflect.DeepEqual(a.BinaryData, b.BinaryData)
}

// PodReady reports whether the Pod has the Ready condition.
func PodReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Trim returns the object without what the control plane never reads, to keep it out of
// memory: it is meant as an informer transform and may modify the object in place.
func Trim(object client.Object) client.Object {
	object.SetManagedFields(nil)
	switch object := object.(type) {
	case *corev1.Pod:
		trimPod(object)
	case *corev1.Secret:
		trimSecret(object)
	case *corev1.Namespace, *corev1.Service, *discoveryv1.EndpointSlice, *corev1.ConfigMap:
		object.SetAnnotations(nil)
		object.SetOwnerReferences(nil)
	}
	return object
}

func trimPod(pod *corev1.Pod) {
	pod.Annotations, pod.OwnerReferences, pod.Spec = nil, nil, corev1.PodSpec{}
	status := corev1.PodStatus{PodIP: pod.Status.PodIP, PodIPs: pod.Status.PodIPs}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: condition.Status}}
		}
	}
	pod.Status = status
}

func trimSecret(secret *corev1.Secret) {
	secret.Annotations, secret.OwnerReferences = nil, nil
	for name := range secret.Data {
		switch name {
		case corev1.TLSCertKey, corev1.TLSPrivateKeyKey, corev1.ServiceAccountRootCAKey:
		default:
			delete(secret.Data, name)
		}
	}
}
