// Command coldstart measures what the gateway adds to a start from zero, and how soon KEDA
// knows that there is work.
//
// Job: the benchmark behind `make bench NAME=coldstart`. In turns:
//
//   - product: a Deployment of no replicas with a kedify-http ScaledObject; one request through
//     the namespace's Gateway kedify-proxy. From the answer the moment is taken away at which the
//     Pod became ready: what is left is what hold, activation and release cost on top.
//
//   - direct, the limit: the same Deployment without any of it, scaled by hand; a client that
//     watches the endpoints sends its request to the Pod the moment it sees it ready.
//
//   - http-add-on, when HTTP_ADD_ON names a folder with its programs: its interceptor and its
//     scaler with their default settings, on the same KEDA. The folder is made by
//
//     cd bench/coldstart/peer && go build -o ../../../bin/http-add-on/ tool &&
//     cp $(go list -m -f '{{.Dir}}' github.com/kedacore/http-add-on)/config/crd/bases/*.yaml ../../../bin/http-add-on/
//
// Then 50 requests at once at zero; and, with KEDA's operator stopped, a client of KEDA's protocol
// with 1,000 triggers at the scaler's port of every replica: request sent -> IsActive=true.
//
// Inputs: the cluster of KUBECONFIG with KEDA and the product installed, run inside its network.
// Outputs: tables, and as the last line "bar: name=value ...", times in milliseconds.
// Ownership: one goroutine measures; watches and streams have their own.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// settings of a run.
type settings struct {
	Samples, Others, Burst int
	Triggers, Activations  int
	AddOn                  string
}

func main() {
	var s settings
	flag.IntVar(&s.Samples, "samples", 60, "cold starts of the product")
	flag.IntVar(&s.Others, "others", 20, "cold starts of each of the others")
	flag.IntVar(&s.Burst, "burst", 50, "requests at once at zero; 0: none")
	flag.IntVar(&s.Triggers, "triggers", 1000, "triggers of the KEDA-protocol client; 0: no such client")
	flag.IntVar(&s.Activations, "activations", 300, "how many of them are woken")
	flag.StringVar(&s.AddOn, "http-add-on", os.Getenv("HTTP_ADD_ON"), "folder with interceptor, scaler and the CRDs of http-add-on")
	flag.Parse()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	c, err := connect()
	if err != nil {
		return err
	}
	r := report{settings: s}
	if err := starts(ctx, c, s, &r); err != nil {
		return err
	}
	if s.Triggers > 0 {
		if err := activations(ctx, c, s, &r); err != nil {
			return err
		}
	}
	r.print()
	return nil
}

// starts measures starts from zero in a namespace of its own.
func starts(ctx context.Context, c *cluster, s settings, r *report) error {
	b, err := open(ctx, c, s)
	if err != nil {
		return err
	}
	defer b.close()
	begun := time.Now()
	if r.starts, err = b.measure(ctx); err != nil {
		return err
	}
	fmt.Printf("starts from zero: measured in %s\n", time.Since(begun).Round(time.Second))
	if s.Burst > 0 {
		r.burst, err = b.burst(ctx)
	}
	return err
}
