package controllers

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/resolve"
)

// Infrastructure hands the data planes that the engine wants to the applier, and what came of
// them back to the engine.
type Infrastructure struct {
	Applier *infra.Applier
	Loop    *engine.Loop
}

// Apply is DataPlanes. A Gateway that is not accepted keeps the data plane it had: a mistake in
// its parameters must not reconfigure Envoys that serve.
func (i *Infrastructure) Apply(gateway resolve.GatewayResult) {
	if !gateway.Accepted() {
		return
	}
	i.Applier.Apply(infra.Spec{
		Gateway:        gateway.Key,
		UID:            gateway.UID,
		ClassName:      gateway.ClassName,
		Generation:     gateway.Generation,
		Infrastructure: gateway.Infrastructure,
		Addresses:      gateway.Addresses,
	})
}

// Delete is DataPlanes.
func (i *Infrastructure) Delete(gateway types.NamespacedName) { i.Applier.Delete(gateway) }

// Report is infra.Options.Report.
func (i *Infrastructure) Report(result infra.Result) {
	problem := ""
	if result.Err != nil {
		problem = result.Err.Error()
	}
	i.Loop.Built(result.Gateway, problem)
}
