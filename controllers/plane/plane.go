package plane

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/access"
	"github.com/kedify/inference-gateway/controllers/attachments"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/controllers/linger"
	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/controllers/proxypods"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/served"
	"github.com/kedify/inference-gateway/controllers/snapshot"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/isolate"
	"github.com/kedify/inference-gateway/xds/pickerdelay"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/stage"
)

// Plane is the control plane of one replica. Every replica computes the same model and serves Envoys;
// only the leader writes to the API server.
type Plane struct {
	deps    Deps
	metrics *Metrics
	events  *events.Writer
	wires   *wires
	// leadership permits writes to the API server.
	leadership *lead.Leadership
	catalog    *scaler.Catalog
	// attachments of routes, filled by the engine, read for triggers.
	attachments *attachments.Index

	authority *certs.Keeper
	// gateways of which Envoys may call.
	gateways   *server.Gateways
	publisher  *publish.Publisher
	isolation  *isolate.Stage
	suspects   *suspects
	scaling    *scaling
	exchange   *peers.Exchange
	statuses   *status.Writer
	dataPlanes *infra.Applier
	loop       *engine.Loop
	watcher    *watch.Watcher
	inputs     *inputs
	triggers   *triggers
	xds        *server.Server
	snapshots  *snapshot.Writer
	served     *served.Keeper
	proxyPods  *proxypods.Watch
	guard      *access.Guard
}

// New makes and connects the control plane.
func New(deps Deps) (*Plane, error) {
	deps.setDefaults()
	if err := deps.Options.Validate(); err != nil {
		return nil, err
	}
	p, err := build(deps)
	if err != nil {
		return nil, err
	}
	p.connect()
	return p, nil
}

// build makes the parts from the Envoys' end to the API server's, so that each finds the next stage
// made.
func build(deps Deps) (*Plane, error) {
	p := &Plane{
		deps: deps, wires: &wires{}, leadership: lead.New(), catalog: scaler.NewCatalog(), attachments: attachments.New(),
		gateways: server.NewGateways(), suspects: newSuspects(),
	}
	p.events = events.NewWriter(deps.API.Recorder, deps.API.Cache).WithNamespaces(deps.API.Cache)
	var err error
	if p.metrics, err = newMetrics(deps.Registry); err != nil {
		return nil, err
	}
	// Certificates: one CA in the namespace of the installation; every replica makes its own
	// serving certificate.
	p.authority = newAuthority(p)
	// Watch: one informer for each kind that a part wants.
	p.watcher = newWatcher(p)
	// Publisher: delivers resources to Envoys, clusters before routes, and knows what they have.
	p.publisher = newPublisher(p)
	// Scaling: Envoys count, KEDA asks, requests are held while there is no endpoint.
	if p.scaling, err = newScaling(p); err != nil {
		return nil, err
	}
	// Stages between engine and publisher: endpoints of pools that fail open join a moment after
	// they became ready; then the gate of held requests.
	stages := pickerdelay.New(pickerdelay.Options{Next: p.scaling.gate})
	// Isolation: the rule that an Envoy refuses is found and withheld, so that the rest of its table is in force.
	p.isolation = newIsolation(p, stages)
	// Peers: an Envoy is connected to one replica; all replicas know what each of them has,
	// counted and holds.
	if p.exchange, err = newExchange(p); err != nil {
		return nil, err
	}
	// Statuses: wanted by the engine, written where they differ.
	p.statuses = newStatuses(p)
	// Data planes: an Envoy Deployment per Gateway, in the Gateway's namespace.
	p.dataPlanes = newDataPlanes(p)
	// Engine: the model, from objects to resources and statuses.
	p.loop = engine.NewLoop(&output{stages: p.first(), plane: p}, class.Setting{
		Namespace: deps.Options.Namespace, Unrestricted: deps.Options.UnrestrictedParameters,
		IPv6: deps.Options.IPv6(), Watched: deps.Options.Watched(),
	}, p.metrics)
	// Inputs: what informers see goes to the engine, deletions of wired routes a moment later.
	p.inputs = &inputs{
		loop: p.loop, statuses: p.statuses, watcher: p.watcher, listing: newListing(p), suspects: p.suspects,
		linger: linger.New(p.loop, p.deps.Clock, p.deps.Timing.RouteGrace),
	}
	// Triggers: ScaledObjects become HTTPScalers and routes; admission says what is wrong.
	p.triggers = newTriggers(p)
	// Facts: build, leadership, certificates and what may not be listed, for Prometheus.
	for _, one := range []prometheus.Collector{facts{p}, deps.API.Refusals} {
		if err := deps.Registry.Register(one); err != nil {
			return nil, err
		}
	}
	// xDS: delta ADS, each Envoy bound to its Gateway by its certificate; on the same port the
	// services that Envoys report to and ask, and the other replicas.
	if p.xds, err = newXDS(p); err != nil {
		return nil, err
	}
	// Snapshots: the demand of each trigger, coarsely, for `kubectl get httpscaler`.
	p.snapshots = newSnapshots(p)
	// Served: whether requests that wait are answered, and what the Pods of Envoys wait for that do not connect.
	p.served = newServed(p)
	p.proxyPods = newProxyPods(p)
	// The guard decides which callers may read the views over the network.
	p.guard = access.New(access.Options{Client: deps.API.Direct, Clock: deps.Clock, Log: deps.Log.WithName("access")})
	return p, nil
}

