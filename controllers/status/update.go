package status

import (
	"github.com/kedify/inference-gateway/controllers/resolve"
)

// Update is the part of an object's status that this product writes, as it should be.
//
// Value is one of *gwv1.GatewayClassStatus, *gwv1.GatewayStatus, *gwv1.ListenerSetStatus,
// []gwv1.RouteParentStatus (routes), []gwv1.PolicyAncestorStatus (policies) and
// []inferencev1.ParentStatus (pools); see kinds.go for how each is merged into what is live.
type Update struct {
	Object     resolve.Object
	Generation int64
	Value      any
}
