package main

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kedify/inference-gateway/hack/testbed/cluster"
	"github.com/kedify/inference-gateway/hack/testbed/loadbalancer"
)

// The commands that run something in the namespaces, and those that the
// testbed starts there itself.

func execCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec -- command [argument...]",
		Short: "Run a command inside the cluster's namespaces",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return runExec(o, args) },
	}
	cmd.Flags().SetInterspersed(false) // flags behind the command are its own
	return cmd
}

func shellCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "shell",
		Short: "Open a shell inside the cluster's namespaces",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			shell := os.Getenv("SHELL")
			if shell == "" {
				shell = "/bin/sh"
			}
			return runExec(o, []string{shell})
		},
	}
}

func runExec(o *options, args []string) error {
	layout, err := o.layout()
	if err != nil {
		return err
	}
	code, err := cluster.Exec(layout, args)
	if err == nil && code != 0 {
		return exitCode(code)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return exitCode(code)
	}
	return nil
}

func holderCommand() *cobra.Command {
	return internalCommand("holder", func(_ *cobra.Command, l cluster.Layout) error { return cluster.RunHolder(l) })
}

func bootCommand() *cobra.Command {
	return internalCommand("boot", func(cmd *cobra.Command, l cluster.Layout) error { return cluster.Boot(cmd.Context(), l) })
}

func internalCommand(use string, run func(*cobra.Command, cluster.Layout) error) *cobra.Command {
	var l cluster.Layout
	cmd := &cobra.Command{Use: use, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd, l) }}
	cmd.Flags().StringVar(&l.Dir, "dir", "", "folder of the cluster")
	cmd.Flags().StringVar(&l.Name, "name", "", "name of the cluster")
	cmd.Flags().StringVar((*string)(&l.Family), "ip-family", "", "family of its addresses")
	return cmd
}

func loadBalancerCommand() *cobra.Command {
	var kubeconfig, network, static string
	cmd := &cobra.Command{
		Use: "lb", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			networkPrefix, err := netip.ParsePrefix(network)
			if err != nil {
				return err
			}
			staticPrefix, err := netip.ParsePrefix(static)
			if err != nil {
				return err
			}
			c := loadbalancer.Controller{Client: client, Pool: loadbalancer.NewPool(networkPrefix, staticPrefix, time.Now)}
			return c.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	cmd.Flags().StringVar(&network, "network", "", "range of addresses")
	cmd.Flags().StringVar(&static, "static", "", "part of the range that is given only on demand")
	return cmd
}
