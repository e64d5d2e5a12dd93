package plane

import (
	"context"
	"fmt"
	"net"
)

// Runnable runs until the context ends.
type Runnable func(context.Context) error

// EveryReplica returns what runs on every replica.
func (p *Plane) EveryReplica() []Runnable {
	options := p.deps.Options
	all := []Runnable{
		p.loop.Run,
		p.watcher.Run,
		p.inputs.run,
		p.authority.Run,
		p.exchange.Run,
		p.serve("xDS server", options.XDSListen, p.xds.Serve),
		p.scaling.registry.Run,
		p.scaling.counts.Run,
		p.scaling.activator.Run,
		p.scaling.rescuer.Run,
		p.serve("KEDA's scaler", options.KEDAListen, p.scaling.keda.Serve),
	}
	if options.MetricsServiceListen != "" {
		all = append(all, p.serve("metrics of other Envoys", options.MetricsServiceListen, p.scaling.external.Serve))
	}
	if options.AdmissionListen != "" {
		all = append(all, p.serve("admission", options.AdmissionListen, p.triggers.admission.Serve))
	}
	if options.DebugListen != "" {
		all = append(all, p.serve("debug views", options.DebugListen, p.serveViews))
	}
	return all
}

// Leader returns what runs on the leader alone: what writes to the API server.
func (p *Plane) Leader() []Runnable {
	all := []Runnable{
		p.statuses.Run,
		p.dataPlanes.Run,
		p.authority.Lead,
		p.triggers.controller.Start,
		p.scaling.lead,
		p.snapshots.Run,
	}
	if p.deps.Options.AdmissionListen != "" {
		all = append(all, p.triggers.registrar.Run)
	}
	if p.deps.Options.MetricsServiceListen != "" {
		all = append(all, p.triggers.metrics.Run)
	}
	if p.deps.Options.KEDATLS {
		all = append(all, p.triggers.delivery.Run)
	}
	return all
}

// serve listens when it is run, not when it is made.
func (p *Plane) serve(what, address string, serve func(context.Context, net.Listener) error) Runnable {
	return func(ctx context.Context) error {
		listener, err := p.deps.Listen(address)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return serve(ctx, listener)
	}
}
