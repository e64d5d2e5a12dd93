package health

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// step is an observation at a time of a scenario, and what is decided then.
type step struct {
	at       time.Duration
	seen     Observation
	decision Decision
	again    time.Duration
}

const (
	proxy  = v1alpha1.PathProxy
	direct = v1alpha1.PathDirect
)

func healthy(path v1alpha1.WiringPath) Observation { return Observation{Ready, Ready, Ready, path} }
func blind(path v1alpha1.WiringPath) Observation   { return Observation{Unknown, Unknown, Unknown, path} }
func noProxies(path v1alpha1.WiringPath) Observation {
	return Observation{NotReady, Ready, Unknown, path}
}
func noControllers(path v1alpha1.WiringPath) Observation {
	return Observation{Ready, NotReady, Unknown, path}
}

func TestMoves(t *testing.T) {
	const s = time.Second
	for name, steps := range map[string][]step{
		"T52 proxies and controllers dead for 6 s: direct at 5 s": {
			{0, healthy(proxy), Stay, 0},
			{10 * s, Observation{NotReady, NotReady, Unknown, proxy}, Stay, 5 * s},
			{14 * s, Observation{NotReady, NotReady, Unknown, proxy}, Stay, 1 * s},
			{15 * s, Observation{NotReady, NotReady, Unknown, proxy}, ToDirect, 0},
			{16 * s, Observation{NotReady, NotReady, Unknown, proxy}, ToDirect, 0}, // until it is carried out
			{17 * s, Observation{NotReady, NotReady, Unknown, direct}, Stay, 0},
		},
		"T52 dead for 4 s: nothing": {
			{0, healthy(proxy), Stay, 0},
			{10 * s, noProxies(proxy), Stay, 5 * s},
			{14 * s, healthy(proxy), Stay, 0},
			{16 * s, noProxies(proxy), Stay, 5 * s},
			{20 * s, healthy(proxy), Stay, 0},
		},
		"T54 back after the recovery period": {
			{0, noControllers(direct), Stay, 0},
			{10 * s, healthy(direct), Stay, 30 * s},
			{30 * s, healthy(direct), Stay, 10 * s},
			{40 * s, healthy(direct), ToProxy, 0},
			{41 * s, healthy(direct), ToProxy, 0},
			{42 * s, healthy(proxy), Stay, 0},
		},
		"T54 ill during recovery: from the start": {
			{0, noControllers(direct), Stay, 0},
			{10 * s, healthy(direct), Stay, 30 * s},
			{39 * s, noControllers(direct), Stay, 0},
			{40 * s, healthy(direct), Stay, 30 * s},
			{70 * s, healthy(direct), ToProxy, 0},
		},
		"T55 a process that starts while the traffic is direct": {
			{0, healthy(direct), Stay, 30 * s},
			{30 * s, healthy(direct), ToProxy, 0},
		},
		"T55 a process that starts during an outage": {
			{0, noProxies(proxy), Stay, 5 * s},
			{5 * s, noProxies(proxy), ToDirect, 0},
		},
		"the API server is away: nothing moves, and illness begins anew": {
			{0, healthy(proxy), Stay, 0},
			{10 * s, noProxies(proxy), Stay, 5 * s},
			{14 * s, blind(proxy), Stay, 0},
			{40 * s, blind(proxy), Stay, 0},
			{41 * s, noProxies(proxy), Stay, 5 * s},
			{46 * s, noProxies(proxy), ToDirect, 0},
		},
		"the API server is away while the traffic is direct: health begins anew": {
			{0, healthy(direct), Stay, 30 * s},
			{29 * s, blind(direct), Stay, 0},
			{31 * s, healthy(direct), Stay, 30 * s},
			{61 * s, healthy(direct), ToProxy, 0},
		},
		"half of it unknown: nothing moves": {
			{0, Observation{NotReady, Unknown, Unknown, proxy}, Stay, 0},
			{60 * s, Observation{NotReady, Unknown, Unknown, proxy}, Stay, 0},
			{61 * s, Observation{Unknown, NotReady, Unknown, proxy}, Stay, 0},
		},
		"one illness follows another without a break": {
			{0, noProxies(proxy), Stay, 5 * s},
			{3 * s, noControllers(proxy), Stay, 2 * s},
			{5 * s, noControllers(proxy), ToDirect, 0},
		},
		"no stream is accepted": {
			{0, Observation{Ready, Ready, NotReady, proxy}, Stay, 5 * s},
			{5 * s, Observation{Ready, Ready, NotReady, proxy}, ToDirect, 0},
		},
		"the way to the controllers is closed: endpoints decide": {
			{0, Observation{Ready, Ready, Unknown, direct}, Stay, 30 * s},
			{30 * s, Observation{Ready, Ready, Unknown, direct}, ToProxy, 0},
			{40 * s, Observation{NotReady, Ready, Unknown, proxy}, Stay, 5 * s},
			{45 * s, Observation{NotReady, Ready, Unknown, proxy}, ToDirect, 0},
		},
		"a clock that is set back": {
			{100 * s, noProxies(proxy), Stay, 5 * s},
			{10 * s, noProxies(proxy), Stay, 5 * s},
			{15 * s, noProxies(proxy), ToDirect, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, start := New(DefaultSettings()), time.Unix(0, 0)
			for _, step := range steps {
				got := m.Observe(start.Add(step.at), step.seen)
				if got.Decision != step.decision || got.Again != step.again {
					t.Errorf("at %s: decision %d, again in %s; want %d, %s", step.at, got.Decision, got.Again, step.decision, step.again)
				}
			}
		})
	}
}

