package plane

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/autoscaler"
	"github.com/kedify/inference-gateway/controllers/replicas"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/burst"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/engines"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/hold/pickers"
	"github.com/kedify/inference-gateway/scaler/keda"
	"github.com/kedify/inference-gateway/scaler/numbers"
	"github.com/kedify/inference-gateway/scaler/rescue"
	"github.com/kedify/inference-gateway/scaler/spans"
)

// scaling turns requests into replicas, in the order of a number: Envoys count and model Pods are read, the registry adds
// up, KEDA asks; and while there are no endpoints, requests are held at the gate.
type scaling struct {
	engines   *engines.Reader
	registry  *demand.Registry
	counts    *count.Service
	external  *count.External
	gate      *hold.Gate
	activator *hold.Activator
	spans     *spans.Recorder // nil: tracing is off
	keda      *keda.Server
	rescuer   *rescue.Rescuer
	burster   *burst.Burster
	// ready replicas of the target of a trigger, and whether they are known.
	ready func(scaler.Scaler) (int32, bool)
}

// newScaling makes all of it around the publisher. Every part that observes the catalog is made
// before the engine fills it.
func newScaling(p *Plane) (*scaling, error) {
	log, catalog, metrics := p.deps.Log, p.catalog, p.metrics
	s := &scaling{engines: engines.New(engines.Options{Replica: p.deps.Replica, Dial: p.deps.DialPod})}
	if err := s.engines.Register(p.deps.Registry); err != nil {
		return nil, err
	}
	s.registry = demand.New(demand.Options{Catalog: catalog, Metrics: s.table(), Log: log.WithName("demand")})
	if err := s.registry.Register(p.deps.Registry); err != nil {
		return nil, err
	}
	s.counts = count.New(count.Options{
		Registry: s.registry, Catalog: catalog, Metrics: metrics.counted, Log: log.WithName("count"),
	})
	s.external = count.NewExternal(count.ExternalOptions{
		Registry: s.registry, Catalog: catalog, Metrics: metrics.counted, Log: log.WithName("count"),
		TLS: p.authority.ServerTLS(p.deps.Options.ScalerNames()...), Changed: func() { p.wires.counting.send(struct{}{}) },
	})
	counts := replicas.New(catalog, func(rows ...watch.Row) { p.watcher.Add(rows...) })
	s.ready = counts.Ready
	if err := s.newGate(p, counts); err != nil {
		return nil, err
	}
	if err := s.export(p); err != nil {
		return nil, err
	}
	s.activator = hold.NewActivator(s.gate, hold.ActivatorOptions{})
	s.burster = burst.New(burst.Options{
		Catalog:  catalog,
		Registry: s.registry,
		Replicas: counts.Of,
		Scales:   p.deps.API.Scales,
		Allowed:  autoscaler.Limits{Cache: p.deps.API.Cache, Direct: p.deps.API.Direct}.Most,
		Leads:    p.leadership.Leads,
		Report:   p.writeBurst,
		Metrics:  metrics.burst,
		Log:      log.WithName("burst"),
	})
	s.keda = keda.New(keda.Options{
		Catalog:  catalog,
		Registry: s.registry,
		Replicas: counts.Of,
		Peak:     s.burster.Peak,
		Ready:    counts.Ready,
		Running:  replicas.NewLive(p.deps.API.Scales).Running,
		TLS:      kedaTLS(p.deps.Options, p.authority),
		Metrics:  metrics.asked,
		Log:      log.WithName("keda"),
	})
	s.rescuer = rescue.New(rescue.Options{
		Catalog:  catalog,
		Registry: s.registry,
		Replicas: counts.Of,
		Scales:   p.deps.API.Scales,
		Leads:    p.leadership.Leads,
		Report:   p.writeRescue,
		Metrics:  metrics.rescued,
		Log:      log.WithName("rescue"),
	})
	return s, nil
}

// export has Prometheus read the series of each trigger, unless the installation leaves them out.
func (s *scaling) export(p *Plane) error {
	if !p.deps.Options.TriggerMetrics {
		return nil
	}
	return p.deps.Registry.Register(numbers.New(numbers.Options{
		Shares: s.registry.Shares, Ended: s.gate.Ended, Leads: p.leadership.Leads,
	}))
}

// table has the metrics that triggers may ask for, those of model Pods included.
func (s *scaling) table() metric.Table {
	return metric.All.With(v1alpha1.QueueDepth, metric.QueueDepth(s.engines)).With(v1alpha1.KVCache, metric.KVCache(s.engines))
}

// newGate makes the gate of held requests.
func (s *scaling) newGate(p *Plane, counts *replicas.Counts) error {
	waited, err := s.trace(p)
	if err != nil {
		return err
	}
	s.gate = hold.NewGate(hold.Options{
		Publisher:   p.publisher,
		Catalog:     p.catalog,
		LastArrival: s.registry.LastArrival,
		AtZero: func(of *scaler.Scaler) bool {
			replicas, known := counts.Of(*of)
			return known && replicas == 0
		},
		Held: func(key types.NamespacedName, held int, arrived uint64) {
			s.registry.Hold(key, demand.Holding{Held: held, Arrived: arrived})
		},
		Answered: s.registry.Answered,
		Passed:   s.registry.Passed,
		Waited:   waited,
		Pickers:  &pickers.Asker{},
		Limits:   hold.Limits{MaxTotal: p.deps.Options.HoldMaxTotal},
		Metrics:  p.metrics.held,
		Log:      p.deps.Log.WithName("hold"),
	})
	return s.gate.Register(p.deps.Registry)
}

// trace makes the recorder of spans of held requests, and returns what the gate tells it; nil: tracing is off.
func (s *scaling) trace(p *Plane) (func(context.Context, hold.Wait), error) {
	if p.deps.Options.TracingEndpoint == "" {
		return nil, nil
	}
	var err error
	s.spans, err = spans.New(context.Background(), spans.Options{
		Endpoint:  p.deps.Options.TracingEndpoint,
		Namespace: p.deps.Options.Namespace,
		Replica:   p.deps.Replica,
		Metrics:   p.metrics.traced,
		Log:       p.deps.Log.WithName("spans"),
	})
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	return s.spans.Waited, nil
}

// register adds the services that Envoys call to their port.
func (s *scaling) register(on *grpc.Server) {
	s.counts.Register(on)
	s.activator.Register(on)
}

// discover returns peers.Options.Discover. What it finds also tells Envoys which replicas to ask
// about requests that may have to wait: this one, and the others when it is gone.
func (s *scaling) discover(own string, others func(context.Context) ([]string, error)) func(context.Context) ([]string, error) {
	s.gate.SetAddresses(hold.Addresses{Own: own})
	return func(ctx context.Context) ([]string, error) {
		found, err := others(ctx)
		if err == nil {
			s.gate.SetAddresses(hold.Addresses{Own: own, Others: found})
		}
		return found, err
	}
}
