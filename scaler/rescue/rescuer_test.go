package rescue

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const ms = time.Millisecond

// TestRescue: what is written to /scale, and when, as requests come and KEDA does things. Time
// is that of the bubble, so the moments are exact.
func TestRescue(t *testing.T) {
	limits := func(low, high int32) func(*v1alpha1.HTTPScalerSpec) {
		return func(spec *v1alpha1.HTTPScalerSpec) { spec.Scale.Min, spec.Scale.Max = low, high }
	}
	for name, c := range map[string]struct {
		trigger  func(*v1alpha1.HTTPScalerSpec)
		follower bool
		blind    bool
		replicas int32
		story    func(w *world)
		writes   []write
		// gets is how often the API server was asked.
		gets int
	}{
		"KEDA is deaf": {
			story:  func(w *world) { w.hold(25); w.pass(5 * time.Second) },
			writes: []write{{1000 * ms, 3}}, gets: 1,
		},
		"what is held after a second counts": {
			story:  func(w *world) { w.hold(1); w.pass(900 * ms); w.hold(31); w.pass(time.Second) },
			writes: []write{{1000 * ms, 4}}, gets: 1,
		},
		"KEDA is in time": {
			story: func(w *world) { w.hold(25); w.pass(30 * ms); w.scale(1); w.pass(time.Minute) },
		},
		"KEDA is nearly late": {
			story: func(w *world) { w.hold(25); w.pass(990 * ms); w.scale(1); w.pass(time.Minute) },
		},
		"requests give up": {
			story: func(w *world) { w.hold(25); w.pass(990 * ms); w.hold(0); w.pass(time.Minute) },
		},
		"requests give up and others come": {
			story: func(w *world) {
				w.hold(25)
				w.pass(600 * ms)
				w.hold(0)
				w.pass(400 * ms)
				w.hold(1)
				w.pass(time.Minute)
			},
			writes: []write{{2000 * ms, 1}}, gets: 1,
		},
		"replicas without endpoints are not zero": {
			replicas: 1,
			story:    func(w *world) { w.hold(100); w.pass(time.Minute) },
		},
		// Noticed a quarter of a second later at the latest.
		"scaled to zero while requests are held": {
			replicas: 1,
			story:    func(w *world) { w.hold(8); w.pass(10 * time.Second); w.scale(0); w.pass(time.Minute) },
			writes:   []write{{11250 * ms, 1}}, gets: 1,
		},
		"scaled to zero again": {
			story:  func(w *world) { w.hold(8); w.pass(5 * time.Second); w.scale(0); w.pass(time.Minute) },
			writes: []write{{1000 * ms, 1}, {6250 * ms, 1}}, gets: 2,
		},
		"at least the minimum": {
			trigger: limits(2, 5),
			story:   func(w *world) { w.hold(1); w.pass(2 * time.Second) },
			writes:  []write{{1000 * ms, 2}}, gets: 1,
		},
		"at most the maximum": {
			trigger: limits(0, 5),
			story:   func(w *world) { w.hold(100000); w.pass(2 * time.Second) },
			writes:  []write{{1000 * ms, 5}}, gets: 1,
		},
		"no replicas allowed": {
			trigger: limits(0, 0),
			story:   func(w *world) { w.hold(1); w.pass(time.Minute) },
		},
		"paused": {
			trigger: paused,
			story:   func(w *world) { w.hold(1); w.pass(time.Minute) },
		},
		"paused no more": {
			trigger: paused,
			story: func(w *world) {
				w.hold(1)
				w.pass(30 * time.Second)
				w.catalog.Set(shop, trigger())
				w.pass(time.Minute)
			},
			writes: []write{{31000 * ms, 1}}, gets: 1,
		},
		"not the leader": {
			follower: true,
			story:    func(w *world) { w.hold(25); w.pass(5 * time.Second) },
			writes:   []write{{1250 * ms, 3}}, gets: 1,
		},
		"replicas unknown": {
			blind:  true,
			story:  func(w *world) { w.hold(25); w.pass(1500 * ms) },
			writes: []write{{1000 * ms, 3}}, gets: 1,
		},
		// Asked after 1, 2, 4, 8, 16 and then every 10 seconds.
		"replicas unknown and above zero": {
			blind: true, replicas: 2,
			story: func(w *world) { w.hold(25); w.pass(59 * time.Second) },
			gets:  9,
		},
		"one step": {
			trigger: oneStep,
			story:   func(w *world) { w.hold(1); w.pass(20 * ms); w.hold(25); w.pass(time.Minute) },
			writes:  []write{{50 * ms, 3}}, gets: 1,
		},
		"one step after KEDA's": {
			trigger: oneStep,
			story:   func(w *world) { w.hold(25); w.pass(25 * ms); w.scale(1); w.pass(time.Minute) },
			writes:  []write{{50 * ms, 3}}, gets: 1,
		},
		"KEDA writes 1 over the step": {
			trigger: oneStep,
			story:   func(w *world) { w.hold(25); w.pass(60 * ms); w.scale(1); w.pass(time.Minute) },
			writes:  []write{{50 * ms, 3}, {300 * ms, 3}}, gets: 2,
		},
		"another writer insists on less than the step": {
			trigger: oneStep,
			story: func(w *world) {
				w.hold(25)
				for range 200 {
					w.pass(51 * ms)
					w.scale(1)
				}
			},
			writes: []write{{50 * ms, 3}, {300 * ms, 3}, {550 * ms, 3}}, gets: 3,
		},
		"one step is enough by itself": {
			trigger: oneStep,
			story:   func(w *world) { w.hold(5); w.pass(25 * ms); w.scale(1); w.pass(time.Minute) },
		},
		"more requests later are the HPA's": {
			trigger: oneStep,
			story:   func(w *world) { w.hold(5); w.pass(100 * ms); w.hold(50); w.pass(time.Minute) },
			writes:  []write{{50 * ms, 1}}, gets: 1,
		},
		"one step is from zero only": {
			trigger: oneStep, replicas: 1,
			story: func(w *world) { w.hold(50); w.pass(time.Minute) },
		},
		"one step is the leader's": {
			trigger: oneStep, follower: true,
			story: func(w *world) { w.hold(50); w.pass(25 * ms); w.scale(1); w.pass(time.Minute) },
		},
		"one step, paused": {
			trigger: func(spec *v1alpha1.HTTPScalerSpec) { oneStep(spec); paused(spec) },
			story:   func(w *world) { w.hold(50); w.pass(time.Minute) },
		},
		"KEDA between reading and writing": {
			story: func(w *world) {
				w.between = func() { w.scale(1) }
				w.hold(25)
				w.pass(time.Minute)
			},
			gets: 2,
		},
		"KEDA between reading and writing of a step": {
			trigger: oneStep,
			story: func(w *world) {
				w.between = func() { w.scale(1) }
				w.hold(25)
				w.pass(time.Minute)
			},
			writes: []write{{51 * ms, 3}}, gets: 2,
		},
		"one step, replicas unknown": {
			trigger: oneStep, blind: true,
			story:  func(w *world) { w.hold(25); w.pass(25 * ms); w.scale(1); w.pass(900 * ms) },
			writes: []write{{50 * ms, 3}}, gets: 4, // a check, the step and two verifications
		},
		"one step is from zero only, replicas unknown": {
			trigger: oneStep, blind: true, replicas: 1,
			story: func(w *world) { w.hold(50); w.pass(900 * ms) },
			gets:  1,
		},
		"KEDA late, then zero again": {
			story: func(w *world) {
				w.fail = errors.New("forbidden")
				w.hold(25)
				w.pass(10 * time.Second)
				w.scale(1)
				w.pass(time.Second)
				w.mu.Lock()
				w.fail = nil
				w.mu.Unlock()
				w.scale(0)
				w.pass(1250 * ms)
			},
			writes: []write{{12250 * ms, 3}}, gets: 5,
		},
		// The command "wiring" wakes an application before requests go past the proxies.
		"woken for the way past the proxies": {
			trigger: func(spec *v1alpha1.HTTPScalerSpec) { oneStep(spec); spec.Scale.Fallback = ptr[int32](4) },
			story: func(w *world) {
				w.catalog.Set(shop, direct(trigger(oneStep)))
				w.hold(25)
				w.pass(20 * ms)
				w.scale(4)
				w.pass(time.Minute)
			},
		},
		"held while requests go past the proxies": {
			story: func(w *world) {
				w.catalog.Set(shop, direct(trigger()))
				w.hold(25)
				w.pass(5 * time.Second)
			},
			writes: []write{{1000 * ms, 3}}, gets: 1,
		},
		"fallback replicas are left alone": {
			replicas: 1,
			story: func(w *world) {
				w.catalog.Set(shop, direct(trigger()))
				w.hold(100)
				w.pass(time.Minute)
			},
		},
		"the trigger goes": {
			story: func(w *world) { w.hold(25); w.pass(500 * ms); w.catalog.Set(shop, nil); w.pass(time.Minute) },
		},
		"the trigger goes and comes": {
			story: func(w *world) {
				w.hold(25)
				w.pass(500 * ms)
				w.catalog.Set(shop, nil)
				w.catalog.Set(shop, trigger())
				w.pass(time.Minute)
			},
			writes: []write{{1500 * ms, 3}}, gets: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.replicas, w.blind = c.replicas, c.blind
				w.run(!c.follower)
				if c.trigger == nil {
					c.trigger = func(*v1alpha1.HTTPScalerSpec) {}
				}
				w.catalog.Set(shop, trigger(c.trigger))
				synctest.Wait()
				c.story(w)
				if diff := cmp.Diff(c.writes, w.writes); diff != "" {
					t.Errorf("writes (- want, + got):\n%s", diff)
				}
				if len(w.gets) != c.gets {
					t.Errorf("the API server was asked at %v, want %d times", w.gets, c.gets)
				}
			})
		})
	}
}

