package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
)

// files are the flags of the commands that read objects from files.
type files struct {
	paths   []string
	setting offline.Setting
}

func (f *files) addFlags(command *cobra.Command, flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.paths, "filename", "f", nil,
		"file or directory with YAML or JSON objects, - for standard input; may be repeated")
	flags.StringVar(&f.setting.ScalerAddress, "scaler-address", defaultScaler(),
		"address of the scaler of the installation, which triggers in the native spelling name")
	flags.BoolVar(&f.setting.Autowire, "autowire", false, "translate for an installation with autowire.enabled")
	if err := command.MarkFlagRequired("filename"); err != nil {
		panic(err) // the flag is declared above
	}
}

// defaultScaler is the address of an installation with the defaults of the chart.
func defaultScaler() string { return "kedify-gateway." + DefaultSystem + ".svc.cluster.local:9090" }

func (f *files) translate(cmd *cobra.Command) (offline.Result, error) {
	scheme := controllers.NewScheme()
	objects, err := offline.Read(scheme, f.paths, cmd.InOrStdin())
	if err != nil {
		return offline.Result{}, err
	}
	result, err := offline.Translate(scheme, objects, f.setting)
	if err == nil && len(result.Skipped) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "Skipped objects of kinds that mean nothing to the product: %s.\n", strings.Join(result.Skipped, ", "))
	}
	return result, err
}

// translateCommand prints what the control plane makes of objects in files.
func translateCommand() *cobra.Command {
	read := &files{}
	command := &cobra.Command{
		Use:     "translate -f FILE",
		Short:   "Print the Envoy resources, generated objects and statuses for the objects in files",
		Example: "  kedify-gateway translate -f examples/http-basic/\n  helm template shop | kedify-gateway translate -f -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := read.translate(cmd)
			if err != nil {
				return err
			}
			return result.Print(cmd.OutOrStdout())
		},
	}
	read.addFlags(command, command.Flags())
	command.Flags().BoolVar(&read.setting.Programmed, "programmed", false, "compute statuses as if an Envoy had acknowledged every resource")
	return command
}

// validateCommand is for CI: it prints what is wrong with objects in files.
func validateCommand() *cobra.Command {
	read := &files{setting: offline.Setting{Programmed: true}}
	strict := false
	command := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Print what is wrong with the objects in files; exit with 1 if something is",
		Long: `Print what is wrong with the objects in files: fields that a kind does not have,
mistakes in triggers, and what the statuses would say. Warnings do not change the
exit status without --strict. Objects that the files leave out do not exist.`,
		Example: "  kedify-gateway validate -f manifests/ -f -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := read.translate(cmd)
			if err != nil {
				return err
			}
			wrong := false
			for _, problem := range result.Problems {
				wrong = wrong || !problem.Warning || strict
				fmt.Fprintln(cmd.OutOrStdout(), problem)
			}
			if wrong {
				return ErrFound
			}
			return nil
		},
	}
	read.addFlags(command, command.Flags())
	command.Flags().BoolVar(&strict, "strict", false, "exit with 1 for warnings, too")
	return command
}
