package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/facts"
)

// explained are the kinds of objects that can be explained.
var explained = []struct {
	name, short string
	aliases     []string
	explain     func(context.Context, *facts.Source, types.NamespacedName) chain.Checklist
}{
	{"httproute", "Check each link between an HTTPRoute and an answered request", []string{"httproutes"}, explainRoute(store.HTTPRoute)},
	{"grpcroute", "Check each link between a GRPCRoute and an answered request", []string{"grpcroutes"}, explainRoute(store.GRPCRoute)},
	{"tlsroute", "Check each link between a TLSRoute and an answered connection", []string{"tlsroutes"}, explainRoute(store.TLSRoute)},
	{"scaledobject", "Check each link between a ScaledObject and its scaled workload", []string{"scaledobjects", "so"},
		func(ctx context.Context, s *facts.Source, key types.NamespacedName) chain.Checklist {
			return chain.OfScaledObject(s.ScaledObject(ctx, key))
		}},
	{"inferencepool", "Check each link between an InferencePool and an answered request", []string{"inferencepools"},
		func(ctx context.Context, s *facts.Source, key types.NamespacedName) chain.Checklist {
			return chain.OfPool(s.Pool(ctx, key))
		}},
}

func explainRoute(kind store.Kind) func(context.Context, *facts.Source, types.NamespacedName) chain.Checklist {
	return func(ctx context.Context, s *facts.Source, key types.NamespacedName) chain.Checklist {
		return chain.OfRoute(s.Route(ctx, kind, key))
	}
}

// explainCommand says why something is served or scaled, or is not.
func explainCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "explain",
		Short: "Say why a request, a route, a ScaledObject or a pool is served, or is not",
		Example: "  kubectl kedify explain scaledobject web -n shop\n" +
			"  kubectl kedify explain request GET https://shop.example.com/cart -H 'x-user: 7'",
	}
	for _, kind := range explained {
		where, out := newCluster(), &output{}
		child := &cobra.Command{
			Use: kind.name + " NAME", Aliases: kind.aliases, Short: kind.short,
			Long: kind.short + ": whether it holds, what was seen, and what to do.\nThe exit status is 1 when one does not hold.",
			Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				found, namespace, err := where.connect()
				if err != nil {
					return err
				}
				key := types.NamespacedName{Namespace: namespace, Name: args[0]}
				if inside, name, slash := strings.Cut(args[0], "/"); slash {
					key = types.NamespacedName{Namespace: inside, Name: name}
				}
				return printChecklists(cmd.OutOrStdout(), out, kind.explain(cmd.Context(), source(cmd.Context(), found), key))
			},
		}
		where.addFlags(child.Flags(), false)
		out.addFlags(child.Flags())
		command.AddCommand(child)
	}
	command.AddCommand(explainRequestCommand())
	return command
}

func printChecklists(w io.Writer, out *output, lists ...chain.Checklist) error {
	if !out.forPeople() {
		if err := out.print(w, "ChecklistList", lists); err != nil {
			return err
		}
	}
	served := true
	for i, list := range lists {
		served = served && list.Served
		if !out.forPeople() {
			continue
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := list.Write(w); err != nil {
			return err
		}
	}
	if !served {
		return ErrFound
	}
	return nil
}
