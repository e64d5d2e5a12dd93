package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/test/pages"
)

// services are the commands that run in the cluster.
var services = []string{"controller", "shutdown", "wiring", "unwire", "certgen"}

// One binary has two names: as a plugin of kubectl it has the commands for people, which write no log.
func TestTwoNames(t *testing.T) {
	for program, plugin := range map[string]bool{
		"/usr/bin/kedify-gateway": false, "/opt/kubectl-kedify": true, `kubectl-kedify.exe`: true, "kedify-gateway-linux": false,
	} {
		root := rootCommand(program)
		for _, name := range services {
			if _, _, err := root.Find([]string{name}); (err != nil) != plugin {
				t.Errorf("%s: command %s: %v", program, name, err)
			}
		}
		for _, command := range root.Commands() {
			log := command.Flags().Lookup("log-level") != nil
			if log != slices.Contains(services, command.Name()) {
				t.Errorf("%s %s: flags of the log: %t", program, command.Name(), log)
			}
		}
		if path := mustFind(t, root, "status").CommandPath(); plugin != (path == "kubectl kedify status") {
			t.Errorf("%s: %s", program, path)
		}
	}
}

func mustFind(t *testing.T, root *cobra.Command, args ...string) *cobra.Command {
	t.Helper()
	command, _, err := root.Find(args)
	if err != nil {
		t.Fatal(err)
	}
	return command
}

const page = "../../docs/cli.md"

// Each command of the page is one that the binary has, with flags and arguments that it takes. Those that need no cluster are run.
func TestCommandsOfThePage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	seen := map[string]bool{}
	for _, block := range pages.Blocks(string(text)) {
		for _, line := range strings.Split(block.Code, "\n") {
			command, _, _ := strings.Cut(line, " #")
			command, _, _ = strings.Cut(command, " > ")
			if at := strings.LastIndex(command, "| "); at >= 0 {
				command = command[at+2:]
			}
			args, program := words(command), ""
			switch {
			case len(args) > 2 && args[0] == "kubectl" && args[1] == "kedify":
				program, args = "kubectl-kedify", args[2:]
			case len(args) > 1 && args[0] == "kedify-gateway":
				program, args = "kedify-gateway", args[1:]
			default:
				continue
			}
			seen[runPageCommand(t, program, args)] = true
		}
	}
	for _, command := range rootCommand(pluginName).Commands() {
		if command.Name() != "admin" && command.Name() != "help" && command.Name() != "completion" && !seen[command.Name()] {
			t.Errorf("%s has no example of %s", page, command.Name())
		}
	}
}

// words splits a command as a shell does that knows single quotes.
func words(command string) (args []string) {
	for i, part := range strings.Split(command, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// runPageCommand returns the name of the command below the root.
func runPageCommand(t *testing.T, program string, args []string) string {
	t.Helper()
	root := rootCommand(program)
	command, rest, err := root.Find(args)
	if err != nil {
		t.Errorf("%s %v: %v", program, args, err)
		return ""
	}
	if err := command.ParseFlags(rest); err != nil {
		t.Errorf("%s %v: %v", program, args, err)
	} else if err := command.ValidateArgs(command.Flags().Args()); err != nil {
		t.Errorf("%s %v: %v", program, args, err)
	}
	if file := command.Flags().Lookup("filename"); file != nil && file.Changed && !strings.Contains(file.Value.String(), "-]") {
		var out strings.Builder
		again := rootCommand(program)
		again.SetArgs(args)
		again.SetOut(&out)
		if err := again.Execute(); err != nil {
			t.Errorf("%s %v: %v\n%s", program, args, err, out.String())
		}
	}
	top := command
	for top.HasParent() && top.Parent().HasParent() {
		top = top.Parent()
	}
	return top.Name()
}
