package engine

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Output receives what became different. Its methods are called by the goroutine that owns the
// Model and must not block on the network.
type Output interface {
	// Publish delivers changed resources of a gateway to its proxies.
	Publish(gateway types.NamespacedName, change resource.Change)
	// Forget is called when a Gateway is deleted, or its class is of another controller.
	Forget(gateway types.NamespacedName)
	// Ready is called once per gateway, after its first complete set of resources.
	Ready(gateway types.NamespacedName)
	// Status wants a status; Value nil removes the entries of this controller.
	Status(update status.Update)
	// DataPlane wants the data plane of a gateway.
	DataPlane(gateway *resolve.GatewayResult)
	// Scaler wants a trigger in force; nil: no longer.
	Scaler(key types.NamespacedName, trigger *scaler.Scaler)
	// ModelPods tells which Pods say how busy the model of a trigger is; nil: it does not ask for them, or is in force no longer.
	ModelPods(key types.NamespacedName, pods *scaler.ModelPods)
	// Attachment tells where a route is attached and which backends it leads to; nil: it is attached
	// nowhere any more.
	Attachment(route resolve.Object, now *resolve.Attachment)
	// Synced is called once, after the first flush: everything that existed at the start was
	// output.
	Synced()
	// RenderFailed reports a unit that could not be computed, once per error; and a step that is no unit
	// and panicked, such as a change that could not be taken in.
	RenderFailed(failure *RenderFailure)
}

// Rejection is a resource that a proxy rejected (NACK).
type Rejection struct {
	Sources []ir.Source
	Message string
	// StandIn: an earlier version is in force.
	StandIn bool
	// Rule that is withheld alone; empty: the whole resource is. Absent: it does not even answer 500.
	Rule   string
	Absent bool
}

// Delivery is what the proxies of a gateway have: publish.Delivery in the words of status.
type Delivery struct {
	Connected int
	// Synced: there are proxies, and all of them have everything that is desired.
	Synced bool
	// Ports that a proxy serves as desired.
	Ports map[uint32]bool
	// Rejected resources, in a stable order.
	Rejected []Rejection
}
