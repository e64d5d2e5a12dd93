// Package engine is a model server: one replica, as far as the time that requests take.
//
// Job: iteration-level batching with chunked prefill, as vLLM, SGLang and TensorRT-LLM do it. A
// step of a replica computes one token of each request that has its prompt behind it, and as many
// tokens of prompts as the rest of the budget allows; it takes
//
//	Base + PerPrompt x prompt tokens + PerDecode x requests decoding + PerContext x tokens in memory
//
// seconds. A request is admitted when memory for all of its prompt and answer is free. Its first
// token comes at the end of the step that computes the last of its prompt.
//
// Left out: preemption, speculative decoding, prefix caches that forget, prefill and decode on
// replicas of their own.
//
// Inputs: Model, from models.json, which says where its numbers are from; requests with their
// moments. Outputs: Replica; Fit, which finds the numbers of a Model in results of vLLM's
// benchmark.
// Ownership: pure. A Replica belongs to its caller.
package engine

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Model is what a step costs on one replica, and how much fits.
type Model struct {
	Name string `json:"name"`
	// Source says where the numbers are from.
	Source string `json:"source"`
	// Base, PerPrompt, PerDecode and PerContext are in seconds.
	Base       float64 `json:"base"`
	PerPrompt  float64 `json:"perPrompt"`
	PerDecode  float64 `json:"perDecode"`
	PerContext float64 `json:"perContext"`
	// Budget is tokens of a step, Requests those that are computed at once, Memory the tokens
	// that fit.
	Budget   int `json:"budget"`
	Requests int `json:"requests"`
	Memory   int `json:"memory"`
}

//go:embed models.json
var models []byte

// Models are those of models.json by name.
func Models() (map[string]Model, error) {
	var list []Model
	if err := json.Unmarshal(models, &list); err != nil {
		return nil, fmt.Errorf("models.json: %w", err)
	}
	byName := map[string]Model{}
	for _, m := range list {
		if m.Base <= 0 || m.PerPrompt <= 0 || m.PerDecode < 0 || m.PerContext < 0 || m.Budget < 1 || m.Requests < 1 || m.Memory < 1 {
			return nil, fmt.Errorf("models.json: %q costs nothing, or has room for nothing", m.Name)
		}
		byName[m.Name] = m
	}
	return byName, nil
}

// batch is the batch at which the cost of an output token is taken.
const batch = 16

// Output returns what a token of an answer costs in tokens of a prompt, in a batch of 16.
func (m Model) Output() float64 { return (m.Base/batch + m.PerDecode) / m.PerPrompt }

// Speed returns the weighted tokens per second of a replica that does nothing else: prompts.
func (m Model) Speed() float64 { return 1 / m.PerPrompt }
