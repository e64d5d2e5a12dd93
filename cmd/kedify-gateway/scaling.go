package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/keda"
	"github.com/kedify/inference-gateway/scaler/rescue"
	"github.com/kedify/inference-gateway/xds/publish"
)

// scaling is what turns requests into replicas, in the order of a number: Envoys count, the
// registry adds up, KEDA asks; and while there are no replicas, requests wait at the gate.
type scaling struct {
	registry  *demand.Registry
	counts    *count.Service
	external  *count.External
	gate      *hold.Gate
	activator *hold.Activator
	keda      *keda.Server
	rescuer   *rescue.Rescuer
	leads     atomic.Bool
}

// newScaling makes all of it around the publisher. Everything that observes the catalog is made
// before the engine fills it. kedaTLS is that of KEDA's port; nil: cleartext.
func newScaling(mgr *controllers.Manager, catalog *scaler.Catalog, publisher *publish.Publisher, kedaTLS *tls.Config, log logr.Logger) (*scaling, error) {
	s := &scaling{registry: demand.New(demand.Options{Catalog: catalog, Log: log.WithName("demand")})}
	counted, held, asked, rescued := count.NewMetrics(), hold.NewMetrics(), keda.NewMetrics(), rescue.NewMetrics()
	for _, register := range []func(prometheus.Registerer) error{s.registry.Register, counted.Register, held.Register, asked.Register, rescued.Register} {
		if err := register(metrics.Registry); err != nil {
			return nil, err
		}
	}
	s.counts = count.New(count.Options{Registry: s.registry, Metrics: counted, Log: log.WithName("count")})
	s.external = count.NewExternal(count.ExternalOptions{Registry: s.registry, Catalog: catalog, Metrics: counted, Log: log.WithName("count")})
	s.gate = hold.NewGate(hold.Options{
		Publisher: publisher, Catalog: catalog, LastArrival: s.registry.LastArrival,
		Held: func(key types.NamespacedName, held int, arrived uint64) {
			s.registry.Hold(key, demand.Holding{Held: held, Arrived: arrived})
		},
		Metrics: held, Log: log.WithName("hold"),
	})
	s.activator = hold.NewActivator(s.gate, hold.ActivatorOptions{})
	// No replica of ours keeps the replicas of workloads in memory: the API server is asked.
	scales, err := rescue.NewScales(mgr.GetConfig(), mgr.GetRESTMapper())
	if err != nil {
		return nil, err
	}
	s.keda = keda.New(keda.Options{Catalog: catalog, Registry: s.registry, Running: rescue.NewRunning(scales).Of, TLS: kedaTLS, Metrics: asked})
	s.rescuer = rescue.New(rescue.Options{
		Catalog: catalog, Registry: s.registry, Scales: scales, Leads: s.leads.Load,
		Report:  controllers.ReportRescue(mgr.Events),
		Metrics: rescued, Log: log.WithName("rescue"),
	})
	return s, nil
}

// register adds the services that Envoys call to their port.
func (s *scaling) register(on *grpc.Server) {
	s.counts.Register(on)
	s.activator.Register(on)
}

// runnables of every replica, and of the leader.
func (s *scaling) runnables(options controllers.Options) (everywhere, leading []manager.RunnableFunc) {
	return []manager.RunnableFunc{
			s.registry.Run, s.counts.Run, s.activator.Run, s.rescuer.Run,
			listening("the scaler of KEDA", options.KEDAListen, s.keda.Serve),
			listening("metrics of other Envoys", options.MetricsServiceListen, s.external.Serve),
		}, []manager.RunnableFunc{
			func(ctx context.Context) error {
				s.leads.Store(true)
				<-ctx.Done()
				s.leads.Store(false)
				return nil
			},
		}
}

// serveDumps shows what is counted and what is held, next to what Envoys have.
func (s *scaling) serveDumps(mgr *controllers.Manager) {
	mgr.ServeJSON("/demand", func() any { return s.registry.DumpAll() })
	mgr.ServeJSON("/queue", func() any { return s.registry.Queues() })
	mgr.ServeJSON("/envoy-metrics-map", func() any { return s.external.Clusters() })
	mgr.ServeJSON("/hold", func() any {
		dumps := []hold.Dump{}
		for _, gateway := range s.gate.Gateways() {
			dumps = append(dumps, s.gate.Dump(gateway))
		}
		return dumps
	})
}

// neighbours tells Envoys whom to ask about requests that may have to wait: this replica, and
// the others when it is gone.
func (s *scaling) neighbours(own string, discover func(context.Context) ([]string, error)) func(context.Context) ([]string, error) {
	s.gate.SetAddresses(hold.Addresses{Own: own})
	return func(ctx context.Context) ([]string, error) {
		others, err := discover(ctx)
		if err == nil {
			s.gate.SetAddresses(hold.Addresses{Own: own, Others: others})
		}
		return others, err
	}
}

// listening serves on an address.
func listening(what, address string, serve func(context.Context, net.Listener) error) manager.RunnableFunc {
	return func(ctx context.Context) error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return serve(ctx, listener)
	}
}
