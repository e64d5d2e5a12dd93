package staffing_test

import (
	"math"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Each setting does what it says, and one that is none is the nearest that is.
func TestSettings(t *testing.T) {
	type settings = staffing.Settings
	for name, c := range map[string]struct {
		change func(*settings)
		value  float64 // of half of the bins with 20 answered, half with none, and 3 held
	}{
		"defaults":           {func(*settings) {}, 20*ofAnswered + 3*ofAnswered/30},
		"zero times":         {func(s *settings) { s.Window, s.History, s.Horizon = 0, 0, 0 }, 20*ofAnswered + 3*ofAnswered/30},
		"times below zero":   {func(s *settings) { s.Window, s.History, s.Horizon = -1, -1, -1 }, 20*ofAnswered + 3*ofAnswered/30},
		"output weight":      {func(s *settings) { s.OutputWeight = 2 }, 20*420 + 3*420.0/30},
		"no output":          {func(s *settings) { s.OutputWeight = -1 }, 20*320 + 3*320.0/30},
		"most output":        {func(s *settings) { s.OutputWeight = math.Inf(1) }, 20*50_320 + 3*50_320.0/30},
		"no weight":          {func(s *settings) { s.OutputWeight = math.NaN() }, 20*320 + 3*320.0/30},
		"cached weight":      {func(s *settings) { s.CachedWeight = 0.5 }, 20*750 + 3*750.0/30},
		"cached is free":     {func(s *settings) { s.CachedWeight = math.NaN() }, 20*650 + 3*650.0/30},
		"cached is dear":     {func(s *settings) { s.CachedWeight = 7 }, 20*850 + 3*850.0/30},
		"no reserve":         {func(s *settings) { s.Reserve = 0 }, 10*ofAnswered + 3*ofAnswered/30},
		"negative reserve":   {func(s *settings) { s.Reserve = -3 }, 10*ofAnswered + 3*ofAnswered/30},
		"most reserve":       {func(s *settings) { s.Reserve = 1e300 }, 1010*ofAnswered + 3*ofAnswered/30},
		"a short horizon":    {func(s *settings) { s.Horizon = 3 * time.Second }, 20*ofAnswered + ofAnswered},
		"the least horizon":  {func(s *settings) { s.Horizon = 1 }, 20*ofAnswered + 3*ofAnswered},
		"the least window":   {func(s *settings) { s.Window = 1 }, 10*ofAnswered + 3*ofAnswered/30},
		"the longest window": {func(s *settings) { s.Window = math.MaxInt64 }, 20*ofAnswered + 3*ofAnswered/30},
		"the least history":  {func(s *settings) { s.History = 1 }, 10*ofAnswered + math.Sqrt(800.0/9)*ofAnswered + 3*ofAnswered/30},
		"the most history":   {func(s *settings) { s.History = math.MaxInt64 }, 20*ofAnswered + 3*ofAnswered/30},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.change)
			r.now = 1000 * second
			for range 12 {
				r.take(10, answered(20))
				r.take(10, staffing.Seen{})
			}
			r.is("value", r.meter.Need(r.now, staffing.Held{Requests: 3}).Value, c.value)
		})
	}
}

// A window of a day is counted in buckets of some seconds, and is one of a day.
func TestLongWindow(t *testing.T) {
	r := newRig(t, func(s *staffing.Settings) { s.Window, s.Reserve = 24*time.Hour, 0 })
	r.take(10, requests(10))
	r.is("after ten seconds", r.need().Level, 10*ofRequest)
	r.now += 12*3600*second - 10*second
	r.take(1, staffing.Seen{})
	r.is("after half a day", r.need().Level, 100*ofRequest/(12*3600+1))
	if n := r.meter.Buckets(); n > 2*3602+2*62 {
		t.Errorf("%d buckets", n)
	}
}
