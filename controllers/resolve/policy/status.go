package policy

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

// maxPolicyAncestors is what the API allows (PolicyStatus.ancestors).
const maxPolicyAncestors = 16

// Status returns our entries of the status of a BackendTLSPolicy: one for each Gateway
// whose routes use a target.
func Status(v store.View, key types.NamespacedName, gateways []types.NamespacedName) []gwv1.PolicyAncestorStatus {
	result := Resolve(v, key)
	if !result.Exists {
		return nil
	}
	return Ancestors(gateways, result.Conditions)
}

// Ancestors are the entries of a policy for Gateways.
func Ancestors(gateways []types.NamespacedName, conditions []metav1.Condition) []gwv1.PolicyAncestorStatus {
	gateways = slices.Clone(gateways)
	slices.SortFunc(gateways, store.CompareKeys)
	gateways = gateways[:min(len(gateways), maxPolicyAncestors)]
	statuses := make([]gwv1.PolicyAncestorStatus, 0, len(gateways))
	for _, gateway := range gateways {
		group, kind, namespace := gwv1.Group(gwv1.GroupName), gwv1.Kind(store.Gateway), gwv1.Namespace(gateway.Namespace)
		statuses = append(statuses, gwv1.PolicyAncestorStatus{
			AncestorRef: gwv1.ParentReference{
				Group: &group, Kind: &kind, Namespace: &namespace, Name: gwv1.ObjectName(gateway.Name),
			},
			ControllerName: v1alpha1.ControllerName,
			Conditions:     slices.Clone(conditions),
		})
	}
	return statuses
}