// TestFlapping: each fallback soon after a return doubles the recovery period, up to its bound.
func TestFlapping(t *testing.T) {
	for name, test := range map[string]struct {
		// pauses are how long the proxies served before each fallback.
		pauses []time.Duration
		want   []time.Duration
	}{
		"doubling to the bound": {
			[]time.Duration{time.Hour, time.Minute, time.Minute, time.Minute, time.Minute, time.Minute, time.Minute},
			[]time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		},
		"a quiet time ends it": {
			[]time.Duration{time.Hour, time.Minute, 11 * time.Minute, 9 * time.Minute},
			[]time.Duration{30 * time.Second, time.Minute, 30 * time.Second, time.Minute},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, now := New(DefaultSettings()), time.Unix(0, 0)
			m.Observe(now, healthy(proxy))
			last := 30 * time.Second
			for i, pause := range test.pauses {
				now = now.Add(pause)
				m.Observe(now, noProxies(proxy))
				now = now.Add(5 * time.Second)
				if got := m.Observe(now, noProxies(proxy)); got.Decision != ToDirect {
					t.Fatalf("fallback %d: decision %d: a move to safety is never delayed", i, got.Decision)
				}
				got := m.Observe(now, noProxies(direct))
				if got.Recovery != test.want[i] || got.Flapped != (got.Recovery > last) {
					t.Errorf("fallback %d: recovery %s (flapped %v), want %s", i, got.Recovery, got.Flapped, test.want[i])
				}
				last = got.Recovery
				if got := m.Observe(now, healthy(direct)); got.Again != last {
					t.Errorf("fallback %d: asks again in %s, want %s", i, got.Again, last)
				}
				now = now.Add(last)
				if got := m.Observe(now, healthy(direct)); got.Decision != ToProxy {
					t.Errorf("fallback %d: no return after %s", i, last)
				}
				m.Observe(now, healthy(proxy))
			}
		})
	}
}

// FuzzMachine drives a machine through any sequence of observations, and moves as it says. An oracle
// with the whole history checks each decision.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		dice := rand.New(rand.NewPCG(seed, 0))
		settings := Settings{Debounce: 5 * time.Second, Recovery: 30 * time.Second, MaxRecovery: 2 * time.Minute, FlapWindow: time.Minute}
		m, now, path := New(settings), time.Unix(0, 0), proxy
		var illSince, wellSince time.Time // of the oracle; zero: not now
		seen := healthy(path)
		for range 400 {
			now = now.Add(time.Duration(dice.IntN(4000)) * time.Millisecond)
			if dice.IntN(6) == 0 { // mostly nothing changes
				seen = Observation{State(dice.IntN(3)), State(dice.IntN(3)), State(dice.IntN(3)), path}
			}
			if dice.IntN(12) == 0 {
				seen = healthy(path)
				now = now.Add(time.Duration(dice.IntN(40)) * time.Second)
			}
			seen.Path = path
			known := seen.Proxies != Unknown && seen.Controllers != Unknown
			isIll := known && (seen.Proxies == NotReady || seen.Controllers == NotReady || seen.Streams == NotReady)
			illSince, wellSince = since(illSince, isIll, now), since(wellSince, known && !isIll, now)

			got := m.Observe(now, seen)
			illFor, wellFor := lasting(illSince, now), lasting(wellSince, now)
			switch {
			case got.Decision == ToDirect && (path != proxy || illFor < settings.Debounce):
				t.Fatalf("to direct from %s after %s of illness", path, illFor)
			case got.Decision == ToProxy && (path != direct || wellFor < settings.Recovery || wellFor < got.Recovery):
				t.Fatalf("to the proxies from %s after %s of health", path, wellFor)
			case path == proxy && illFor >= settings.Debounce && got.Decision != ToDirect:
				t.Fatalf("no move to safety after %s of illness", illFor)
			case path == direct && wellFor >= settings.MaxRecovery && got.Decision != ToProxy:
				t.Fatalf("no return after %s of health", wellFor)
			case got.Again < 0 || got.Decision != Stay && got.Again != 0:
				t.Fatalf("decision %d, again in %s", got.Decision, got.Again)
			case got.Decision == Stay && path == proxy && illFor >= 0 && got.Again != settings.Debounce-illFor:
				t.Fatalf("ill for %s: asks again in %s", illFor, got.Again)
			}
			switch {
			case dice.IntN(3) == 0: // the move is not carried out yet
			case got.Decision == ToDirect:
				path = direct
			case got.Decision == ToProxy:
				path = proxy
			}
		}
	})
}

func since(before time.Time, is bool, now time.Time) time.Time {
	switch {
	case !is:
		return time.Time{}
	case before.IsZero():
		return now
	}
	return before
}

// lasting is negative when there is nothing that lasts.
func lasting(since, now time.Time) time.Duration {
	if since.IsZero() {
		return -1
	}
	return now.Sub(since)
}
