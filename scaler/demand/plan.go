package demand

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
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
	// scaler is nil while no trigger is in force for the key. Proxies and replicas may speak of
	// a key before the catalog does: then any gateway counts, in the default window.
	scaler *scaler.Scaler
	// gateways must be known, and no other counts. Of a trigger that user-run Envoys count for
	// it is the pseudo gateway of those.
	gateways []*gateway

	window, width instant // of the rate
	size          int64
	loadWindow    instant
	loadSize      int64
	aggregation   aggregation
	activation    float64
	activity      instant
}

// newPlan reads a trigger. Values that admission would refuse are bent to the next good one:
// the registry must count whatever it is given.
func (b *Registry) newPlan(from *scaler.Scaler) *plan {
	metric := from.Spec.Metric
	p := b.windows(metric.Window.Duration, metric.Granularity.Duration)
	p.scaler, p.activation = from, float64(metric.ActivationTarget)
	expected := from.Gateways
	if metric.ExternalProxyMetricKey != "" {
		expected = []types.NamespacedName{External(from.Key)}
	}
	for _, key := range expected {
		p.gateways = append(p.gateways, b.gateway(key))
	}
	switch metric.Aggregation {
	case "peak":
		p.aggregation = peak
	case "instant":
		p.aggregation = instantaneous
	}
	polling := time.Duration(from.Spec.Scale.PollingSeconds) * time.Second
	p.activity = max(instant(2*polling), p.window)
	return p
}

// windows returns a plan with the windows of a trigger.
func (b *Registry) windows(window, width time.Duration) *plan {
	if window <= 0 {
		window = defaultWindow
	}
	window = max(window, b.floor())
	if width <= 0 {
		width = defaultGranularity
	}
	width = max(min(width, window/2), minGranularity, window/maxBuckets)
	p := &plan{window: instant(window), width: instant(width), activity: instant(window)}
	p.size = int64((window+width-1)/width) + 2 // the bucket that fills, and the one that leaves
	p.loadWindow = instant(max(min(window, maxLoadWindow), b.floor()))
	p.loadSize = int64(p.loadWindow/instant(loadWidth)) + 2
	return p
}

// floor is the shortest time that a number is taken over: two reports of a proxy.
func (b *Registry) floor() time.Duration { return 2 * b.options.Flush }

// counts reports whether the proxies of the gateway have a say.
func (p *plan) counts(g *gateway) bool { return p.scaler == nil || slices.Contains(p.gateways, g) }

// sameBuckets reports whether what was counted under another plan can stay as it is.
func (p *plan) sameBuckets(other *plan) bool {
	return p.width == other.width && p.size == other.size && p.loadSize == other.loadSize
}
