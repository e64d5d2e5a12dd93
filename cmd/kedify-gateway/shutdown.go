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
	"github.com/kedify/inference-gateway/internal/envoyadmin"
)

// shutdownCommand is the main container beside Envoy (see controllers/infra). It waits for the
// SIGTERM of the kubelet and then drains Envoy. Kubernetes stops Envoy, a sidecar, after this command
// has ended. With --now the command drains at once, as a preStop hook does.
func shutdownCommand() *cobra.Command {
	options := drainOptions{}
	var now bool
	command := &cobra.Command{
		Use:   "shutdown",
		Short: "Wait for SIGTERM, drain the Envoy of this Pod and exit when no request is in flight",
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
	flags.StringVar(&options.socket, "admin-socket", envoyadmin.Socket, "Unix socket of Envoy's admin interface")
	flags.DurationVar(&options.timeout, "drain-timeout", infra.DefaultDrainTimeout, "exit after this time, even with requests in flight")
	flags.DurationVar(&options.quiet, "quiet", 5*time.Second,
		"idle time before exit; gives load balancers time to stop sending traffic")
	flags.DurationVar(&options.interval, "interval", 500*time.Millisecond, "interval between two reads of Envoy's counters")
	flags.BoolVar(&now, "now", false, "drain at once instead of waiting for SIGTERM")
	return command
}

func shutdown(ctx context.Context, options drainOptions) error {
	log := ctrl.Log.WithName("shutdown")
	drainer := newDrainer(options, clock.RealClock{}, log)
	start := time.Now()
	outcome, err := drainer.drain(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, envoyadmin.ErrGone) {
		log.Info("Skipped draining: Envoy is not running", "after", time.Since(start))
		return nil
	}
	if err != nil {
		return err
	}
	log.Info("Drained Envoy", "after", time.Since(start), "complete", outcome.complete, "cut", outcome.last.inFlight())
	return nil
}
