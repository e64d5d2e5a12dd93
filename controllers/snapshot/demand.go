package snapshot

import (
	"math"
	"strconv"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// digits is how many significant digits are kept. More would change with every look.
const digits = 2

// coarse returns the snapshot of a reading.
func coarse(reading demand.Reading) *v1alpha1.HTTPScalerDemand {
	return &v1alpha1.HTTPScalerDemand{
		Rate:     strconv.FormatFloat(rounded(reading.Rate), 'f', -1, 64),
		InFlight: int64(rounded(float64(reading.InFlight))),
		Held:     int64(rounded(float64(reading.Held))),
	}
}

// rounded keeps the significant digits of a number. A rate below a hundredth is zero: one request
// in two minutes.
func rounded(value float64) float64 {
	if value < 0.01 || math.IsInf(value, 0) || math.IsNaN(value) {
		return 0
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'e', digits-1, 64), 64)
	if err != nil {
		return 0
	}
	return rounded
}
