package demand

import (
	"slices"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// defaultWindow and defaultGranularity are those of the trigger.
	defaultWindow, defaultGranularity = time.Minute, time.Second
	// minGranularity and maxBuckets bound the memory of a rate.
	minGranularity = 100 * time.Millisecond
	maxBuckets     = 3600
	// maxLoadWindow is over how much time concurrency is averaged at most: the HPA's period.
	maxLoadWindow = 15 * time.Second
	// loadWidth is the time of one average of the concurrency, see peak.
	loadWidth = time.Second
	// minActivity is for how long an arrival keeps a workload active at least.
	minActivity = time.Minute
)

// aggregation is how concurrency over the window becomes one number.
type aggregation uint8

const (
	average aggregation = iota // time-weighted
	peak                       // the largest average of a second
	instantaneous
)

// plan is what a trigger asks to be counted. It is immutable.
type plan struct {
	scaler *scaler.Scaler
	// gateways must be known; external: they are pseudo gateways of user-run Envoys, and
	// what our own proxies count is no part of the metric.
	gateways []*gateway
	external bool

	window, width instant // of the rate
	size          int64
	loadWindow    instant
	loadSize      int64
	aggregation   aggregation
	activation    float64
	activity      instant
}

// newPlan reads a trigger. Values that admission would refuse are bent to the next good one:
// the board must count whatever it is given.
func (b *Board) newPlan(from *scaler.Scaler) *plan {
	metric := from.Spec.Metric
	p := &plan{scaler: from, external: metric.ExternalProxyMetricKey != "", activation: float64(metric.ActivationTarget)}
	expected := from.Gateways
	if p.external {
		expected = []ir.Key{External(from.Key)}
	}
	for _, key := range expected {
		p.gateways = append(p.gateways, b.gateway(key))
	}
	window, width := metric.Window.Duration, metric.Granularity.Duration
	if window <= 0 {
		window = defaultWindow
	}
	window = max(window, b.floor())
	if width <= 0 {
		width = defaultGranularity
	}
	width = max(min(width, window/2), minGranularity, window/maxBuckets)
	p.window, p.width = instant(window), instant(width)
	p.size = int64((window+width-1)/width) + 2 // the bucket that fills, and the one that leaves
	p.loadWindow = instant(max(min(window, maxLoadWindow), b.floor()))
	p.loadSize = int64(p.loadWindow/instant(loadWidth)) + 2
	switch metric.Aggregation {
	case "peak":
		p.aggregation = peak
	case "instant":
		p.aggregation = instantaneous
	}
	polling := time.Duration(from.Spec.Scale.PollingSeconds) * time.Second
	p.activity = instant(max(2*polling, window, minActivity))
	return p
}

// floor is the shortest time that a number is taken over: two reports of a proxy.
func (b *Board) floor() time.Duration { return 2 * b.options.Flush }

// expects reports whether the gateway is one of those that must be known.
func (p *plan) expects(g *gateway) bool { return slices.Contains(p.gateways, g) }

// sameBuckets reports whether what was counted under another plan can stay as it is.
func (p *plan) sameBuckets(other *plan) bool {
	return p.width == other.width && p.size == other.size && p.loadSize == other.loadSize && p.external == other.external
}
