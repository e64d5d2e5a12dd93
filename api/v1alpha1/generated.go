package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

const (
	// ManagedByLabel marks what the product makes for triggers; without it an object is the user's.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is its value.
	ManagedBy = "kedify-gateway"

	kedaVersion      = "keda.sh/v1alpha1"
	kindScaledObject = "ScaledObject"
)

// Managed reports whether the product made the object.
func Managed(object metav1.Object) bool { return object.GetLabels()[ManagedByLabel] == ManagedBy }

// Generated reports whether the product made the object for a ScaledObject.
func Generated(object metav1.Object) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.Kind == kindScaledObject && owner.APIVersion == kedaVersion && Managed(object)
}
