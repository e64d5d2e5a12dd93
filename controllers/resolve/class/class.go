package class

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// BundleVersion is the version of the Gateway API CRDs that this program was built against.
const BundleVersion = "v1.7.0"

// earlierVersion is the minor version before it, whose CRDs are served as well.
const earlierVersion = "v1.6"

// Result is what one GatewayClass means. The zero value (Owned false) is a class that is
// missing or of another controller.
type Result struct {
	Name       string
	Owned      bool
	Generation int64
	// Parameters are the defaults of the Gateways of the class.
	Parameters v1alpha1.GatewayParametersSpec
	// ParametersIn is their namespace.
	ParametersIn string
	// Installed are the CRDs of the cluster. The caller sets them: they are not in the store.
	Installed Installed
	// TrustBundles: the API server serves ClusterTrustBundles. The caller sets it as well: Gateways do not ask.
	TrustBundles bool

	Problem resolve.Problem // what is wrong with parametersRef
}

// Resolve resolves one GatewayClass.
func Resolve(v store.View, name string) Result {
	class := v.GatewayClass(name)
	if class == nil || class.Spec.ControllerName != v1alpha1.ControllerName {
		return Result{}
	}
	result := Result{Name: name, Owned: true, Generation: class.Generation}
	result.Parameters, result.Problem = classParameters(v, class.Spec.ParametersRef)
	if ref := class.Spec.ParametersRef; ref != nil && ref.Namespace != nil {
		result.ParametersIn = string(*ref.Namespace)
	}
	return result
}

// classParameters reads the parameters of a class, which may be in any namespace.
func classParameters(v store.View, ref *gwv1.ParametersReference) (v1alpha1.GatewayParametersSpec, resolve.Problem) {
	if ref == nil {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problem{}
	}
	if ref.Namespace == nil || *ref.Namespace == "" {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problemf(gwv1.GatewayClassReasonInvalidParameters,
			"spec.parametersRef.namespace is missing; GatewayParameters live in a namespace.")
	}
	return ReadParameters(v, ParametersRef{
		Field: "spec.parametersRef",
		Group: string(ref.Group),
		Kind:  string(ref.Kind),
		Key:   types.NamespacedName{Namespace: string(*ref.Namespace), Name: ref.Name},
	})
}

// supportedBundle reports whether the CRDs of a bundle are of a minor version that this
// program knows. Patch releases only correct.
func supportedBundle(version string) bool {
	minor := minorVersion(version)
	return minor == minorVersion(BundleVersion) || minor == earlierVersion
}

func minorVersion(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}