// connect is the way back: it hands reports of a part to receivers that are made after that part.
func (p *Plane) connect() {
	p.wires.delivered.connect(p.isolation.Delivered)
	p.wires.reported.connect(p.exchange.Deliver, p.writeRejections)
	p.wires.accepted.connect(p.scaling.gate.Accepted, p.isolation.Accepted)
	p.wires.rejected.connect(func(r rejected) { p.isolation.Rejected(r.gateway, r.rejection) })
	p.wires.merged.connect(p.deliver, p.isolation.Learn, p.countProxies)
	p.wires.applied.connect(p.reportDataPlane)
	p.wires.counting.connect(changed(p.triggers.metrics.Refresh))
	p.wires.authority.connect(changed(p.dataPlanes.Refresh), changed(p.triggers.registrar.Refresh), changed(p.triggers.delivery.Refresh),
		changed(p.triggers.standby.Refresh),
		changed(p.triggers.metrics.Refresh))
}

func newAuthority(p *Plane) *certs.Keeper {
	return certs.NewKeeper(certs.Options{
		Client:    p.deps.API.Direct,
		Namespace: p.deps.Options.Namespace,
		Name:      certs.SecretName,
		Clock:     p.deps.Clock,
		Log:       p.deps.Log.WithName("certs"),
		OnChange:  func() { p.wires.authority.send(struct{}{}) },
	})
}

func newPublisher(p *Plane) *publish.Publisher {
	return publish.New(publish.Options{
		Log:         p.deps.Log.WithName("publish"),
		Metrics:     p.metrics.published,
		RemoveGrace: p.deps.Timing.RemoveGrace,
		OnDelivery:  p.wires.delivered.send,
		OnAccepted:  p.wires.accepted.send,
		OnRejected: func(gateway ir.Key, rejection publish.Rejection) {
			p.wires.rejected.send(rejected{gateway: gateway, rejection: rejection})
		},
	})
}

func newIsolation(p *Plane, next stage.Stage) *isolate.Stage {
	return isolate.New(isolate.Options{
		Next:      next,
		Accepted:  p.publisher.Accepted,
		Suspected: p.suspects.form,
		Report:    p.wires.reported.send,
		Log:       p.deps.Log.WithName("isolate"),
	})
}

// first is the stage that the engine calls.
func (p *Plane) first() stage.Stage {
	if p.deps.Before == nil {
		return p.isolation
	}
	return p.deps.Before(p.isolation)
}

func newExchange(p *Plane) (*peers.Exchange, error) {
	replicas, err := replicasOf(p.deps)
	if err != nil {
		return nil, err
	}
	own, err := p.deps.Options.Own()
	if err != nil {
		return nil, err
	}
	return peers.New(peers.Options{
		Replica:      p.deps.Replica,
		Deliver:      p.wires.merged.send,
		Knows:        func(gateway types.NamespacedName) bool { return p.publisher.Knows(ir.Key(gateway)) },
		Registry:     p.scaling.registry,
		Engines:      p.scaling.engines,
		Discover:     p.scaling.discover(own, replicas.Addresses),
		Certificates: p.authority,
		ServerName:   p.deps.Options.ServerNames()[0],
		Grace:        p.deps.Timing.PeerGrace,
		Metrics:      p.metrics.exchanged,
		Log:          p.deps.Log.WithName("peers"),
	}), nil
}

