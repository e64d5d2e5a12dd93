// Command scaling compares ways to scale a model by simulation: how many replicas each needs for
// the same time to the first token, on public traces.
//
// Job: the benchmark behind `make bench NAME=scaling`. Each way decides over the same requests,
// behind the same replicas: the product's metrics by the product's code (scaler/staffing,
// scaler/demand/window), KEDA's Prometheus scaler, both followed by the arithmetic of Kubernetes'
// HPA; and the limit, a planner that knows the future. With -fit it finds the numbers of an
// engine in results of vLLM's benchmark instead.
// Inputs: the traces of testdata, engine/models.json; no cluster, no Envoy, no clock.
// Outputs: tables, and as the last line "bar: name=value ...", in percent.
// Ownership: runs share nothing but the traces; as many run at a time as there are processors.
package main

import (
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"os"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/study"
)

//go:embed testdata/*.csv
var testdata embed.FS

func main() {
	long := flag.Bool("long", false, "more tables: what the future would tell, other cold starts, another day, the other engine")
	fit := flag.Bool("fit", false, "fit an engine to results of vllm bench serve (arguments: files), and print it for engine/models.json")
	like := flag.String("engine", "L", "the engine of engine/models.json that is simulated; with -fit: that has the limits of the fitted one")
	flag.Parse()
	var err error
	if *fit {
		err = fitted(os.Stdout, *like, flag.Args())
	} else {
		err = compare(*like, *long)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

func compare(name string, long bool) error {
	model, err := modelOf(name)
	if err != nil {
		return err
	}
	files, err := fs.Sub(testdata, "testdata")
	if err != nil {
		return err
	}
	traces, err := study.ReadTraces(files)
	if err != nil {
		return err
	}
	r := newReport(os.Stdout, traces, model)
	r.hours()
	r.recipes()
	r.days()
	r.settings()
	if long {
		r.foresight()
		r.coldStarts()
		r.smoothDay()
		if err := r.otherEngine(); err != nil {
			return err
		}
	}
	r.bar()
	return nil
}

func modelOf(name string) (engine.Model, error) {
	models, err := engine.Models()
	if err != nil {
		return engine.Model{}, err
	}
	m, known := models[name]
	if !known {
		return m, fmt.Errorf("engine/models.json has no %q", name)
	}
	return m, nil
}
