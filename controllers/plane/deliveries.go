package plane

import (
	"errors"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// deliver makes an input of the engine of what the Envoys of all replicas have.
func (p *Plane) deliver(d publish.Delivery) {
	delivery := engine.Delivery{Connected: d.Connected, Synced: d.Synced, Ports: map[uint32]bool{}}
	for name, acked := range d.Listeners {
		if port, ok := translate.ListenerPort(name); ok {
			delivery.Ports[port] = acked
		}
	}
	for _, rejection := range d.Rejected {
		refused := engine.Rejection{Sources: rejection.Sources, Message: rejection.Message, StandIn: rejection.StandIn}
		if w := rejection.Withheld; w != nil {
			refused.Rule, refused.Absent = w.Rule, w.Form == resource.Absent
		}
		delivery.Rejected = append(delivery.Rejected, refused)
	}
	p.loop.Deliver(types.NamespacedName(d.Gateway), delivery)
}

// countProxies tells which gateways have no Envoy at any replica.
func (p *Plane) countProxies(d publish.Delivery) {
	p.proxyPods.Connected(types.NamespacedName(d.Gateway), d.Connected)
}

// reportDataPlane makes an input of the engine of the outcome of an attempt.
func (p *Plane) reportDataPlane(result infra.Result) {
	problem, failure := "", ""
	var addresses *infra.AddressError
	switch {
	case errors.As(result.Err, &addresses):
		failure = addresses.Error()
	case result.Err != nil:
		problem = result.Err.Error()
	}
	p.loop.Built(result.Gateway, problem)
	p.loop.Addressed(result.Gateway, failure)
}
