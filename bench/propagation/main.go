// Command propagation measures the way of one change: a PUT of one HTTPRoute at the API server
// until Envoy answers 200 for its host, with 10, 1,000 and 5,000 routes present.
//
// Job: the benchmark behind `make bench NAME=propagation`. Side by side, in turns: the product
// as the chart installs it, and a null control plane that watches the same API server and
// sends resources built beforehand (by the same xds/translate) to an Envoy of the same binary.
// The difference is what our control plane costs; the null's figure is the limit.
// Inputs: the cluster of KUBECONFIG with the product installed, run inside its network; ENVOY.
// Outputs: a table, and as the last line "bar: name=value ...", times in milliseconds.
// Ownership: one goroutine measures; the packages below have their own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func main() {
	sizes := flag.String("routes", "10,1000,5000", "how many routes are present, ascending")
	samples := flag.Int("samples", 200, "changes measured per size and control plane")
	envoy := flag.String("envoy", os.Getenv("ENVOY"), "Envoy binary of the null control plane")
	flag.Parse()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sizes, *samples, *envoy); err != nil {
		fmt.Fprintln(os.Stderr, "propagation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sizes string, samples int, envoy string) error {
	b, err := open(ctx, envoy)
	if err != nil {
		return err
	}
	defer b.close()
	var rows []row
	for _, text := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		begun := time.Now()
		if err := b.fill(ctx, n); err != nil {
			return fmt.Errorf("fill up to %d routes: %w", n, err)
		}
		fmt.Printf("%d routes present after %s, all served by both\n", n, time.Since(begun).Round(time.Millisecond))
		r, err := b.measure(ctx, n, samples)
		if err != nil {
			return fmt.Errorf("with %d routes: %w", n, err)
		}
		rows = append(rows, r)
	}
	report(rows)
	return nil
}
