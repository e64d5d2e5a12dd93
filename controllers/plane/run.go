package plane

import (
	"context"
	"fmt"
	"net"

	"github.com/kedify/inference-gateway/controllers/lead"
)

// Runnable runs until the context ends.
type Runnable func(context.Context) error

// Runnables returns what runs on every replica. Whether it leads is found out while it runs.
func (p *Plane) Runnables() []Runnable {
	options := p.deps.Options
	p.inputs.watch()
	if !options.Watched().All() { // otherwise what plans alone are made from is watched by the replicas that have led
		p.triggers.controller.Watch() // a namespace opens when all that a plan is made from could be read there
	}
	all := []Runnable{
		p.lead,
		p.loop.Run,
		p.watcher.Run,
		p.inputs.run,
		p.authority.Run,
		p.exchange.Run,
		p.serve("xDS server", options.XDSListen, p.serveEnvoys),
		p.scaling.registry.Run,
		p.scaling.engines.Run,
		p.scaling.counts.Run,
		p.scaling.activator.Run,
		p.scaling.rescuer.Run,
		p.scaling.burster.Run,
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

// lead runs what writes to the API server. A replica that loses leadership, because it cannot reach the API server, say,
// serves on; what it has in memory it writes when it leads again.
func (p *Plane) lead(ctx context.Context) error {
	all := []lead.Part{
		p.statuses.Run,
		p.dataPlanes.Run,
		p.leadership.EachTerm(p.authority.Lead),
		p.triggers.controller.Start,
		p.leadership.EachTerm(p.snapshots.Run),
		p.leadership.EachTerm(p.served.Run),
		p.leadership.EachTerm(p.proxyPods.Run),
	}
	if p.deps.Options.AdmissionListen != "" {
		all = append(all, p.leadership.EachTerm(p.triggers.registrar.Run))
	}
	if p.deps.Options.MetricsServiceListen != "" {
		all = append(all, p.leadership.EachTerm(p.triggers.metrics.Run))
	}
	if p.deps.Options.KEDATLS {
		all = append(all, p.leadership.EachTerm(p.triggers.delivery.Run))
	}
	if p.deps.Options.KEDATLS && p.deps.Options.Autowire {
		all = append(all, p.leadership.EachTerm(p.triggers.standby.Run))
	}
	return p.leadership.Run(ctx, p.deps.Elect, all)
}

// serveEnvoys serves Envoys. The spans of requests whose wait the end of this replica ends are exported behind it.
func (p *Plane) serveEnvoys(ctx context.Context, listener net.Listener) error {
	defer p.scaling.spans.Close()
	return p.xds.Serve(ctx, listener)
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
