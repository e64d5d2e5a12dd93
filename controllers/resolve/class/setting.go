package class

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scope"
)

// Setting is what the installation says about all Gateways. The zero value is a world without an
// installation, with the CRDs that this program was built against.
type Setting struct {
	// Installed are the CRDs of the Gateway API in the cluster.
	Installed Installed
	// Namespace of the installation. GatewayParameters there are written by its administrators.
	Namespace string
	// Watched namespaces: there are no others in the model.
	Watched scope.Scope
	// Unrestricted: parameters of a Gateway may set every field, as those of a class.
	Unrestricted bool
	// IPv6: Pods of the cluster have IPv6 addresses.
	IPv6 bool
}

// InstallationParameters returns the GatewayParameters in the namespace of the installation with what
// generated Gateways of another namespace have from the installation and may not have from their own
// namespace; false: there are none for this Gateway.
func (s Setting) InstallationParameters(gateway types.NamespacedName) (types.NamespacedName, bool) {
	if s.Namespace == "" || gateway.Name != v1alpha1.ProxyGatewayName {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: s.Namespace, Name: v1alpha1.InstallationParametersPrefix + gateway.Namespace}, true
}
