package chain

import (
	"fmt"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// tokens adds what the requests are in tokens, and which target that suggests, of a trigger that scales by them.
func (l *list) tokens(subject string, of *v1alpha1.HTTPScaler) {
	asked, has := of.Spec.MetricOf(v1alpha1.TokenRate)
	if !has {
		return
	}
	if of.Status.Demand == nil || of.Status.Demand.Tokens == nil {
		l.unknown("tokens", subject, "status.demand.tokens is absent: the demand is unknown, or no proxy has reported tokens.")
		return
	}
	t := of.Status.Demand.Tokens
	l.ok("tokens", subject, "%d weighted tokens/s: level %d, reserve %d, backlog %d; unweighted, prompts have %d tokens/s and answers %d%s.",
		t.WeightedPerSecond, t.Level, t.Reserve, t.Backlog, t.InputPerSecond, t.OutputPerSecond, sizes(t))
	switch {
	case t.MaxPerReplica == nil:
		l.unknown("target", subject, "targetValue is %d; the highest level of a ready replica is not known yet.", asked.Target)
	case t.AdvisedTargetValue == nil:
		l.ok("target", subject, "targetValue is %d; a ready replica was asked for up to %d weighted tokens/s in 24 hours, not under load, "+
			"so no targetValue is advised.", asked.Target, *t.MaxPerReplica)
	default:
		l.ok("target", subject, "targetValue is %d; a ready replica was asked for up to %d weighted tokens/s in 24 hours, under load; "+
			"advised: %d.", asked.Target, *t.MaxPerReplica, *t.AdvisedTargetValue)
	}
}

// sizes says what answers told; empty: none did.
func sizes(t *v1alpha1.HTTPScalerTokens) string {
	if t.MeanOutputTokens == nil || t.CachedPercent == nil {
		return ", guessed from bytes until an answer says its usage"
	}
	return fmt.Sprintf("; an answer has %d tokens, and %d %% of the tokens of prompts were cached", *t.MeanOutputTokens, *t.CachedPercent)
}
