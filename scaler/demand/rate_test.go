package demand_test

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// A steady load is read within 1% at any moment, with any window, any granularity and
// any phases of the proxies.
func TestSteady(t *testing.T) {
	for _, c := range []struct {
		window, granularity time.Duration
		proxies             []float64
	}{
		{time.Minute, time.Second, []float64{20}},
		{time.Minute, 5 * time.Second, []float64{20}},
		{time.Minute, 30 * time.Second, []float64{20}},
		{10 * time.Second, time.Second, []float64{200}},
		{10 * time.Second, 5 * time.Second, []float64{200}},
		{10 * time.Second, 100 * time.Millisecond, []float64{200}},
		{time.Minute, time.Second, []float64{50, 50}},
		{10 * time.Second, time.Second, []float64{300, 100}},
		{10 * time.Second, time.Second, []float64{400, 0}},
		{10 * time.Second, time.Second, []float64{100, 100, 100, 100, 100, 100, 100, 100, 100, 100}},
	} {
		t.Run(fmt.Sprintf("%s/%s/%v", c.window, c.granularity, c.proxies), func(t *testing.T) {
			w := newWorld(t)
			r := w.replica("a", trigger(window(c.window, c.granularity)))
			want := 0.0
			for i, rate := range c.proxies {
				p := w.proxy(fmt.Sprintf("p%d", i), r, 0, time.Duration(50+137*i%1000)*time.Millisecond)
				p.rate = constant(rate)
				want += rate
			}
			w.run(c.window + 5*time.Second)
			worst := 0.0
			w.every = append(w.every, func() { worst = math.Max(worst, math.Abs(r.read().Rate-want)/want) })
			w.run(30 * time.Second)
			t.Logf("largest error %.3f%%", 100*worst)
			if worst > 0.01 {
				t.Errorf("largest error %.2f%%", 100*worst)
			}
		})
	}
}

// A step from idle is seen after two flushes, not after a window; the end within the window.
func TestStep(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	w.run(5 * time.Minute)
	if reading := r.read(); reading.Rate != 0 || reading.Active {
		t.Errorf("idle: %+v", reading)
	}
	p.rate = constant(100)
	w.run(2200 * time.Millisecond) // two flushes of it
	near(t, "the rate 2.2 s after the step", r.read().Rate, 100, 0.01)
	w.run(10 * time.Second)
	near(t, "the rate 12 s after the step", r.read().Rate, 100, 0.02)
	p.rate = constant(200) // and from load to more load it is the average of the window
	w.run(30 * time.Second)
	near(t, "the rate 30 s after the second step", r.read().Rate, (100*12.2+200*30)/42.2, 0.02)
	w.run(31 * time.Second)
	near(t, "the rate a window after the second step", r.read().Rate, 200, 0.02)
	p.rate = constant(0)
	w.run(30 * time.Second)
	near(t, "the rate half a window after the end", r.read().Rate, 100, 0.04)
	w.run(32 * time.Second)
	if rate := r.read().Rate; rate != 0 {
		t.Errorf("the rate a window and 2 s after the end is %v", rate)
	}
}

// T13: with a window of 10 s the first reading that exceeds a target is no later than with a
// minute, and it is zero 12 s after the last request.
func TestShortWindow(t *testing.T) {
	reach := map[time.Duration]time.Duration{}
	for _, width := range []time.Duration{10 * time.Second, time.Minute} {
		for _, granularity := range []time.Duration{time.Second, 5 * time.Second} {
			w := newWorld(t)
			r := w.replica("a", trigger(window(width, granularity)))
			p := w.proxy("p", r, 0, 700*time.Millisecond)
			p.rate = constant(3)
			w.run(2 * time.Minute)
			p.rate = constant(50)
			began := w.clock.Now()
			w.every = []func(){func() {
				if _, ok := reach[width]; !ok && r.read().Rate > 30 {
					reach[width] = w.clock.Since(began)
				}
			}}
			w.run(50 * time.Second)
			w.every = nil
			p.rate = constant(0)
			w.run(width + 2*time.Second)
			if rate := r.read().Rate; rate != 0 {
				t.Errorf("window %s, granularity %s: the rate is %v", width, granularity, rate)
			}
		}
	}
	if reach[10*time.Second] > reach[time.Minute] || reach[10*time.Second] == 0 {
		t.Errorf("reached after %v", reach)
	}
}

