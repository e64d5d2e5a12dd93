package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kedify/inference-gateway/controllers/infra"
)

// shutdownCommand is the main container beside Envoy (see controllers/infra): it does nothing
// until the pod is told to stop, and then drains Envoy. Kubernetes stops Envoy, which is a
// sidecar, when this command has ended. With --now it drains at once, as a preStop hook does.
func shutdownCommand() *cobra.Command {
	options := drainOptions{}
	var now bool
	command := &cobra.Command{
		Use:   "shutdown",
		Short: "Wait for SIGTERM, then drain the Envoy of this pod and exit when nothing is in flight",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !now {
				<-cmd.Context().Done()
			}
			// The context has ended or may end soon, by the very signal that asks for this.
			return shutdown(context.WithoutCancel(cmd.Context()), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.socket, "admin-socket", "/run/kedify/admin.sock", "Unix socket of Envoy's admin interface")
	flags.DurationVar(&options.timeout, "drain-timeout", infra.DefaultDrainTimeout, "exit after this long, whatever is in flight")
	flags.DurationVar(&options.quiet, "quiet", 5*time.Second,
		"exit when nothing is in flight and no connection or request has come for this long; "+
			"it covers load balancers that have not heard of the end yet")
	flags.DurationVar(&options.interval, "interval", 500*time.Millisecond, "time between two looks at Envoy's counters")
	flags.BoolVar(&now, "now", false, "drain at once instead of waiting for SIGTERM")
	return command
}

func shutdown(ctx context.Context, options drainOptions) error {
	log := ctrl.Log.WithName("shutdown")
	drainer := newDrainer(options, clock.RealClock{}, log)
	start := time.Now()
	outcome, err := drainer.drain(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errEnvoyGone) {
		log.Info("Envoy is not running", "after", time.Since(start))
		return nil
	}
	if err != nil {
		return err
	}
	log.Info("drained", "after", time.Since(start), "complete", outcome.complete, "cut", outcome.last.inFlight())
	return nil
}
