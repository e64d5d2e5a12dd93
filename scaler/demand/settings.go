package demand

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// settings are what a trigger asks to be counted. They are immutable.
type settings struct {
	// scaler is nil while no trigger is in force for the key. Proxies and replicas may report a
	// key before the catalog has it: then any gateway counts, in the default window.
	scaler *scaler.Scaler
	// gateways must be known, and no other counts. Of a trigger that user-run Envoys count for
	// it is the pseudo gateway of those.
	gateways []*gatewayCounters
	sizes    window.Sizes
	// metrics of the trigger, in its order: none while it is not in force, otherwise at least one.
	metrics []metric.Metric
	// work says how the work of the requests is kept; nil: no metric of the trigger is of it.
	work *window.WorkSettings
	// tokens: one of the metrics is tokenRate, and people are shown the work.
	tokens bool
	// concurrency is what people are shown, with any metric.
	concurrency metric.Concurrency
	// activation is the activation target, activity how long an arrival keeps a workload active.
	activation float64
	activity   instant.Time
}

// settingsOf reads a trigger.
func (r *Registry) settingsOf(from *scaler.Scaler) *settings {
	spec := from.Spec.Metric
	span, step := from.Spec.Window()
	inFlight, _ := from.Spec.MetricOf(v1alpha1.Concurrency)
	z := &settings{
		scaler: from, sizes: window.NewSizes(span, step, r.timing.Floor()),
		concurrency: metric.ConcurrencyOf(inFlight), activation: float64(spec.ActivationTarget),
	}
	for _, spec := range from.Spec.Metrics() {
		z.metrics = append(z.metrics, r.options.Metrics.Of(spec))
	}
	z.work = metric.WorkOf(from.Spec)
	_, z.tokens = from.Spec.MetricOf(v1alpha1.TokenRate)
	expected := from.Gateways
	if spec.ExternalProxyMetricKey != "" {
		expected = []types.NamespacedName{External(from.Key)}
	}
	for _, key := range expected {
		z.gateways = append(z.gateways, r.gateway(key))
	}
	polling := time.Duration(from.Spec.Scale.PollingSeconds) * time.Second
	z.activity = max(instant.Time(2*polling), z.sizes.Window)
	return z
}

// noSettings are those without a trigger.
func (r *Registry) noSettings() *settings {
	z := &settings{sizes: window.NewSizes(0, 0, r.timing.Floor())}
	z.activity = z.sizes.Window
	return z
}

// exceeds reports whether the traffic alone is above the activation target, by any of the metrics.
func (z *settings) exceeds(t window.Traffic) bool {
	return slices.ContainsFunc(z.metrics, func(m metric.Metric) bool { return m.Exceeds(t, z.activation) })
}

// counts reports whether the proxies of the gateway count for the key.
func (z *settings) counts(g *gatewayCounters) bool {
	return z.scaler == nil || slices.Contains(z.gateways, g)
}
