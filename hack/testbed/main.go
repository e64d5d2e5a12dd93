// Command testbed runs a real single-node Kubernetes for tests, demo and
// benchmarks, without a container engine, a registry or a virtual machine:
// binaries are built from source packages, and everything runs in network,
// mount and process namespaces of its own. See README.md beside this file.
//
// Packages: build makes binaries, image packs them into container images,
// cluster starts and stops everything, loadbalancer gives Services of type
// LoadBalancer their addresses, process names running processes safely,
// progress prints what is going on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/kedify/inference-gateway/hack/testbed/cluster"
)

func main() {
	if len(os.Args) > 3 && os.Args[1] == cluster.InsideCommand {
		fmt.Fprintln(os.Stderr, "testbed:", cluster.Inside(os.Args[2], os.Args[3:]))
		os.Exit(126)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	err := rootCommand().ExecuteContext(ctx)
	var code exitCode
	switch {
	case errors.As(err, &code):
		os.Exit(int(code))
	case err != nil:
		fmt.Fprintln(os.Stderr, "testbed:", err)
		os.Exit(1)
	}
}

// exitCode is the code of a command that was run inside.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
