package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/api/debug"
)

// dumpTimeout bounds the question to the controller.
const dumpTimeout = 10 * time.Second

// xdsCommand prints what each Envoy has, what was rejected and why. It asks a running
// controller: `kubectl exec deploy/kedify-gateway -- /kedify-gateway xds`.
func xdsCommand() *cobra.Command {
	var address, output string
	command := &cobra.Command{
		Use:   "xds [NAMESPACE/GATEWAY]",
		Short: "Print the resources of each Envoy of a replica, its rejections and the objects that caused them",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url := "http://" + address + "/xds"
			if len(args) == 1 {
				url += "/" + args[0]
			}
			body, err := ask(url)
			if err != nil {
				return err
			}
			if output == "json" {
				_, err = cmd.OutOrStdout().Write(body)
				return err
			}
			var dumps []debug.Gateway
			if err := json.Unmarshal(body, &dumps); err != nil {
				return fmt.Errorf("answer of the controller: %w", err)
			}
			return printDumps(cmd.OutOrStdout(), dumps)
		},
	}
	command.Flags().StringVar(&address, "address", "127.0.0.1:8082", "address of the debug views of the controller (--debug-listen)")
	command.Flags().StringVarP(&output, "output", "o", "text", "output format: text, or json with every resource and version")
	return command
}

func ask(url string) ([]byte, error) {
	client := &http.Client{Timeout: dumpTimeout}
	response, err := client.Get(url)
	if err != nil {
		return nil, fmt.Errorf("ask the controller (run this inside its pod, or set --address): %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("ask the controller: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the controller answered %s: %s", response.Status, body)
	}
	return body, nil
}

// replicas names the other replicas that have Envoys.
func replicas(states []debug.PeerState) string {
	var names []string
	for _, state := range states {
		if state.Connected {
			names = append(names, state.Replica)
		}
	}
	return strings.Join(names, ",")
}

// printDumps writes a table of the Gateways and, below it, every rejection.
func printDumps(out io.Writer, dumps []debug.Gateway) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GATEWAY\tENVOYS\tRESOURCES\tSYNCED\tREJECTED\tENVOYS ALSO AT")
	for _, d := range dumps {
		fmt.Fprintf(table, "%s\t%d\t%d\t%t\t%d\t%s\n", d.Gateway, d.Connected, len(d.Resources), d.Synced, len(d.Rejected), replicas(d.Elsewhere))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range dumps {
		for _, rejection := range d.Rejected {
			fmt.Fprintf(out, "\n%s: Envoy %s refused %s\n  because: %s\n", d.Gateway, rejection.Node, rejection.Resource.Name, rejection.Message)
			for _, source := range rejection.Sources {
				fmt.Fprintf(out, "  caused by: %s\n", source)
			}
		}
	}
	return nil
}
