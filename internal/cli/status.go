package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/internal/cli/summary"
)

// statusCommand prints a row for each object of the product's business.
func statusCommand() *cobra.Command {
	where, out := newCluster(), &output{}
	command := &cobra.Command{
		Use:   "status [KIND/NAME...]",
		Short: "Say of each Gateway, route, pool and trigger whether it is ready, and if not why",
		Long: `Say of each Gateway, route, InferencePool and trigger of a namespace whether it is
ready, and if not why. The exit status is 1 when something is not ready.`,
		Example: "  kubectl kedify status -A\n  kubectl kedify status httproute/web -n shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, namespace, err := where.connect()
			if err != nil {
				return err
			}
			rows, err := source(cmd.Context(), found).Rows(cmd.Context(), namespace)
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "Not all is known: %v\n", err)
			}
			if rows, err = chosen(rows, args); err != nil {
				return err
			}
			return printStatus(cmd.OutOrStdout(), out, rows)
		},
	}
	where.addFlags(command.Flags(), true)
	out.addFlags(command.Flags())
	return command
}

// chosen returns the rows that arguments such as "httproute/web" name.
func chosen(rows []summary.Row, args []string) ([]summary.Row, error) {
	if len(args) == 0 {
		return rows, nil
	}
	var kept []summary.Row
	for _, arg := range args {
		kind, name, slash := strings.Cut(arg, "/")
		if !slash {
			return nil, fmt.Errorf("%q is not written as KIND/NAME", arg)
		}
		before := len(kept)
		for _, row := range rows {
			if isKind(row.Kind, kind) && row.Name == name || isKind("ScaledObject", kind) && row.ScaledObject == name {
				kept = append(kept, row)
			}
		}
		if len(kept) == before {
			return nil, fmt.Errorf("there is no %s that this product serves; is the namespace right?", arg)
		}
	}
	return kept, nil
}

// isKind reports whether a person means a kind: in any case, in the plural, too.
func isKind(kind, written string) bool {
	written = strings.ToLower(written)
	return written == strings.ToLower(kind) || written == strings.ToLower(kind)+"s"
}

func printStatus(w io.Writer, out *output, rows []summary.Row) error {
	if err := writeStatus(w, out, rows); err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(row summary.Row) bool { return row.Ready != summary.True }) {
		return ErrFound
	}
	return nil
}

func writeStatus(w io.Writer, out *output, rows []summary.Row) error {
	if !out.forPeople() {
		return out.print(w, "StatusList", rows)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "There is nothing that this product serves.")
		return err
	}
	columns := []column{{name: "KIND"}, {name: "NAMESPACE"}, {name: "NAME"}, {name: "READY"}, {name: "RATE"}, {name: "HELD"},
		{name: "REPLICAS"}, {name: "REASON"}, {name: "WHY"}}
	cells := make([][]any, 0, len(rows))
	for _, row := range rows {
		cells = append(cells, []any{row.Kind, row.Namespace, row.Name, string(row.Ready), row.Rate, row.Held, row.Replicas, row.Reason,
			whyText(row.Message, out.format == "wide")})
	}
	return out.table(w, columns, cells)
}

// whyText is a message in one line, and short unless it may be wide.
func whyText(message string, wide bool) string {
	const shown = 120
	message = strings.Join(strings.Fields(message), " ")
	if runes := []rune(message); !wide && len(runes) > shown {
		return string(runes[:shown]) + "…"
	}
	return message
}
