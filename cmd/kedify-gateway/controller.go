package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/pickerdelay"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
)

// controllerCommand runs the control plane.
func controllerCommand() *cobra.Command {
	options := controllers.Options{}
	command := &cobra.Command{
		Use:   "controller",
		Short: "Run the control plane: watch the cluster, configure Envoys, write statuses",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runController(cmd.Context(), options, ctrl.Log)
		},
	}
	options.AddFlags(command.Flags())
	return command
}

// runController is the map of the process: the stages in the order a change takes, and who
// runs them. Every replica computes the same model and serves Envoys; only the leader writes.
func runController(ctx context.Context, options controllers.Options, log logr.Logger) error {
	mgr, err := controllers.NewManager(options)
	if err != nil {
		return err
	}

	// Certificates: one CA in our namespace; every replica makes its own serving certificate.
	var refresh []func()
	authority := certs.NewKeeper(certs.Options{
		Client: mgr.Direct, Namespace: options.Namespace, Name: certs.SecretName, Clock: clock.RealClock{},
		Log:      log.WithName("certs"),
		OnChange: func() { call(refresh) },
	})

	// What Envoys have comes back as input of the engine, so the loop is made before its output.
	measures := controllers.NewMetrics(metrics.Registry)
	sink := &controllers.Sink{Metrics: measures, Scalers: scaler.NewCatalog(), Log: log.WithName("engine")}
	loop := engine.NewLoop(sink, measures)

	// Publisher: delivers resources to Envoys, clusters before routes, and tells what arrived.
	feedback := controllers.NewFeedback(loop, mgr.Events)
	var exchange *peers.Exchange
	var scaling *scaling
	delivered := publish.NewMetrics()
	if err := delivered.Register(metrics.Registry); err != nil {
		return err
	}
	sink.Publisher = publish.New(publish.Options{
		Log: log.WithName("publish"), Metrics: delivered,
		OnDelivery: func(d publish.Delivery) { exchange.Deliver(d); feedback.Announce(d) },
		Observed:   hold.Observed, OnAccepted: func(a publish.Acceptance) { scaling.gate.Accepted(a) },
	})

	// Scaling: Envoys count, KEDA asks, and requests wait while there is nobody to answer them.
	// What is published passes its gate; and pickers of pools that fail open join a moment after
	// they became ready.
	if scaling, err = newScaling(mgr, sink.Scalers, sink.Publisher, options.KEDAServerTLS(authority), log); err != nil {
		return err
	}
	sink.Stages = pickerdelay.New(pickerdelay.Options{Next: scaling.gate})

	// Peers: Envoys are connected to one replica each; all replicas hear what each of them has,
	// counted and holds.
	exchange, err = newExchange(mgr, options, scaling, peers.Options{
		Deliver: feedback.Deliver, Registry: scaling.registry, Certificates: authority, Log: log.WithName("peers"),
		Knows: func(gateway types.NamespacedName) bool { return sink.Publisher.Knows(ir.Key(gateway)) },
	})
	if err != nil {
		return err
	}
	sink.Forgotten = exchange.Forget

	// Statuses: wanted by the engine, written where they differ.
	sink.Statuses = status.NewWriter(status.Options{
		Reader: mgr.GetCache(), Writer: mgr.GetClient(), Rest: status.DefaultRest,
		Log: log.WithName("status"), Now: clock.RealClock{}.Now, Wrote: measures.Wrote,
	})

	// Data planes: an Envoy Deployment per Gateway, in the Gateway's namespace.
	live, err := infra.NewLive(mgr.GetConfig(), mgr.GetRESTMapper(), mgr.GetScheme(), log.WithName("watch"))
	if err != nil {
		return err
	}
	planes := &controllers.Infrastructure{Loop: loop}
	planes.Applier = infra.NewApplier(infra.Options{
		Config: options.Infrastructure(), Client: mgr.Direct, Live: live, Certificates: authority,
		Identity: server.Identity, Clock: clock.RealClock{}, Log: log.WithName("infra"), Report: planes.Report,
	})
	sink.DataPlanes = planes
	refresh = append(refresh, planes.Applier.Refresh)

	// ScaledObjects: their triggers become HTTPScalers and routes; admission says what is wrong.
	triggers := controllers.NewScaledObjects(mgr, options, log)
	admission, registrar := controllers.NewAdmission(mgr, options, authority, log)
	refresh = append(refresh, registrar.Refresh)

	// KEDA's certificate, where KEDA finds it.
	delivery := controllers.NewKEDADelivery(mgr, options, authority, log)
	refresh = append(refresh, delivery.Refresh)

	// xDS: delta ADS, each Envoy bound to its own Gateway by its certificate; on the same port,
	// what Envoys report and ask, and the other replicas.
	xds, err := server.New(server.Options{
		Publisher: sink.Publisher, Log: log.WithName("xds"),
		TLS:      authority.ServerTLS(append(options.ServerNames(), bootstrap.ReplicaName)...),
		Register: func(on *grpc.Server) { exchange.Register(on); scaling.register(on) },
	})
	if err != nil {
		return err
	}

	// Watch: everything above is ready to take what informers see.
	inputs := controllers.NewInputs(loop, sink.Statuses, mgr.Watcher)
	mgr.ServeDump(sink.Publisher, exchange)
	scaling.serveDumps(mgr)
	mgr.ReadyWhen("model", inputs.Ready)

	if err := authority.Load(ctx); err != nil {
		return err
	}
	everywhere := []manager.RunnableFunc{loop.Run, mgr.Watcher.Run, inputs.Run, authority.Run, exchange.Run, serve(xds, options.XDSListen)}
	leading := []manager.RunnableFunc{sink.Statuses.Run, planes.Applier.Run, authority.Lead, triggers.Start}
	if options.AdmissionListen != "" {
		everywhere, leading = append(everywhere, admission.Run), append(leading, registrar.Run)
	}
	if options.KEDATLS {
		leading = append(leading, delivery.Run)
	}
	scalesEverywhere, scalesLeading := scaling.runnables(options)
	if err := mgr.AddRunnables(append(everywhere, scalesEverywhere...), append(leading, scalesLeading...)); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// newExchange adds to the options what the process and the cluster say.
func newExchange(mgr *controllers.Manager, options controllers.Options, scaling *scaling, made peers.Options) (*peers.Exchange, error) {
	replicas, err := options.Replicas(mgr.GetCache())
	if err != nil {
		return nil, err
	}
	own, err := options.Own()
	if err != nil {
		return nil, err
	}
	made.Discover, made.ServerName = scaling.neighbours(own, replicas.Addresses), options.ServerNames()[0]
	if made.Replica, err = os.Hostname(); err != nil {
		return nil, fmt.Errorf("name of this replica: %w", err)
	}
	made.Metrics = peers.NewMetrics()
	return peers.New(made), made.Metrics.Register(metrics.Registry)
}

func serve(xds *server.Server, address string) manager.RunnableFunc {
	return func(ctx context.Context) error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("xDS server: %w", err)
		}
		return xds.Serve(ctx, listener)
	}
}

func call(functions []func()) {
	for _, f := range functions {
		f()
	}
}
