package burst

import (
	"math"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

const (
	// tolerance is that of the HPA: replicas within it of the demand are enough.
	tolerance = 0.1
	// most that are added in upPeriod, as by an HPA without behavior of its own.
	upLeast, upFactor = 4, 2
)

// demands returns how many replicas the known metrics ask for, as a fraction: the highest value divided by its target. A level
// has no part in it: it is late, and it is known of ready replicas alone. False: no metric is known.
func demands(reading *demand.Reading, spec *v1alpha1.HTTPScalerSpec) (replicas float64, name string, known bool) {
	for i, of := range spec.Metrics() {
		kind := metric.KindOf(of.Type)
		value, err := reading.ValueOf(i, kind.Name)
		if err != nil || kind.Level || of.TargetValue() <= 0 || math.IsNaN(value) || math.IsInf(value, 0) {
			continue
		}
		if asked := value / of.TargetValue(); !known || asked > replicas {
			replicas, name, known = asked, kind.Name, true
		}
	}
	return replicas, name, known
}

// wanted returns how many replicas are to be written; 0: there are enough, or as many as there may be. There are from now and were
// least at some time of the last upPeriod; most is the maximum.
func wanted(demanded float64, from, least, most int32) int32 {
	if from < 1 || demanded <= (1+tolerance)*float64(from) {
		return 0
	}
	allowed := min(max(int64(least)+upLeast, upFactor*int64(least)), int64(most))
	to := int64(min(math.Ceil(demanded), float64(allowed)))
	if to <= int64(from) {
		return 0
	}
	return int32(to)
}