// TestUnknownReplicasAreNotDeafness: attempts that find replicas count for KEDA's deafness only if
// the target was known to be at zero.
func TestUnknownReplicasAreNotDeafness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.replicas, w.blind = 2, true
		r := w.run(true)
		w.catalog.Set(shop, trigger())
		synctest.Wait()
		w.hold(25)
		w.pass(59 * time.Second)
		wantCount(t, r, Deaf, resultUnneeded, 0)
		wantCount(t, r, Check, resultUnneeded, 9)
		w.scale(0)
		w.pass(10 * time.Second)
		wantCount(t, r, Deaf, resultScaled, 1)
	})
}

// TestTogether: leader and follower see the same; one writes.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(false)
		w.run(true)
		w.catalog.Set(shop, trigger(oneStep))
		synctest.Wait()
		w.hold(25)
		w.pass(time.Minute)
		if want := []write{{50 * ms, 3}}; !slices.Equal(w.writes, want) {
			t.Errorf("writes %v, want %v", w.writes, want)
		}
	})
}

// TestHeldBefore: a new leader finds requests that were held before it led.
func TestHeldBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hold(25)
		r := New(Options{Catalog: w.catalog, Registry: w, Scales: w, Replicas: w.informed})
		w.catalog.Set(shop, trigger())
		ctx := t.Context()
		w.pass(time.Hour)
		go func() { _ = r.Run(ctx) }()
		w.pass(2 * time.Second)
		if want := []write{{time.Hour + time.Second, 3}}; !slices.Equal(w.writes, want) {
			t.Errorf("writes %v, want %v", w.writes, want)
		}
	})
}

