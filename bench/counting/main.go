// Command counting measures what it costs to know how many requests arrive, and how true the
// numbers are: 5,000 clusters with a demand key, ten of them in use.
//
// Job: the benchmark behind `make bench NAME=counting`. Two Envoys of one binary have the same
// 5,000 clusters and carry the same load at the same time: one reports what it counted, as the
// product's bootstrap says, the other one does not (the limit). Then the first is given loads
// whose size is known, and the numbers that KEDA would be told are compared with them. With
// -tokens it measures what streamed answers cost that are counted in tokens.
// Inputs: ENVOY; no cluster. Outputs: tables, and as the last line "bar: name=value ...".
// Ownership: the control plane (xds/server, xds/publish, scaler/count, scaler/demand) is a
// process of its own, this program with -plane, so that its CPU time is its own; this process
// starts it and the Envoys, sends the load, serves the backends and knows the truth.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings of a run.
type settings struct {
	Envoy    string
	Clusters int
	Rounds   int
	Round    time.Duration
	Tokens   bool
}

func main() {
	var s settings
	flag.StringVar(&s.Envoy, "envoy", os.Getenv("ENVOY"), "Envoy binary")
	flag.IntVar(&s.Clusters, "clusters", 5000, "how many clusters have a demand key")
	flag.IntVar(&s.Rounds, "rounds", 5, "how often the cost is measured")
	flag.DurationVar(&s.Round, "round", 4*time.Second, "for how long")
	flag.BoolVar(&s.Tokens, "tokens", false, "measure instead what it costs to count the tokens of streamed answers")
	plane := flag.Bool("plane", false, "be the control plane of another process (internal)")
	flag.Parse()
	if *plane {
		if err := servePlane(); err != nil {
			fmt.Fprintln(os.Stderr, "counting: control plane:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "counting:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	b, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer b.close()
	if s.Tokens {
		return b.tokens(ctx)
	}
	var r report
	r.settings = s
	if r.few, r.steady, err = b.few(ctx); err != nil {
		return err
	}
	fmt.Printf("%d of %d clusters in use: measured\n", active, s.Clusters)
	if r.counted, err = b.known(ctx); err != nil {
		return err
	}
	fmt.Println("known loads: measured")
	if r.all, err = b.all(ctx); err != nil {
		return err
	}
	r.print()
	return nil
}
