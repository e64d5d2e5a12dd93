package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/internal/cli/facts"
	"github.com/kedify/inference-gateway/internal/cli/summary"
)

// topCommand prints the triggers again and again.
func topCommand() *cobra.Command {
	where, out := newCluster(), &output{}
	interval, once := 2*time.Second, false
	command := &cobra.Command{
		Use:   "top",
		Short: "Show the rate, held requests and replicas of triggers, the busiest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, namespace, err := where.connect()
			if err != nil {
				return err
			}
			asked := source(cmd.Context(), found)
			if once || !out.forPeople() {
				return printTop(cmd.Context(), cmd.OutOrStdout(), out, asked, namespace)
			}
			return repeat(cmd.Context(), interval, func() error {
				fmt.Fprint(cmd.OutOrStdout(), "\x1b[H\x1b[2J") // the top of an empty screen
				return printTop(cmd.Context(), cmd.OutOrStdout(), out, asked, namespace)
			})
		},
	}
	where.addFlags(command.Flags(), true)
	out.addFlags(command.Flags())
	command.Flags().DurationVar(&interval, "interval", interval, "time between two looks")
	command.Flags().BoolVar(&once, "once", false, "look once")
	return command
}

// repeat calls a function until the context ends or it fails.
func repeat(ctx context.Context, interval time.Duration, do func() error) error {
	ticker := time.NewTicker(max(interval, time.Second))
	defer ticker.Stop()
	for {
		if err := do(); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func printTop(ctx context.Context, w io.Writer, out *output, asked *facts.Source, namespace string) error {
	rows, err := asked.Triggers(ctx, namespace)
	if err != nil && len(rows) == 0 {
		return err
	}
	slices.SortStableFunc(rows, func(a, b summary.Trigger) int { return summary.Busier(a, b) })
	if !out.forPeople() {
		return out.print(w, "TriggerList", rows)
	}
	columns := []column{{name: "NAMESPACE"}, {name: "NAME"}, {name: "METRIC"}, {name: "VALUE"}, {name: "RATE"}, {name: "IN-FLIGHT"},
		{name: "HELD"}, {name: "REPLICAS"}, {name: "LAST REQUEST"}, {name: "UNKNOWN", wide: true}}
	cells := make([][]any, 0, len(rows))
	for _, row := range rows {
		cells = append(cells, []any{row.Namespace, row.Name, row.Metric, row.Value, row.Rate, row.InFlight, row.Held, row.Replicas,
			row.LastArrival, row.Unknown})
	}
	return out.table(w, columns, cells)
}
