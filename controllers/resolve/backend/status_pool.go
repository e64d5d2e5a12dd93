package backend

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// maxPoolParents is what the API allows (InferencePoolStatus.parents).
const maxPoolParents = 32

// PoolStatus returns our entries of the status of a pool: one for each Gateway that refers to
// it through an accepted route, none without.
func PoolStatus(p resolve.PoolResult, parents []types.NamespacedName) []inferencev1.ParentStatus {
	parents = slices.Clone(parents)
	slices.SortFunc(parents, store.CompareKeys)
	parents = parents[:min(len(parents), maxPoolParents)]
	group := inferencev1.Group(gwv1.GroupName)
	statuses := make([]inferencev1.ParentStatus, 0, len(parents))
	for _, parent := range parents {
		statuses = append(statuses, inferencev1.ParentStatus{
			ParentRef: inferencev1.ParentReference{
				Group:     &group,
				Kind:      inferencev1.Kind(store.Gateway),
				Namespace: inferencev1.Namespace(parent.Namespace),
				Name:      inferencev1.ObjectName(parent.Name),
			},
			ControllerName: v1alpha1.ControllerName,
			Conditions:     slices.Clone(p.Conditions),
		})
	}
	return statuses
}
