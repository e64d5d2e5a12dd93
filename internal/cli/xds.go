package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/internal/cli/reach"
)

// Replicated is what one replica knows about the Envoys of a Gateway.
type Replicated struct {
	Replica string `json:"replica"`
	debug.Gateway
}

// xdsCommand prints what each Envoy has, what was rejected and why. In a Pod of the control plane it asks this replica:
// `kubectl exec deploy/kedify-gateway -- /kedify-gateway xds`.
func xdsCommand() *cobra.Command {
	where, out := newCluster(), &output{}
	var address string
	command := &cobra.Command{
		Use:   "xds [NAMESPACE/GATEWAY]",
		Short: "Print the resources of each Envoy, its rejections and the objects that caused them",
		Long: `Print the resources of each Envoy, its rejections and the objects that caused them,
as all replicas of the control plane know them. In a Pod of the control plane the
command asks this replica alone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			views, err := viewsOf(where, address)
			if err != nil {
				return err
			}
			path := "/xds"
			if len(args) == 1 {
				path += "/" + args[0]
			}
			dumps, err := replicated(cmd.Context(), views, path)
			if len(dumps) == 0 && err != nil {
				return err
			}
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "Not all is known: %v\n", err)
			}
			if !out.forPeople() {
				return out.print(cmd.OutOrStdout(), "GatewayList", dumps)
			}
			return printDumps(cmd.OutOrStdout(), out, dumps)
		},
	}
	flags := command.Flags()
	flags.StringVar(&address, "address", "", "address of the debug views of one replica (--debug-listen), instead of the cluster")
	where.addFlags(flags, false)
	out.addFlags(flags)
	return command
}

// viewsOf returns the views of the replica at an address, or of all replicas of a cluster. A Pod of the control plane, which has no
// kubeconfig and no right to forward ports, asks itself.
func viewsOf(where *cluster, address string) (reach.Views, error) {
	if address == "" && os.Getenv("POD_IP") != "" && *where.config.KubeConfig == "" {
		address = reach.LocalViews
	}
	if address != "" {
		return reach.At(address), nil
	}
	found, _, err := where.connect()
	if err != nil {
		return nil, err
	}
	return found.Views, nil
}

func replicated(ctx context.Context, views reach.Views, path string) ([]Replicated, error) {
	answers, err := reach.Ask[[]debug.Gateway](ctx, views, path)
	dumps := []Replicated{}
	for replica, gateways := range answers {
		for _, gateway := range gateways {
			dumps = append(dumps, Replicated{Replica: replica, Gateway: gateway})
		}
	}
	slices.SortFunc(dumps, func(a, b Replicated) int {
		return cmp.Or(strings.Compare(a.Gateway.Gateway.String(), b.Gateway.Gateway.String()), strings.Compare(a.Replica, b.Replica))
	})
	return dumps, err
}

// elsewhere names the other replicas that have Envoys.
func elsewhere(states []debug.PeerState) string {
	var names []string
	for _, state := range states {
		if state.Connected {
			names = append(names, state.Replica)
		}
	}
	return strings.Join(names, ",")
}

// printDumps writes a table of the Gateways and, below it, every rejection.
func printDumps(w io.Writer, out *output, dumps []Replicated) error {
	columns := []column{{name: "GATEWAY"}, {name: "REPLICA"}, {name: "ENVOYS"}, {name: "RESOURCES"}, {name: "SYNCED"}, {name: "REJECTED"},
		{name: "ENVOYS ALSO AT", wide: true}}
	rows := make([][]any, 0, len(dumps))
	for _, d := range dumps {
		// A replica without Envoys of a Gateway has nothing to be in step with.
		synced := "-"
		if d.Connected > 0 {
			synced = fmt.Sprint(d.Synced)
		}
		rows = append(rows, []any{d.Gateway.Gateway.String(), d.Replica, d.Connected, len(d.Resources), synced, len(d.Rejected),
			elsewhere(d.Elsewhere)})
	}
	errs := []error{out.table(w, columns, rows)}
	for _, d := range dumps {
		for _, rejection := range d.Rejected {
			_, err := fmt.Fprintf(w, "\n%s: Envoy %s refused %s\n  because: %s\n", d.Gateway.Gateway, rejection.Node, rejection.Resource.Name,
				rejection.Message)
			errs = append(errs, err)
			for _, source := range rejection.Sources {
				_, err := fmt.Fprintf(w, "  caused by: %s\n", source)
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
