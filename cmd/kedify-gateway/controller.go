package main

import (
	"context"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/plane"
	"github.com/kedify/inference-gateway/scaler/scale"
)

// controllerCommand runs the control plane.
func controllerCommand() *cobra.Command {
	options := controllers.Options{}
	command := &cobra.Command{
		Use:   "controller",
		Short: "Run the control plane: watch the cluster, configure Envoys, write statuses",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logStart(cmd, ctrl.Log)
			return runController(cmd.Context(), options, ctrl.Log)
		},
	}
	options.AddFlags(command.Flags())
	return command
}

// runController runs the control plane on a manager of controller-runtime, which serves metrics and probes.
func runController(ctx context.Context, options controllers.Options, log logr.Logger) error {
	mgr, err := newManager(options, log)
	if err != nil {
		return err
	}
	api, err := apiOf(mgr, log)
	if err != nil {
		return err
	}
	replica, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name of this replica: %w", err)
	}
	elect, err := election(mgr, options, replica, log)
	if err != nil {
		return err
	}
	made, err := plane.New(plane.Deps{API: api, Options: options, Elect: elect, Replica: replica, Registry: metrics.Registry, Log: log})
	if err != nil {
		return err
	}
	if err := made.Load(ctx); err != nil {
		return err
	}
	if err := addTo(ctx, mgr, options, made); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// apiOf is the API server as the plane needs it.
func apiOf(mgr *controllerManager, log logr.Logger) (plane.API, error) {
	owned, err := infra.NewLive(mgr.GetConfig(), mgr.GetRESTMapper(), mgr.GetScheme(), mgr.caches, log.WithName("watch"))
	if err != nil {
		return plane.API{}, err
	}
	scales, err := scale.New(mgr.GetConfig(), mgr.GetRESTMapper())
	if err != nil {
		return plane.API{}, err
	}
	resources, err := discovery.NewDiscoveryClientForConfig(mgr.GetConfig())
	if err != nil {
		return plane.API{}, fmt.Errorf("make a client of discovery: %w", err)
	}
	return plane.API{
		Cache:     mgr.GetCache(),
		Refusals:  mgr.caches.Refusals,
		Trims:     mgr.trims,
		Client:    mgr.GetClient(),
		Direct:    mgr.direct,
		Mapper:    mgr.GetRESTMapper(),
		Resources: resources,
		Scheme:    mgr.GetScheme(),
		Recorder:  mgr.GetEventRecorder("kedify-gateway"),
		Owned:     owned,
		Scales:    scales,
	}, nil
}
