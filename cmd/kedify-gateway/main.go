// Command kedify-gateway is the whole product in one binary: the control plane, and the small
// programs that run beside Envoy and on an operator's desk.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kedify/inference-gateway/internal/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1)
	}
}

// rootCommand lists every command.
func rootCommand() *cobra.Command {
	logs := telemetry.LogOptions{}
	root := &cobra.Command{
		Use:           "kedify-gateway",
		Short:         "An open inference gateway for Kubernetes",
		Version:       telemetry.Build().String(), // --version prints what the command version does
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return setLogger(cmd, logs)
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	logs.AddFlags(root.PersistentFlags())
	root.AddCommand(
		controllerCommand(),
		shutdownCommand(),
		wiringCommand(),
		unwireCommand(),
		certgenCommand(),
		translateCommand(),
		xdsCommand(),
		versionCommand(),
	)
	return root
}

// setLogger makes one log of the product's, controller-runtime's and client-go's lines. It goes to
// standard error: standard output belongs to what a command prints.
func setLogger(cmd *cobra.Command, options telemetry.LogOptions) error {
	log, err := telemetry.NewLogger(options, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	return nil
}
