package webhook

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Decisions are counted by webhook, kind and result; kinds that are made up share one series.
func TestDecisionsAreCounted(t *testing.T) {
	options := Options{ScalerAddress: scalerAddress, Metrics: NewMetrics()}
	ask := func(webhook string, handler admission.Handler, text string) {
		(&counted{Handler: handler, webhook: webhook, metrics: options.Metrics}).Handle(t.Context(), request(t, text))
	}
	ask("validate", &validator{options: options}, good)
	ask("validate", &validator{options: options}, strings.Replace(good, `"80"`, `"x"`, 1))
	ask("validate", &validator{options: options}, strings.Replace(good, "ScaledObject", "MadeUp", 1))
	ask("validate", &validator{options: options}, strings.Replace(good, "ScaledObject", "MadeUpToo", 1))
	ask("mutate", &mutator{options: options}, good)
	registry := prometheus.NewRegistry()
	if err := options.Metrics.Register(registry); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatal(families, err)
	}
	got := map[string]float64{}
	for _, metric := range families[0].GetMetric() {
		name := ""
		for _, label := range metric.GetLabel() {
			name += " " + label.GetValue()
		}
		got[name] = metric.GetCounter().GetValue()
	}
	for name, want := range map[string]float64{
		" ScaledObject allowed validate": 1, " ScaledObject denied validate": 1, " ScaledObject error validate": 0, " other error validate": 2,
		" ScaledObject rewritten mutate": 1, " ScaledObject allowed mutate": 0, " ScaledObject error mutate": 0,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%q is %v (%v), not %v", name, value, ok, want)
		}
	}
	if len(got) != 7 {
		t.Errorf("%v", got)
	}
}
