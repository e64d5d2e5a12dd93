package main

import (
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kedify/inference-gateway/internal/telemetry"
)

// logStart writes the first line of a process that runs for long: what it was built from, and the flags that it was given. No flag
// holds a secret.
func logStart(cmd *cobra.Command, log logr.Logger) {
	build := telemetry.Build()
	flags := map[string]string{}
	cmd.Flags().Visit(func(flag *pflag.Flag) { flags[flag.Name] = flag.Value.String() })
	log.Info("Starting", "command", cmd.Name(), "version", build.Version, "revision", build.Revision, "go", build.Go,
		"platform", build.Platform, "flags", flags)
}
