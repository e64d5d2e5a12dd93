package certificate

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// CAText reads the key ca.crt of a ConfigMap or Secret.
func CAText(v store.View, kind gwv1.Kind, key types.NamespacedName) (text []byte, found bool) {
	if kind == "Secret" {
		object := v.Secret(key)
		if object == nil {
			return nil, false
		}
		return object.Data[corev1.ServiceAccountRootCAKey], true
	}
	object := v.ConfigMap(key)
	if object == nil {
		return nil, false
	}
	if text, ok := object.Data[corev1.ServiceAccountRootCAKey]; ok {
		return []byte(text), true
	}
	return object.BinaryData[corev1.ServiceAccountRootCAKey], true
}
