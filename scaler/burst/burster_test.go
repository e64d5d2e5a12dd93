package burst

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

const s = time.Second

// TestBurst: what is written to /scale, and when. Time is that of the bubble, so the moments are exact.
func TestBurst(t *testing.T) {
	for name, c := range map[string]struct {
		trigger func(*v1alpha1.HTTPScalerSpec)
		story   func(w *world)
		writes  []write
		asked   int // about the HPA
	}{
		"a burst": {
			story:  func(w *world) { w.pass(3 * s); w.asks(45); w.pass(10 * s) },
			writes: []write{{4 * s, 5}}, asked: 1,
		},
		"four more, or twice as many, in 15 seconds": {
			story:  func(w *world) { w.asks(1000); w.pass(60 * s) },
			writes: []write{{2 * s, 5}, {18 * s, 10}, {34 * s, 20}, {50 * s, 40}}, asked: 4,
		},
		"what others raise counts": {
			story: func(w *world) {
				w.scale(2)
				w.asks(1)
				w.pass(3 * s)
				w.scale(6)
				w.asks(300)
				w.pass(15 * s)
			},
			writes: []write{{18 * s, 12}}, asked: 1,
		},
		"within the tolerance of the HPA": {
			story: func(w *world) { w.scale(10); w.asks(109.9); w.pass(time.Minute) },
		},
		"just beyond it": {
			story:  func(w *world) { w.scale(10); w.asks(110.1); w.pass(time.Minute) },
			writes: []write{{2 * s, 12}}, asked: 1,
		},
		"up to the maximum": {
			trigger: func(spec *v1alpha1.HTTPScalerSpec) { spec.Scale.Max = 3 },
			story:   func(w *world) { w.asks(1000); w.pass(time.Minute) },
			writes:  []write{{2 * s, 3}}, asked: 1,
		},
		"up to that of the HPA": {
			story:  func(w *world) { w.with(func() { w.most = 2 }); w.asks(1000); w.pass(3 * s) },
			writes: []write{{2 * s, 2}}, asked: 1,
		},
		"never down": {
			story: func(w *world) { w.scale(20); w.asks(1); w.pass(time.Minute) },
		},
		"not from zero": {
			story: func(w *world) { w.scale(0); w.asks(1000); w.pass(time.Minute) },
		},
		"not more than four when it was at zero": {
			story:  func(w *world) { w.scale(0); w.asks(1000); w.pass(3 * s); w.scale(1); w.pass(10 * s) },
			writes: []write{{4 * s, 4}}, asked: 1,
		},
		"unknown": {
			story: func(w *world) {
				w.asks(1000)
				w.with(func() { w.unknown = errors.New("no proxy reports") })
				w.pass(time.Minute)
			},
		},
		"the metric is unknown": {
			story: func(w *world) {
				w.asks(1000)
				w.with(func() { w.reading.Unknown = errors.New("nothing is read") })
				w.pass(time.Minute)
			},
		},
		"one of two is unknown": {
			trigger: alsoConcurrency,
			story: func(w *world) {
				w.asks(1000, 15)
				w.with(func() { w.reading.Unknown = errors.New("nothing is read") })
				w.pass(time.Minute)
			},
			writes: []write{{2 * s, 3}}, asked: 1,
		},
		"the higher one decides": {
			trigger: alsoConcurrency,
			story:   func(w *world) { w.asks(31, 15); w.pass(time.Minute) },
			writes:  []write{{2 * s, 4}}, asked: 1,
		},
		"a level has no part": {
			trigger: func(spec *v1alpha1.HTTPScalerSpec) {
				spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.KVCache, KVCache: &v1alpha1.KVCacheMetric{Target: "0.1"}}
			},
			story: func(w *world) { w.asks(1); w.pass(time.Minute) },
		},
		"paused": {
			trigger: func(spec *v1alpha1.HTTPScalerSpec) { spec.Scale.ScaleOutPaused = true },
			story:   func(w *world) { w.asks(1000); w.pass(time.Minute) },
		},
		"not asked for": {
			trigger: func(spec *v1alpha1.HTTPScalerSpec) { spec.Scale.BurstScaling = false },
			story:   func(w *world) { w.asks(1000); w.pass(time.Minute) },
		},
		"not the leader": {
			story: func(w *world) { w.with(func() { w.leads = false }); w.asks(1000); w.pass(time.Minute) },
		},
		"the new leader knows what the old one raised": {
			story: func(w *world) {
				w.with(func() { w.leads = false })
				w.asks(1000)
				w.pass(3 * s)
				w.scale(5)
				w.pass(2 * s)
				w.with(func() { w.leads = true })
				w.pass(10 * s)
			},
		},
		"refused": {
			story: func(w *world) { w.with(func() { w.why = "there is no HPA" }); w.asks(1000); w.pass(61 * s) },
			asked: 4,
		},
		"refused no longer": {
			story: func(w *world) {
				w.with(func() { w.why = "paused" })
				w.asks(20)
				w.pass(3 * s)
				w.with(func() { w.why = "" })
				w.pass(20 * s)
			},
			writes: []write{{18 * s, 2}}, asked: 2,
		},
		"the API server fails": {
			story: func(w *world) {
				w.with(func() { w.blind, w.fail = true, errors.New("away") })
				w.asks(1000)
				w.pass(61 * s)
			},
			asked: 4,
		},
		"a target without an informer": {
			story:  func(w *world) { w.with(func() { w.blind = true }); w.asks(45); w.pass(61 * s) },
			writes: []write{{2 * s, 5}}, asked: 4,
		},
		"the trigger goes": {
			story: func(w *world) { w.asks(1000); w.pass(s); w.catalog.Set(shop, nil); w.pass(time.Minute) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				changes := []func(*v1alpha1.HTTPScalerSpec){}
				if c.trigger != nil {
					changes = append(changes, c.trigger)
				}
				w.catalog.Set(shop, triggerOf(changes...))
				c.story(w)
				w.with(func() {
					if diff := cmp.Diff(c.writes, w.writes); diff != "" {
						t.Errorf("writes (- want, + got):\n%s", diff)
					}
					if w.asked != c.asked {
						t.Errorf("asked about the HPA %d times, want %d", w.asked, c.asked)
					}
				})
			})
		})
	}
}

