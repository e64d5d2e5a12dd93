package cli

import (
	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/internal/cli/checkup"
)

// doctorCommand says whether an installation is in order.
func doctorCommand() *cobra.Command {
	where, out := newCluster(), &output{}
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check the installation: versions, replicas, certificates, KEDA, proxies, triggers",
		Long: `Check the installation: versions of Kubernetes and CRDs, KEDA, the replicas and
their leader, the CA of webhooks, proxies and what they refuse, triggers whose
demand is unknown or that requests bypass. The exit status is 1 when a check fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, _, err := where.connect()
			if err != nil {
				return err
			}
			known := source(cmd.Context(), found).Installation(cmd.Context(), found.System, found.Core.Discovery())
			return printChecklists(cmd.OutOrStdout(), out, checkup.Of(known))
		},
	}
	where.addFlags(command.Flags(), false)
	out.addFlags(command.Flags())
	return command
}
