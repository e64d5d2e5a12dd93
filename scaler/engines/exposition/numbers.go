package exposition

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Numbers are what one Pod says of itself. Nil: it does not say.
type Numbers struct {
	Engine Engine
	// Waiting is how many requests wait for their first turn, over all ranks.
	Waiting *float64
	// Cache is the share of the KV cache that is in use, from 0 to 1, the mean over all ranks.
	Cache *float64
}

// Errors of Read. They repeat nothing of the text: its author is a tenant, and what reads it is not.
var (
	ErrTooLong    = errors.New("the answer is longer than 1 MiB")
	ErrTooMany    = errors.New("the answer has more than 512 series, or 128 KiB, of these metrics")
	ErrNoText     = errors.New("the answer is no text of Prometheus metrics")
	ErrNoNumbers  = errors.New("the answer has none of the metrics of a known engine")
	ErrNotInForce = errors.New("the answer has none of the metrics of the engine that the trigger names")
	ErrNoAmount   = errors.New("a metric in the answer has a value that is no amount")
)

// maxWaiting is more requests than any Pod has. Sums of it stay far from where floats lose units.
const maxWaiting = 1e9

// fullCache allows for what rounding makes of a full cache.
const fullCache = 1.01

// Read reads a text of metrics.
func Read(from io.Reader, engine Engine) (Numbers, error) {
	candidates := dialectsOf(engine)
	families, err := parse(from, names(candidates))
	if err != nil {
		return Numbers{}, err
	}
	for i := range candidates {
		numbers, any, err := candidates[i].read(families)
		if any || err != nil {
			return numbers, err
		}
	}
	if len(candidates) == len(dialects) {
		return Numbers{}, ErrNoNumbers
	}
	return Numbers{}, ErrNotInForce
}

// read finds the numbers of an engine; false: the text has none of its names.
func (d *dialect) read(families map[string]*dto.MetricFamily) (Numbers, bool, error) {
	waiting := d.values(families, d.waiting)
	cache := d.values(families, d.cache)
	numbers := Numbers{Engine: d.engine}
	for _, value := range waiting {
		if !(value >= 0 && value <= maxWaiting) {
			return numbers, true, ErrNoAmount
		}
	}
	for _, value := range cache {
		if !(value >= 0 && value <= fullCache) {
			return numbers, true, ErrNoAmount
		}
	}
	if len(waiting) > 0 {
		sum := total(waiting)
		numbers.Waiting = &sum
	}
	if len(cache) > 0 {
		mean := min(total(cache)/float64(len(cache)), 1)
		numbers.Cache = &mean
	}
	return numbers, len(waiting)+len(cache) > 0, nil
}

// values returns one value for each rank that works by itself, of the first name that the text has.
func (d *dialect) values(families map[string]*dto.MetricFamily, of []name) []float64 {
	for _, name := range of {
		ranks := map[string]float64{}
		for _, series := range families[name.metric].GetMetric() {
			if name.label != "" && labelOf(series, name.label) != name.value || d.part != "" && labelOf(series, d.part) != "" {
				continue
			}
			rank, value := d.rank(series), series.GetUntyped().GetValue()
			if known, found := ranks[rank]; !found || value > known || math.IsNaN(value) {
				ranks[rank] = value
			}
		}
		if len(ranks) > 0 {
			values := make([]float64, 0, len(ranks))
			for _, value := range ranks {
				values = append(values, value)
			}
			slices.Sort(values) // sums of floats depend on their order
			return values
		}
	}
	return nil
}

// rank names the series that have one number together.
func (d *dialect) rank(series *dto.Metric) string {
	labels := make([]string, 0, len(series.GetLabel()))
	for _, label := range series.GetLabel() {
		if !slices.Contains(d.repeats, label.GetName()) {
			labels = append(labels, label.GetName()+"\x00"+label.GetValue())
		}
	}
	slices.Sort(labels)
	return strings.Join(labels, "\x00")
}

func labelOf(series *dto.Metric, name string) string {
	for _, label := range series.GetLabel() {
		if label.GetName() == name {
			return label.GetValue()
		}
	}
	return ""
}

func total(values []float64) (sum float64) {
	for _, value := range values {
		sum += value
	}
	return sum
}