// T14: the granularity changes the rate by less than 5%, also of a load that goes on and off.
func TestGranularity(t *testing.T) {
	w := newWorld(t)
	fine, coarse := w.replica("a", trigger(window(time.Minute, time.Second))), w.replica("b", trigger(window(time.Minute, 5*time.Second)))
	p := w.proxy("p", fine, 0, 300*time.Millisecond)
	p.rate = func(since time.Duration) float64 {
		if int(since.Seconds())%20 < 10 {
			return 40
		}
		return 0
	}
	w.run(90 * time.Second)
	w.every = append(w.every, func() {
		near(t, "the rate with a granularity of 5 s", coarse.read().Rate, fine.read().Rate, 0.05)
		near(t, "the rate of a load that is on for half of the time", fine.read().Rate, 20, 0.06)
	})
	w.run(time.Minute)
}

// Retries are no requests, also while they wait for their back-off and are ahead of their
// attempt: first attempts dip then, and that is no restart.
func TestRetries(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(window(10*time.Second, time.Second)))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate = constant(100)
	p.retries = func(since time.Duration) uint64 { return uint64(since.Seconds() * 300) }
	w.run(15 * time.Second)
	w.every = append(w.every, func() { near(t, "the rate", r.read().Rate, 100, 0.1) })
	for range 5 {
		p.waiting = 90 // most of those that arrive in a flush are retried, and wait
		w.run(1200 * time.Millisecond)
		p.waiting = 0
		w.run(1200 * time.Millisecond)
	}
	p.waiting, p.rate = 300, constant(50) // more than arrive, none is made
	w.every = []func(){func() {
		if rate := r.read().Rate; rate > 110 {
			t.Errorf("the rate is %v", rate)
		}
	}}
	w.run(3 * time.Second)
	p.waiting = 0
	w.run(2 * time.Second)
	if counted := float64(r.Counted(webKey.String())); math.Abs(counted-p.total) > 51 {
		t.Errorf("counted %.0f of %.0f", counted, p.total)
	}
}

// What was counted while a stream was broken is spread over that time: no spike.
func TestGapIsSpread(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(window(10*time.Second, time.Second)))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate = constant(100)
	w.run(15 * time.Second)
	p.at = nil
	r.Gone(p.key)
	most := 0.0
	w.every = append(w.every, func() { most = math.Max(most, r.read().Rate) })
	w.run(6 * time.Second)
	p.at = r
	w.run(15 * time.Second)
	near(t, "the largest rate", most, 100, 0.02)
	near(t, "the rate", r.read().Rate, 100, 0.01)
	if counted := float64(r.Counted(webKey.String())); math.Abs(counted-p.total) > 101 {
		t.Errorf("counted %.0f of %.0f", counted, p.total)
	}
}

// After a restart of a lone replica the rate is unknown until the proxies are back, and right
// from then on, although each of them is counted from another moment on.
func TestBaselines(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	for i := range 4 {
		p := w.proxy(fmt.Sprint(i), r, time.Hour, time.Duration(100+800*i)*time.Millisecond)
		p.sent, p.rate = 1e6, constant(25)
	}
	w.run(4 * time.Second)
	if reading, err := r.Read(webKey); err == nil {
		t.Errorf("known at once: %+v", reading)
	}
	w.run(500 * time.Millisecond)
	w.every = append(w.every, func() { near(t, "the rate", r.read().Rate, 100, 0.09) })
	w.run(time.Minute)
	near(t, "the rate", r.read().Rate, 100, 0.01)
}

// What was counted in wide buckets is counted on in narrow ones.
func TestGranularityChanges(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(window(time.Minute, 30*time.Second)))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate = constant(100)
	w.run(2 * time.Minute)
	r.catalog.Set(webKey, trigger(window(10*time.Second, 100*time.Millisecond)))
	w.run(12 * time.Second)
	p.rate = constant(0)
	w.run(5 * time.Second)
	near(t, "the rate half a window after the end", r.read().Rate, 50, 0.05)
}

// The window of a trigger can change under load.
func TestWindowChanges(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate = constant(100)
	w.run(2 * time.Minute)
	changed := trigger(window(10*time.Second, 100*time.Millisecond))
	r.catalog.Set(changed.Key, changed)
	near(t, "the rate at once", r.read().Rate, 100, 0.05)
	w.run(time.Minute)
	near(t, "the rate", r.read().Rate, 100, 0.01)
	r.catalog.Set(changed.Key, trigger())
	near(t, "the rate after the way back", r.read().Rate, 100, 0.9) // ten seconds are known
	w.run(time.Minute)
	near(t, "the rate a window later", r.read().Rate, 100, 0.01)
}
