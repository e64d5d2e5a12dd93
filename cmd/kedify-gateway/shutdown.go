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
	"github.com/kedify/inference-gateway/xds/pickerrelay"
)

// shutdownCommand is the main container beside Envoy (see controllers/infra). It waits for the
// SIGTERM of the kubelet and then drains Envoy. Kubernetes stops Envoy, a sidecar, after this command
// has ended. With --now the command drains at once, as a preStop hook does. Until its end it relays the calls of this Envoy to
// endpoint pickers, where it is given the sockets for it.
func shutdownCommand() *cobra.Command {
	options, relayed := drainOptions{}, pickerrelay.Options{}
	var now bool
	command := &cobra.Command{
		Use:   "shutdown",
		Short: "Wait for SIGTERM, drain the Envoy of this Pod and exit when no request is in flight",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// The context ends by the very signal that asks for the rest.
			ctx, cancel := context.WithCancel(context.WithoutCancel(cmd.Context()))
			defer cancel()
			if !now {
				if err := relay(ctx, cmd.Context().Done(), relayed); err != nil {
					return err
				}
			}
			return shutdown(ctx, options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.socket, "admin-socket", envoyadmin.Socket, "Unix socket of Envoy's admin interface")
	flags.DurationVar(&options.timeout, "drain-timeout", infra.DefaultDrainTimeout, "exit after this time, even with requests in flight")
	flags.DurationVar(&options.quiet, "quiet", 5*time.Second,
		"idle time before exit; gives load balancers time to stop sending traffic")
	flags.DurationVar(&options.interval, "interval", 500*time.Millisecond, "interval between two reads of Envoy's counters")
	flags.StringVar(&relayed.Socket, "relay-socket", "", "Unix socket for Envoy's calls to endpoint pickers; empty: they are not relayed")
	flags.StringVar(&relayed.Pickers, "pickers-socket", "", "Unix socket of the listener by which Envoy reaches endpoint pickers")
	flags.BoolVar(&now, "now", false, "drain at once instead of waiting for SIGTERM")
	return command
}

// relay relays calls to endpoint pickers until the context ends, and returns when stop is closed, or with the error of a relay that
// cannot serve.
func relay(ctx context.Context, stop <-chan struct{}, options pickerrelay.Options) error {
	if options.Socket == "" {
		<-stop
		return nil
	}
	options.Log = ctrl.Log.WithName("picker-relay")
	made, err := pickerrelay.New(options)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- made.Run(ctx) }()
	select {
	case err := <-failed:
		return err
	case <-stop:
		return nil
	}
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
