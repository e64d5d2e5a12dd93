package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/internal/cli"
)

// certgenCommand makes the CA ahead of the controller. It is optional: the controller makes
// its own. It is for installations where Secrets come from a repository or a vault.
func certgenCommand() *cobra.Command {
	var namespace string
	var dryRun bool
	command := &cobra.Command{
		Use:   "certgen",
		Short: "Create the CA Secret unless it exists",
		Long: `Create the Secret with the CA of the control plane, unless it exists.

The controller creates a missing CA Secret itself, and rotates the CA in any case.
With --print the command writes the Secret to standard output and contacts no
cluster. The output contains a private key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dryRun {
				return printAuthority(cmd, namespace)
			}
			return makeAuthority(cmd, namespace)
		},
	}
	command.Flags().StringVarP(&namespace, "namespace", "n", cli.SystemNamespace(), "namespace of the installation")
	command.Flags().BoolVar(&dryRun, "print", false, "print the Secret instead of creating it")
	return command
}

func printAuthority(cmd *cobra.Command, namespace string) error {
	authority, err := certs.NewAuthority(certs.DefaultLifetimes, time.Now())
	if err != nil {
		return err
	}
	secret, err := authority.Secret(namespace, certs.SecretName)
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(secret)
	if err != nil {
		return fmt.Errorf("marshal the Secret: %w", err)
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

func makeAuthority(cmd *cobra.Command, namespace string) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find a cluster: %w", err)
	}
	c, err := client.New(config, client.Options{})
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	keeper := certs.NewKeeper(certs.Options{
		Client: c, Namespace: namespace, Name: certs.SecretName, Clock: clock.RealClock{}, Log: ctrl.Log.WithName("certgen"),
	})
	return keeper.Load(cmd.Context())
}
