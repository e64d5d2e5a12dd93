package loadgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Report is what the program says of a load, stage by stage.
type Report []Outcome

// Outcome is what became of the requests of a stage.
type Outcome struct {
	// Rate that was asked for, and the one that requests were sent at, per second.
	Rate, Sent float64
	// Requests in all, and those among them that failed, with the program's words about some of the latter.
	Requests, Failed int
	Failures         []string
	// FirstToken, BetweenTokens and Latency of requests that were answered; nil when there is none.
	FirstToken, BetweenTokens, Latency *Spread
	// InputRate and OutputRate are tokens per second.
	InputRate, OutputRate float64
	// InputTokens and OutputTokens as the server counted them. Uncounted are requests for which it did not.
	InputTokens, OutputTokens, Uncounted int
}

// Spread of a time, in seconds.
type Spread struct {
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
}

// written is the part of the program's file about a stage that is read.
type written struct {
	Load struct {
		Count     int     `json:"count"`
		Requested float64 `json:"requested_rate"`
		Achieved  float64 `json:"achieved_rate"`
	} `json:"load_summary"`
	Successes struct {
		Count   int `json:"count"`
		Latency struct {
			Request    *Spread `json:"request_latency"`
			FirstToken *Spread `json:"time_to_first_token"`
			Between    *Spread `json:"inter_token_latency"`
		} `json:"latency"`
		Throughput struct {
			Input  float64 `json:"input_tokens_per_sec"`
			Output float64 `json:"output_tokens_per_sec"`
		} `json:"throughput"`
		Input struct {
			Total float64 `json:"total"`
		} `json:"prompt_tokens"`
		Output struct {
			Total float64 `json:"total"`
		} `json:"output_tokens"`
		Uncounted struct {
			Prompt int `json:"prompt"`
			Output int `json:"output"`
		} `json:"client_fallback_requests"`
	} `json:"successes"`
	Failures struct {
		Count   int `json:"count"`
		ByLabel map[string]struct {
			Messages []struct {
				Message string `json:"message"`
			} `json:"messages"`
		} `json:"by_label"`
	} `json:"failures"`
}

// Read reads the files about stages that the program leaves in a folder.
func Read(folder string) (Report, error) {
	var report Report
	for stage := 0; ; stage++ {
		text, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("stage_%d_lifecycle_metrics.json", stage)))
		if errors.Is(err, fs.ErrNotExist) && stage > 0 {
			return report, nil
		}
		if err != nil {
			return nil, err
		}
		var w written
		if err := json.Unmarshal(text, &w); err != nil {
			return nil, fmt.Errorf("stage %d: %w", stage, err)
		}
		report = append(report, w.outcome())
	}
}

func (w written) outcome() Outcome {
	latency, throughput := w.Successes.Latency, w.Successes.Throughput
	o := Outcome{
		Rate: w.Load.Requested, Sent: w.Load.Achieved, Requests: w.Load.Count, Failed: w.Failures.Count,
		FirstToken: latency.FirstToken, BetweenTokens: latency.Between, Latency: latency.Request,
		InputRate: throughput.Input, OutputRate: throughput.Output,
		InputTokens: int(w.Successes.Input.Total), OutputTokens: int(w.Successes.Output.Total),
		Uncounted: max(w.Successes.Uncounted.Prompt, w.Successes.Uncounted.Output),
	}
	for label, failure := range w.Failures.ByLabel {
		for _, m := range failure.Messages {
			o.Failures = append(o.Failures, label+": "+m.Message)
		}
	}
	slices.Sort(o.Failures)
	return o
}

// Sum is the number of requests, of failed ones, and of tokens in and out of the whole load.
func (r Report) Sum() (requests, failed, input, output int) {
	for _, o := range r {
		requests, failed = requests+o.Requests, failed+o.Failed
		input, output = input+o.InputTokens, output+o.OutputTokens
	}
	return requests, failed, input, output
}

// Table is the report in Markdown.
func (r Report) Table() string {
	const milliseconds = 1000
	var text strings.Builder
	text.WriteString("| requests per second | requests | failed | first token, ms: median, p90, p99 | " +
		"between tokens, ms: median, p90, p99 | answer, s: median, p90, p99 | tokens per second: in, out |\n|---|---|---|---|---|---|---|\n")
	for _, o := range r {
		fmt.Fprintf(&text, "| %.3g | %d | %d | %s | %s | %s | %.0f, %.0f |\n", o.Rate, o.Requests, o.Failed,
			o.FirstToken.in("%.0f", milliseconds), o.BetweenTokens.in("%.1f", milliseconds), o.Latency.in("%.2f", 1), o.InputRate, o.OutputRate)
	}
	return text.String()
}

// in is the spread in another unit, of which there are so many in a second.
func (s *Spread) in(format string, unit float64) string {
	if s == nil {
		return "-"
	}
	return fmt.Sprintf(strings.Join([]string{format, format, format}, ", "), s.Median*unit, s.P90*unit, s.P99*unit)
}
