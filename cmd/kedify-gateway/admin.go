package main

import (
	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/internal/envoyadmin"
)

// adminCommand asks the Envoy of this Pod for `kubectl kedify proxy`, which executes it in the container shutdown. The Pod has
// no shell, and the admin interface no port.
func adminCommand() *cobra.Command {
	var socket string
	command := &cobra.Command{
		Use:    "admin GET|POST PATH",
		Short:  "Ask the admin interface of the Envoy of this Pod, without secrets",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := envoyadmin.New(socket).Shown(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(body)
			return err
		},
	}
	command.Flags().StringVar(&socket, "admin-socket", envoyadmin.Socket, "Unix socket of Envoy's admin interface")
	return command
}
