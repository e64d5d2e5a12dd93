package chain

import (
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// TestTokens: a trigger that scales by tokens says what they are and which target is advised; what is not known is not zero.
func TestTokens(t *testing.T) {
	const subject = "HTTPScaler web-0"
	shown := v1alpha1.HTTPScalerTokens{
		WeightedPerSecond: 4000, Level: 3000, Reserve: 900, Backlog: 100, InputPerSecond: 1000, OutputPerSecond: 300,
	}
	busy := shown
	busy.MeanOutputTokens, busy.CachedPercent = new(int64(150)), new(int64(40))
	busy.MaxPerReplica, busy.AdvisedTargetValue = new(int64(1500)), new(int64(1300))
	calm := busy
	calm.AdvisedTargetValue = nil
	for name, c := range map[string]struct {
		shown *v1alpha1.HTTPScalerTokens
		want  []Link
	}{
		"unknown": {nil, []Link{
			{"tokens", subject, Unknown, "status.demand.tokens is absent: the demand is unknown, or no proxy has reported tokens.", ""}}},
		"no usage": {&shown, []Link{
			{"tokens", subject, OK, "4000 weighted tokens/s: level 3000, reserve 900, backlog 100; unweighted, prompts have 1000 tokens/s and " +
				"answers 300, guessed from bytes until an answer says its usage.", ""},
			{"target", subject, Unknown, "targetValue is 3500; the highest level of a ready replica is not known yet.", ""}}},
		"calm": {&calm, []Link{{"target", subject, OK, "targetValue is 3500; a ready replica was asked for up to 1500 weighted tokens/s in " +
			"24 hours, not under load, so no targetValue is advised.", ""}}},
		"busy": {&busy, []Link{
			{"tokens", subject, OK, "4000 weighted tokens/s: level 3000, reserve 900, backlog 100; unweighted, prompts have 1000 tokens/s and " +
				"answers 300; an answer has 150 tokens, and 40 % of the tokens of prompts were cached.", ""},
			{"target", subject, OK, "targetValue is 3500; a ready replica was asked for up to 1500 weighted tokens/s in 24 hours, under load; " +
				"advised: 1300.", ""}}},
	} {
		facts := scaled()
		of := facts.Triggers[0].Scaler
		of.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.TokenRate, Target: 3500}
		of.Status.Demand = &v1alpha1.HTTPScalerDemand{Tokens: c.shown}
		list := OfScaledObject(facts)
		for _, want := range c.want {
			if !list.Served || !slices.Contains(list.Links, want) {
				t.Errorf("%s: %+v is not in %+v", name, want, list.Links)
			}
		}
	}
	if slices.ContainsFunc(OfScaledObject(scaled()).Links, func(link Link) bool { return link.Name == "tokens" }) {
		t.Error("a trigger that does not scale by tokens speaks of them")
	}
}