func newStatuses(p *Plane) *status.Writer {
	return status.NewWriter(status.Options{
		Reader: p.deps.API.Cache,
		Writer: p.deps.API.Client,
		Within: p.leadership.Within,
		Rest:   status.DefaultRest,
		Log:    p.deps.Log.WithName("status"),
		Now:    p.deps.Clock.Now,
		Wrote:  p.metrics.wrote,
	})
}

func newSnapshots(p *Plane) *snapshot.Writer {
	return snapshot.New(snapshot.Options{
		Registry: p.scaling.registry,
		Ready:    p.scaling.ready,
		Reader:   p.deps.API.Cache,
		Writer:   p.deps.API.Client,
		Clock:    p.deps.Clock,
		Log:      p.deps.Log.WithName("snapshot"),
	})
}

func newServed(p *Plane) *served.Keeper {
	return served.New(served.Options{
		Registry: p.scaling.registry,
		Catalog:  p.catalog,
		Cache:    p.deps.API.Cache,
		Direct:   p.deps.API.Direct,
		Scales:   p.deps.API.Scales,
		Writer:   p.deps.API.Client,
		Events:   p.events,
		Patience: p.deps.Timing.Patience,
		Clock:    p.deps.Clock,
		Metrics:  p.metrics.unserved,
		Log:      p.deps.Log.WithName("served"),
	})
}

func newProxyPods(p *Plane) *proxypods.Watch {
	return proxypods.New(proxypods.Options{
		Direct:   p.deps.API.Direct,
		Report:   p.loop.ProxiesWait,
		Patience: p.deps.Timing.Patience,
		Clock:    p.deps.Clock,
		Log:      p.deps.Log.WithName("proxypods"),
	})
}

func newDataPlanes(p *Plane) *infra.Applier {
	return infra.NewApplier(infra.Options{
		Config:       dataPlaneConfig(p.deps.Options),
		Client:       p.deps.API.Direct,
		Live:         p.deps.API.Owned,
		Certificates: p.authority,
		Identity:     server.Identity,
		Within:       p.leadership.Within,
		Clock:        p.deps.Clock,
		Log:          p.deps.Log.WithName("infra"),
		Report:       p.wires.applied.send,
	})
}

func newWatcher(p *Plane) *watch.Watcher {
	return watch.New(watch.Options{
		Informers: p.deps.API.Cache,
		Mapper:    p.deps.API.Mapper,
		Resources: p.deps.API.Resources,
		Scheme:    p.deps.API.Scheme,
		Trims:     p.deps.API.Trims,
		Refusals:  p.deps.API.Refusals,
		Clock:     p.deps.Clock,
		Log:       p.deps.Log.WithName("watch"),
	})
}

func newListing(p *Plane) *listing {
	return &listing{patience: p.deps.Timing.ListPatience, clock: p.deps.Clock, log: p.deps.Log.WithName("inputs")}
}

func newXDS(p *Plane) (*server.Server, error) {
	made, err := server.New(server.Options{
		Publisher: p.publisher,
		Log:       p.deps.Log.WithName("xds"),
		Gateways:  p.gateways,
		TLS:       p.authority.ServerTLS(append(slices.Clone(p.deps.Options.ServerNames()), bootstrap.ReplicaName)...),
		Register: func(on *grpc.Server) {
			p.exchange.Register(on)
			p.scaling.register(on)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("xDS server: %w", err)
	}
	return made, nil
}

// Load reads the CA, and makes it when there is none. It comes before everything that is run.
func (p *Plane) Load(ctx context.Context) error { return p.authority.Load(ctx) }

// Ready returns nil when what existed at the start is in the model, and an error that names what is missing
// before.
func (p *Plane) Ready() error {
	if p.inputs.ready.Load() {
		return nil
	}
	return fmt.Errorf("the API server has not listed the objects of: %s", strings.Join(p.inputs.listing.waiting(), ", "))
}
