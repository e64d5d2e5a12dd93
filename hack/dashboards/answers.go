package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"
	"github.com/prometheus/common/model"
)

// answers are what a Prometheus said about the queries of the boards, as TestBoards of controllers/plane writes them: by file of the
// board, title of the panel and letter of the query ("fleet.json: Memory A"), the matrix of its answer over one time range.
type answers map[string]model.Matrix

func readAnswers(path string) (answers, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var read answers
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return read, nil
}

// key is that of a query of a panel.
func (b board) key(p panel, at int) string {
	return b.File + ": " + p.Title + " " + string(rune('A'+at))
}

// line is one series of a panel.
type line struct {
	Name string
	// Values at the times of the panel; null is a gap.
	Values []float64
	Last   float64
}

var null = charts.GetNullValue()

// lines are the series of a panel, at times that all of them share.
func (a answers) lines(b board, p panel) (all []line, times []model.Time) {
	at := map[model.Time]int{}
	for i := range p.Queries {
		for _, series := range a[b.key(p, i)] {
			for _, sample := range series.Values {
				at[sample.Timestamp] = 0
			}
		}
	}
	times = slices.Sorted(maps.Keys(at))
	for i, time := range times {
		at[time] = i
	}
	for i, query := range p.Queries {
		for _, series := range a[b.key(p, i)] {
			one := line{Name: legend(query.Legend, series.Metric), Values: slices.Repeat([]float64{null}, len(times))}
			for _, sample := range series.Values {
				one.Last = float64(sample.Value)
				one.Values[at[sample.Timestamp]] = one.Last
			}
			all = append(all, one)
		}
	}
	return all, times
}

// legend puts labels into a text, as Grafana does. Without a text it is all labels.
func legend(text string, labels model.Metric) string {
	if text == "" {
		return strings.Trim(labels.String(), "{}")
	}
	for name, value := range labels {
		text = strings.ReplaceAll(text, "{{"+string(name)+"}}", string(value))
	}
	return text
}

// written is a value in a unit of Grafana.
func written(value float64, unit string) string {
	switch unit {
	case second:
		return duration(value)
	case "ms":
		return duration(value / 1000)
	case "bytes":
		return sized(value)
	case "Bps":
		return sized(value) + "/s"
	case "reqps", "ops":
		return short(value) + "/s"
	}
	return short(value)
}

func short(value float64) string { return strconv.FormatFloat(value, 'g', 3, 64) }

func duration(seconds float64) string {
	switch {
	case seconds >= 48*3600:
		return fmt.Sprintf("%.0f days", seconds/86400)
	case seconds >= 1 || seconds == 0:
		return short(seconds) + " s"
	case seconds >= 0.001:
		return short(seconds*1000) + " ms"
	}
	return short(seconds*1e6) + " µs"
}

func sized(bytes float64) string {
	switch {
	case bytes >= 1<<20:
		return short(bytes/(1<<20)) + " MiB"
	case bytes >= 1<<10:
		return short(bytes/(1<<10)) + " KiB"
	}
	return short(bytes) + " B"
}
