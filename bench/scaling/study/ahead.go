package study

import (
	"fmt"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/hpa"
	"github.com/kedify/inference-gateway/bench/scaling/policy"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Foresights are changes of Staffing with burstScaling that could close the gap to Clairvoyant.
func Foresights() []Way {
	return []Way{
		stabilized(0), stabilized(60), stabilized(150), stabilized(600),
		foreseen("learned day, up", false, hpa.Stabilization, learned),
		foreseen("learned day, up and down", true, hpa.Stabilization, learned),
		foreseen("learned day, stabilization 60 s", true, 60, learned),
		foreseen("schedule, up", false, hpa.Stabilization, scheduled),
		foreseen("schedule, up and down", true, hpa.Stabilization, scheduled),
	}
}

// stabilized has another scaleDown.stabilizationWindowSeconds.
func stabilized(seconds float64) Way {
	return perTarget(fmt.Sprintf("stabilization %.0f s", seconds), shares, func(w *Workload, at float64) fleet.Scaler {
		return policy.ByHPAStabilized(tokenRate(w, staffing.DefaultReserve, at), 1, seconds)
	})
}

// behind is how many seconds the level is behind: half of its window, and the wait for the HPA.
const behind = 30 + hpa.Sync

// foreseen has a forecast of the day.
func foreseen(name string, down bool, stabilization float64, forecast func() policy.Forecast) Way {
	return perTarget(name, shares, func(w *Workload, at float64) fleet.Scaler {
		ahead := policy.Ahead{Forecast: forecast(), Lead: w.ColdStart + behind, Down: down}
		signal := policy.TokenRateAhead(settings(staffing.DefaultReserve), at*w.Model.Speed(), ahead)
		return policy.ByHPAStabilized(signal, 1, stabilization)
	})
}

// learned learns the day from those before it.
func learned() policy.Forecast { return policy.NewLearned(dayLength) }

// scheduled is told its shape.
func scheduled() policy.Forecast { return policy.Schedule(dayShape(1).Share) }
