package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler/scale"
	"github.com/kedify/inference-gateway/wiring"
)

// wiringCommand points foreign objects at the proxies, and at the applications while proxies or
// controllers are ill. It runs beside the controllers, in a Deployment of its own.
func wiringCommand() *cobra.Command {
	options := wiring.Options{}
	command := &cobra.Command{
		Use:   "wiring",
		Short: "Lead Ingresses and routes of other controllers through the proxies, and past them while they are ill",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logStart(cmd, ctrl.Log)
			return runWiring(cmd.Context(), options, ctrl.Log)
		},
	}
	options.AddFlags(command.Flags())
	return command
}

// runWiring runs the process on a manager of controller-runtime, which serves metrics and probes. The
// manager elects no leader: losing the lease would end the process, and with it moves to safety.
func runWiring(ctx context.Context, options wiring.Options, log logr.Logger) error {
	if err := options.Validate(); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find a cluster: %w", err)
	}
	config.QPS = -1 // API priority and fairness paces this client; a limit of its own would delay moves to safety
	scheme := controllers.NewScheme()
	trims := watch.NewTrims(scheme, func(object client.Object) client.Object { return object })
	readable, err := watch.NewReadable(config, scheme, log.WithName("watch"))
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	mgr, err := ctrl.NewManager(config, manager.Options{
		Scheme: scheme, Cache: cache.Options{DefaultTransform: trims.Transform, NewInformer: readable.NewInformer},
		Metrics: metricsserver.Options{BindAddress: noPort}, HealthProbeBindAddress: noPort, // see ports
	})
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	direct, err := client.New(config, client.Options{Scheme: scheme, Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	scales, err := scale.New(config, mgr.GetRESTMapper())
	if err != nil {
		return err
	}
	leases, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	replica, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name of this replica: %w", err)
	}
	made, err := wiring.New(wiring.Deps{
		API: wiring.API{
			Cache: mgr.GetCache(), Trims: trims, Direct: direct, Mapper: mgr.GetRESTMapper(), Scheme: scheme,
			Recorder: mgr.GetEventRecorder("kedify-gateway"), Scales: scales,
		},
		Options: options, Pod: podOfEnvironment(), Registry: metrics.Registry, Log: log,
		Elect: lead.ByLease(leases.CoordinationV1(),
			types.NamespacedName{Namespace: options.Namespace, Name: wiring.LeaseName}, replica, log.WithName("lead")),
	})
	if err != nil {
		return err
	}
	return startWiring(ctx, mgr, options, made)
}

// podOfEnvironment is the Pod of this process, as the downward API describes it.
func podOfEnvironment() wiring.Pod {
	return wiring.Pod{
		Name: os.Getenv("POD_NAME"), UID: types.UID(os.Getenv("POD_UID")), Node: os.Getenv("NODE_NAME"),
		IPs: strings.FieldsFunc(os.Getenv("POD_IPS"), func(r rune) bool { return r == ',' }),
	}
}

func startWiring(ctx context.Context, mgr manager.Manager, options wiring.Options, made *wiring.Wiring) error {
	for _, run := range made.Runnables() {
		if err := mgr.Add(manager.RunnableFunc(run)); err != nil {
			return err
		}
	}
	serving := ports{metrics: options.MetricsListen, health: options.HealthListen, ready: func(*http.Request) error {
		if !made.Ready() {
			return errors.New("the objects of the cluster are still being read")
		}
		return nil
	}}
	if err := serving.addTo(ctx, mgr); err != nil {
		return err
	}
	return mgr.Start(ctx)
}