// TestFailure: an API server that refuses is asked ever more rarely, and log, metric and event tell of it.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.run(true)
		w.catalog.Set(shop, trigger())
		synctest.Wait()
		w.fail = errors.New("forbidden")
		w.hold(25)
		w.pass(20 * time.Second)
		var at []time.Duration
		for _, get := range w.gets {
			at = append(at, get.Truncate(ms))
		}
		if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("asked at %v, want %v", at, want)
		}
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		w.pass(10 * time.Second)
		if want := []write{{26 * time.Second, 3}}; !slices.Equal(w.writes, want) {
			t.Errorf("writes %v, want %v", w.writes, want)
		}
		if len(w.rescues) != 6 {
			t.Fatalf("%d reports, want 6", len(w.rescues))
		}
		got, want := w.rescues[0].String(), "Cannot scale Deployment web to 3 for 25 held requests (KEDA did not start it in time): forbidden"
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		got, want = w.rescues[5].String(), "Scaled Deployment web from 0 to 3 for 25 held requests: KEDA did not start it in time"
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		wantCount(t, r, Deaf, resultError, 5)
		wantCount(t, r, Deaf, resultScaled, 1)
		if err := r.options.Metrics.Register(prometheus.NewRegistry()); err != nil {
			t.Error(err)
		}
	})
}

// TestStepFails: a step that cannot be made falls back to patience.
func TestStepFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.run(true)
		w.catalog.Set(shop, trigger(oneStep))
		synctest.Wait()
		w.fail = errors.New("forbidden")
		w.hold(25)
		w.pass(900 * ms)
		wantCount(t, r, OneStep, resultError, steps)
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		w.pass(time.Minute)
		if want := []write{{time.Second, 3}}; !slices.Equal(w.writes, want) {
			t.Errorf("writes %v, want %v", w.writes, want)
		}
	})
}

func wantCount(t *testing.T, r *Rescuer, reason Reason, result string, want float64) {
	t.Helper()
	var written dto.Metric
	if err := r.options.Metrics.rescues.WithLabelValues(string(reason), result).Write(&written); err != nil {
		t.Fatal(err)
	}
	if got := written.GetCounter().GetValue(); got != want {
		t.Errorf("%v attempts of %s with %s, want %v", got, reason, result, want)
	}
}