func alsoConcurrency(spec *v1alpha1.HTTPScalerSpec) {
	spec.MoreMetrics = []v1alpha1.HTTPScalerMetric{{Type: v1alpha1.Concurrency, Target: 5, Concurrency: &v1alpha1.ConcurrencyMetric{}}}
}

// TestPeak: KEDA gets the highest value of two periods of the HPA, so at its next decision the HPA asks for what was raised.
func TestPeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, known := w.burster.Peak(shop, 0); known {
			t.Error("of a trigger that is not there")
		}
		w.catalog.Set(shop, triggerOf(alsoConcurrency))
		w.asks(30, 2)
		w.pass(3 * s)
		w.asks(12, 7)
		w.pass(4 * s)
		wants := func(rate, concurrency float64) {
			t.Helper()
			for position, want := range []float64{rate, concurrency} {
				if got, known := w.burster.Peak(shop, position); got != want || known != (want >= 0) {
					t.Errorf("%d: %v, known: %v; want %v", position, got, known, want)
				}
			}
		}
		wants(30, 7)
		w.pass(24 * s)
		wants(30, 7)
		w.pass(4 * s)
		wants(12, 7)
		w.with(func() { w.unknown = errors.New("no proxy reports") })
		w.pass(40 * s)
		wants(-1, -1)
		w.with(func() { w.unknown = nil })
		w.pass(4 * s)
		wants(12, 7)
		w.catalog.Set(shop, triggerOf())
		wants(-1, -1) // other metrics
	})
}

// TestPeakCoversWhatWasRaised: over any values, the HPA's arithmetic on the peak asks for no fewer than were written in the last 15 s.
func TestPeakCoversWhatWasRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.catalog.Set(shop, triggerOf())
		w.scale(2)
		for i := range 400 {
			w.asks(float64((i*i*7919)%300) + 0.5)
			w.pass(s)
			var writes []write
			w.with(func() { writes = slices.Clone(w.writes) })
			for _, written := range writes {
				if time.Since(w.began)-written.At > 15*s {
					continue
				}
				peak, _ := w.burster.Peak(shop, 0)
				if recommended := int32((peak + 9.999999) / 10); recommended < written.To {
					t.Fatalf("after %v: the HPA would ask for %d by %v, and %d were written at %v",
						time.Since(w.began), recommended, peak, written.To, written.At)
				}
			}
			if i%37 == 36 {
				w.scale(2) // a user
			}
		}
		w.with(func() {
			if len(w.writes) < 10 {
				t.Errorf("%d writes", len(w.writes))
			}
		})
	})
}

// TestReports: an event for a write and for a failure, and none for what is refused.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.catalog.Set(shop, triggerOf())
		w.asks(45)
		w.pass(3 * s)
		w.with(func() { w.why = "paused" })
		w.asks(1000)
		w.pass(20 * s)
		w.with(func() { w.why, w.fail = "", errors.New("away") })
		w.pass(20 * s)
		var said []string
		w.with(func() {
			for _, report := range w.reports {
				said = append(said, report.String())
			}
		})
		if want := []string{
			"Scaled Deployment llm from 1 to 5 by burstScaling: " + metric.RequestRateName + " is 4.50 times its target",
			"Cannot raise the replicas of Deployment llm by burstScaling: away",
		}; !slices.Equal(said, want) {
			t.Errorf("reported %q, want %q", said, want)
		}
	})
}
