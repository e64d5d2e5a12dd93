package keda

import (
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// ofReplicas returns a level, which is that of one replica, as the load of all that are ready.
//
// All metrics of a trigger have one metricType in KEDA, and sums need AverageValue: the HPA wants value/target replicas, and
// leaves those of status.replicas where these are within its tolerance of that. With level x ready for the value this is
// level/target x ready, which is what the HPA makes of a level with the type Value. So replicas that are starting do not
// add to a level before they have one, and do not make it ask for ever more of them. Two differences remain. While
// replicas start, a level at its target asks for those that are ready; the HPA's stabilization of scale-downs, or another
// metric, keeps the others. And the tolerance counts from status.replicas.
//
// A target without a ready replica has no level, and zero is what the HPA makes of that, too. A number of ready replicas
// that is not known is an error: one replica would be a guess that scales down.
func (s *Server) ofReplicas(found *scaler.Scaler, kind metric.Kind, level float64) (float64, error) {
	ready, known := s.options.Ready(*found)
	if !known {
		target := found.Spec.Scale.Target
		return 0, s.unknown(unknownReady, "trigger %s: %s is that of one replica, and how many of %s %s are ready is not known; "+
			"if the target was just created this will pass", found.Key, kind.Name, target.Kind, target.Name)
	}
	return level * float64(ready), nil
}
