package certificate

import (
	"errors"
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// ErrKind is wrapped by errors about the kind of a Ref: no object of it has CA certificates, or the cluster has no such
// objects.
var ErrKind = errors.New("not supported")

// Ref names the object of a caCertificateRef: a ConfigMap or a Secret with the key ca.crt, or a ClusterTrustBundle, whose
// Key has no namespace.
type Ref struct {
	Group gwv1.Group
	Kind  gwv1.Kind
	Key   types.NamespacedName
}

// RefTo returns the Ref of a name that is looked up in a namespace unless its kind has none.
func RefTo(group gwv1.Group, kind gwv1.Kind, key types.NamespacedName) Ref {
	ref := Ref{Group: group, Kind: kind, Key: key}
	if ref.OfCluster() {
		ref.Key.Namespace = ""
	}
	return ref
}

// OfCluster reports whether the object is in no namespace.
func (r Ref) OfCluster() bool {
	return r.Group == certificatesv1.GroupName && string(r.Kind) == string(store.ClusterTrustBundle)
}

// Supported returns an error that wraps ErrKind if no object of this kind has CA certificates.
func (r Ref) Supported(v store.View) error {
	switch {
	case r.OfCluster() && !v.Serves(store.ClusterTrustBundle):
		return fmt.Errorf("kind %q of group %q is %w by the API server of this cluster, which has it from Kubernetes 1.37 on, or behind "+
			"the feature gate of that name; use a ConfigMap or a Secret", r.Kind, r.Group, ErrKind)
	case r.OfCluster(), r.Group == "" && (r.Kind == "ConfigMap" || r.Kind == "Secret"):
		return nil
	}
	return fmt.Errorf(
		"kind %q of group %q is %w; use a ConfigMap or a Secret (group \"\") with the key %s, or a ClusterTrustBundle (group %q)",
		r.Kind, r.Group, ErrKind, corev1.ServiceAccountRootCAKey, certificatesv1.GroupName)
}

// Authorities reads the CA certificates that a reference of a known kind leads to, as the proxy gets them. Errors say what
// to correct (GEP-5075, and Gateway API BackendTLSPolicyValidation).
func (r Ref) Authorities(v store.View) ([]byte, error) {
	name, field, place := fmt.Sprintf("%s %s", r.Kind, r.Key), corev1.ServiceAccountRootCAKey, "key "
	if r.OfCluster() {
		name, field, place = fmt.Sprintf("%s %s", r.Kind, r.Key.Name), "spec.trustBundle", ""
	}
	text, found := r.text(v)
	if !found {
		return nil, fmt.Errorf("%s does not exist; create it, or correct the name", name)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%s has no %s%s; put the CA certificates there, in PEM", name, place, field)
	}
	bundle, err := CABundle(text)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", field, name, err)
	}
	return bundle, nil
}

// text is what the object has, parsed or not.
func (r Ref) text(v store.View) (text []byte, found bool) {
	switch {
	case r.OfCluster():
		object := v.ClusterTrustBundle(r.Key.Name)
		if object == nil {
			return nil, false
		}
		return []byte(object.Spec.TrustBundle), true
	case r.Kind == "Secret":
		object := v.Secret(r.Key)
		if object == nil {
			return nil, false
		}
		return object.Data[corev1.ServiceAccountRootCAKey], true
	}
	object := v.ConfigMap(r.Key)
	if object == nil {
		return nil, false
	}
	if text, ok := object.Data[corev1.ServiceAccountRootCAKey]; ok {
		return []byte(text), true
	}
	return object.BinaryData[corev1.ServiceAccountRootCAKey], true
}
