package store

import (
	"maps"
	"reflect"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1alpha1 "k8s.io/api/certificates/v1alpha1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
)

// rowsByType finds the row of an object of any version.
var rowsByType = func() map[reflect.Type]*Row {
	rows := make(map[reflect.Type]*Row, len(Rows))
	for i := range Rows {
		rows[reflect.TypeOf(Rows[i].New())] = &Rows[i]
		for _, older := range Rows[i].Older {
			rows[reflect.TypeOf(older())] = &Rows[i]
		}
	}
	return rows
}()

// Current gives an object of an older version (Row.Older) the form of Row.New; others are returned as they are.
func Current(object client.Object) client.Object {
	current := &certificatesv1.ClusterTrustBundle{}
	current.SetGroupVersionKind(certificatesv1.SchemeGroupVersion.WithKind(string(ClusterTrustBundle)))
	switch object := object.(type) {
	case *certificatesv1beta1.ClusterTrustBundle:
		current.ObjectMeta, current.Spec = object.ObjectMeta, certificatesv1.ClusterTrustBundleSpec(object.Spec)
	case *certificatesv1alpha1.ClusterTrustBundle:
		current.ObjectMeta, current.Spec = object.ObjectMeta, certificatesv1.ClusterTrustBundleSpec(object.Spec)
	default:
		return object
	}
	return current
}

// Same reports whether two versions of an object mean the same to the control plane. It is
// what keeps the status writes of the product, and the heartbeats of others, from causing any work.
func Same(a, b client.Object) bool {
	if a.GetUID() != b.GetUID() || !maps.Equal(a.GetLabels(), b.GetLabels()) {
		return false
	}
	if row := rowsByType[reflect.TypeOf(a)]; row != nil && row.Same != nil {
		return row.Same(a, b)
	}
	return sameVersion(a, b)
}

func sameVersion(a, b client.Object) bool {
	return a.GetGeneration() == b.GetGeneration() && maps.Equal(a.GetAnnotations(), b.GetAnnotations())
}

// sameScaler: the path is what matters of a status that is written for people otherwise, every ten seconds.
func sameScaler(a, b client.Object) bool {
	x, y := a.(*v1alpha1.HTTPScaler), b.(*v1alpha1.HTTPScaler)
	return sameVersion(a, b) && scaler.PathOf(x.Status).Same(scaler.PathOf(y.Status))
}

// always is for objects of which only labels are read.
func always(_, _ client.Object) bool { return true }

func sameService(a, b client.Object) bool {
	x, y := a.(*corev1.Service), b.(*corev1.Service)
	return reflect.DeepEqual(x.Spec, y.Spec) && reflect.DeepEqual(x.Status.LoadBalancer, y.Status.LoadBalancer)
}

func sameSlice(a, b client.Object) bool {
	x, y := a.(*discoveryv1.EndpointSlice), b.(*discoveryv1.EndpointSlice)
	return x.AddressType == y.AddressType && reflect.DeepEqual(x.Endpoints, y.Endpoints) && reflect.DeepEqual(x.Ports, y.Ports)
}

func samePod(a, b client.Object) bool {
	x, y := a.(*corev1.Pod), b.(*corev1.Pod)
	return x.DeletionTimestamp.IsZero() == y.DeletionTimestamp.IsZero() &&
		reflect.DeepEqual(x.Status.PodIPs, y.Status.PodIPs) && PodReady(x) == PodReady(y)
}

func sameSecret(a, b client.Object) bool {
	return reflect.DeepEqual(a.(*corev1.Secret).Data, b.(*corev1.Secret).Data)
}

func sameConfigMap(a, b client.Object) bool {
	x, y := a.(*corev1.ConfigMap), b.(*corev1.ConfigMap)
	return reflect.DeepEqual(x.Data, y.Data) && reflect.DeepEqual(x.BinaryData, y.BinaryData)
}

func sameTrustBundle(a, b client.Object) bool {
	return a.(*certificatesv1.ClusterTrustBundle).Spec == b.(*certificatesv1.ClusterTrustBundle).Spec
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
	if row := rowsByType[reflect.TypeOf(object)]; row != nil && row.Trim != nil {
		row.Trim(object)
	}
	return object
}

func trimMeta(object client.Object) {
	object.SetAnnotations(nil)
	object.SetOwnerReferences(nil)
}

func trimPod(object client.Object) {
	trimMeta(object)
	pod := object.(*corev1.Pod)
	pod.Spec = corev1.PodSpec{}
	status := corev1.PodStatus{PodIP: pod.Status.PodIP, PodIPs: pod.Status.PodIPs}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: condition.Status}}
		}
	}
	pod.Status = status
}

// trimConfigMap keeps certificates, pages, and the values of the proxies: most ConfigMaps of a cluster are none of these.
func trimConfigMap(object client.Object) {
	trimMeta(object)
	configMap := object.(*corev1.ConfigMap)
	maps.DeleteFunc(configMap.Data, func(key, _ string) bool { return !readOfConfigMaps(key) })
	maps.DeleteFunc(configMap.BinaryData, func(key string, _ []byte) bool { return key != corev1.ServiceAccountRootCAKey })
}

// readOfConfigMaps reports whether something reads this key. Fixtures of tests are trimmed as well, so a reader of another
// key fails its own tests until the key is here.
func readOfConfigMaps(key string) bool {
	return key == corev1.ServiceAccountRootCAKey ||
		strings.HasPrefix(key, "coldStartWaitingPage") || strings.HasPrefix(key, "maintenancePage") || // controllers/resolve/backend
		key == "values" || strings.HasPrefix(key, "namespacedValues.") // controllers/scaledobject/plan
}

func trimSecret(object client.Object) {
	trimMeta(object)
	secret := object.(*corev1.Secret)
	for name := range secret.Data {
		switch name {
		case corev1.TLSCertKey, corev1.TLSPrivateKeyKey, corev1.ServiceAccountRootCAKey:
		default:
			delete(secret.Data, name)
		}
	}
}
