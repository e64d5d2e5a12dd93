// Command release makes what a release of the product consists of: the image, the charts, archives of the command line.
// The targets of the Makefile and the workflows of .github run it; nothing of it needs a container engine.
//
// Job: from a checkout to files below out/, and, where a registry is named, into it.
// Inputs: the checkout; --version of a release, else one that names the commit.
// Outputs: files, and lines that say what was made and how it is used; the same commit gives the same digests.
// Ownership: one goroutine; every command runs to its end before the next begins.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/hack/source"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1)
	}
}

// releaser is what the commands have in common.
type releaser struct {
	root    string // of the checkout
	out     string
	version string // of the release; by the commit when empty
	say     func(format string, args ...any)
}

func rootCommand() *cobra.Command {
	r := &releaser{}
	root := &cobra.Command{
		Use: "release", Short: "Make image, charts and archives of the product", SilenceUsage: true, SilenceErrors: true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			r.say = func(format string, args ...any) { fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...) }
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&r.root, "root", ".", "checkout to build")
	flags.StringVar(&r.out, "out", "out", "folder for what is made")
	flags.StringVar(&r.version, "version", "", "of the release, vX.Y.Z; by default the tag of the commit, else one that names the commit")
	root.AddCommand(r.versionCommand(), r.imageCommand(), r.archivesCommand(), r.chartsCommand(), r.notesCommand())
	return root
}

func (r *releaser) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version that the checkout would be released as", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tree, err := source.Read(cmd.Context(), r.root, r.version)
			if err == nil {
				r.say("%s", tree.Version)
			}
			return err
		},
	}
}
