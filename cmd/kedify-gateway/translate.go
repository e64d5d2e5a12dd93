package main

import (
	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
)

// translateCommand prints what the control plane makes of objects in files.
func translateCommand() *cobra.Command {
	var path string
	var programmed bool
	command := &cobra.Command{
		Use:   "translate -f DIR",
		Short: "Print the Envoy resources and statuses for the objects in files, without a cluster",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scheme := controllers.NewScheme()
			objects, err := offline.LoadDir(scheme, path)
			if err != nil {
				return err
			}
			result, err := offline.Run(scheme, offline.WithClass(objects), programmed)
			if err != nil {
				return err
			}
			return result.Print(cmd.OutOrStdout())
		},
	}
	command.Flags().StringVarP(&path, "filename", "f", "", "directory or file with YAML or JSON objects")
	command.Flags().BoolVar(&programmed, "programmed", false, "compute statuses as if an Envoy had acknowledged every resource")
	if err := command.MarkFlagRequired("filename"); err != nil {
		panic(err) // the flag is declared above
	}
	return command
}
