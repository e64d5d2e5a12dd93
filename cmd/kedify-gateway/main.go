// Command kedify-gateway is the whole product in one binary: the control plane, and the small
// programs that run beside Envoy and on an operator's desk.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kedify/inference-gateway/internal/cli"
	"github.com/kedify/inference-gateway/internal/telemetry"
)

// pluginName is the name of the binary as a plugin of kubectl: `kubectl kedify status`.
const pluginName = "kubectl-kedify"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := rootCommand(os.Args[0]).ExecuteContext(ctx)
	if err == nil {
		return
	}
	if !errors.Is(err, cli.ErrFound) { // which is printed
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	stop()
	os.Exit(1)
}

// rootCommand lists the commands that a binary of this name has: as a plugin of kubectl those for people.
func rootCommand(program string) *cobra.Command {
	root := &cobra.Command{
		Use:               "kedify-gateway",
		Short:             "An open inference gateway for Kubernetes",
		Version:           telemetry.Build().String(), // --version prints what the command version does
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: setLogger,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddGroup(cli.Groups()...)
	if strings.TrimSuffix(filepath.Base(program), ".exe") == pluginName {
		root.Use, root.Annotations = pluginName, map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl kedify"}
	} else {
		addServices(root)
	}
	root.AddCommand(cli.Commands()...)
	root.AddCommand(adminCommand(), versionCommand())
	return root
}

// groupService has the programs that run in the cluster.
const groupService = "service"

// addServices adds the programs that run in the cluster. They alone write a log.
func addServices(root *cobra.Command) {
	root.AddGroup(&cobra.Group{ID: groupService, Title: "Parts of the product:"})
	for _, command := range []*cobra.Command{
		controllerCommand(), shutdownCommand(), wiringCommand(), unwireCommand(), certgenCommand(),
	} {
		command.GroupID = groupService
		(&telemetry.LogOptions{}).AddFlags(command.Flags())
		root.AddCommand(command)
	}
}

// setLogger makes one log of the product's, controller-runtime's and client-go's lines. It goes to
// standard error: standard output belongs to what a command prints. Commands without flags of the log write none.
func setLogger(cmd *cobra.Command, _ []string) error {
	format, level := cmd.Flags().Lookup("log-format"), cmd.Flags().Lookup("log-level")
	if format == nil || level == nil {
		ctrl.SetLogger(logr.Discard())
		klog.SetLogger(logr.Discard())
		return nil
	}
	options := telemetry.LogOptions{Format: format.Value.String(), Level: level.Value.String()}
	log, err := telemetry.NewLogger(options, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	return nil
}
