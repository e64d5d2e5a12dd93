package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
)

// fitted writes the engine that does what results of `vllm bench serve --save-result` say.
func fitted(out io.Writer, like string, paths []string) error {
	limits, err := modelOf(like)
	if err != nil {
		return err
	}
	var runs []engine.Measured
	for _, path := range paths {
		run, err := read(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		runs = append(runs, run)
	}
	model, off, err := engine.Fit("fitted", limits, runs)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%-28s %24s %24s %24s\n", "", "duration s", "mean TTFT ms", "mean TPOT ms"); err != nil {
		return err
	}
	for i, run := range runs {
		is := model.Measure(run)
		fmt.Fprintf(out, "%-28s %11.1f %12.1f %11.1f %12.1f %11.2f %12.2f\n", paths[i], run.Duration, is.Duration,
			run.MeanTTFT, is.MeanTTFT, run.MeanTPOT, is.MeanTPOT)
	}
	fmt.Fprintf(out, "measured, and fitted; off by %.0f %%\n", 100*off)
	e := json.NewEncoder(out)
	e.SetIndent("  ", "  ")
	return e.Encode(model)
}

func read(path string) (engine.Measured, error) {
	file, err := os.Open(path)
	if err != nil {
		return engine.Measured{}, err
	}
	defer func() { _ = file.Close() }()
	return engine.ReadMeasured(file)
}
