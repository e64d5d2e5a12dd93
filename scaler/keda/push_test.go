package keda

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/scaler/demand"
)

const ms = time.Millisecond

// pushed is one message, at a time since the stream opened.
type pushed struct {
	At   time.Duration
	Kind string
}

// change of what a stream is about. It looks at once when Registry.Wake rings, and otherwise when
// it does anyway.
type change struct {
	at   time.Duration
	ring bool
	to   state
}

// play runs pushes over changes until the end.
func play(changes []change, end time.Duration) []pushed {
	var got []pushed
	var now state
	p, begin := &pushes{}, time.Unix(1_000_000, 0)
	look := time.Duration(0)
	for look <= end {
		for len(changes) > 0 && changes[0].at <= look {
			now, changes = changes[0].to, changes[1:]
		}
		kind, wait := p.next(begin.Add(look), now)
		if kind != "" {
			got = append(got, pushed{look, kind})
		}
		if wait <= 0 {
			panic("a stream that does not wait")
		}
		look += wait
		if len(changes) > 0 && changes[0].ring {
			look = min(look, changes[0].at)
		}
	}
	return got
}

// TestS4PushesUnderAFormula: KEDA's polls do not use our word under a formula, so the pushes alone keep its cooldown from
// ending under a request. It writes their time in whole seconds.
func TestS4PushesUnderAFormula(t *testing.T) {
	const late = 200 * ms // on the way, and until KEDA has written it
	for _, cooldown := range []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second, 6 * time.Second,
		30 * time.Second, 300 * time.Second} {
		running := state{known: true, active: true, replicas: 1, cooldown: cooldown, formula: true}
		held := running
		held.held = 1
		for _, begin := range []time.Duration{0, 300 * ms, 999 * ms} {
			got := play([]change{{to: state{known: true}}, {at: begin, ring: true, to: held}, {at: 20 * time.Second, to: running}},
				2*cooldown+time.Minute)
			var last time.Duration
			for _, push := range got {
				if push.Kind == "idle" {
					continue
				}
				if last > 0 && push.At+late > last.Truncate(time.Second)+cooldown {
					t.Fatalf("cooldown %s: no push between %s and %s", cooldown, last, push.At)
				}
				last = push.At + late
			}
			if last < cooldown+time.Minute {
				t.Errorf("cooldown %s: the last push at %s", cooldown, last)
			}
		}
	}
}

// TestS4RhythmOfWhatMayStop: an application that KEDA never stops needs no pushes for its cooldown.
func TestS4RhythmOfWhatMayStop(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	w.registry.set(key, demand.Reading{Active: true, InFlight: 1})
	zero := int32(0)
	for _, c := range []struct {
		minimum int32
		idle    *int32
		want    time.Duration
	}{{0, nil, 2 * time.Second}, {1, nil, minRefresh}, {1, &zero, 2 * time.Second}} {
		inForce := *w.catalog.Get(key)
		scale := &inForce.Spec.Scale
		scale.Formula, scale.CooldownSeconds, scale.Min, scale.Idle = true, 5, c.minimum, c.idle
		if got := w.server.state(&inForce).refresh(); got != c.want {
			t.Errorf("minimum %d, idle %v: true every %s, want %s", c.minimum, c.idle, got, c.want)
		}
	}
}

// TestPulse: what a stream sends, and when.
func TestPulse(t *testing.T) {
	const cooldown = 300 * time.Second
	idle := state{known: true, cooldown: cooldown}
	up := func(held int, replicas int32) state {
		return state{known: true, active: true, held: held, replicas: replicas, cooldown: cooldown}
	}
	short := func(s state, cooldown time.Duration) state { s.cooldown = cooldown; return s }
	halted := func(s state) state { s.paused = true; return s }
	past := func(s state) state { s.direct = true; return s }
	for name, c := range map[string]struct {
		changes []change
		end     time.Duration
		want    []pushed
	}{
		"idle": {
			changes: []change{{to: idle}}, end: 12 * time.Second,
			want: []pushed{{0, "idle"}, {5 * time.Second, "heartbeat"}, {10 * time.Second, "heartbeat"}},
		},
		"unknown says nothing, then what is known": {
			changes: []change{{to: state{}}, {at: 3 * time.Second, to: idle}}, end: 4 * time.Second,
			want: []pushed{{3 * time.Second, "idle"}},
		},
		"requests at zero: at once, fast, then slower until there are replicas": {
			changes: []change{{to: idle}, {1234 * ms, true, up(1, 0)}, {at: 5 * time.Second, to: up(1, 1)}}, end: 20 * time.Second,
			want: []pushed{
				{0, "idle"}, {1234 * ms, "wake"}, {1484 * ms, "repeat"}, {1734 * ms, "repeat"}, {1984 * ms, "repeat"}, {2234 * ms, "repeat"},
				{2484 * ms, "repeat"}, {2734 * ms, "repeat"}, {2984 * ms, "repeat"}, {4234*ms - 250*ms, "repeat"}, {4984 * ms, "repeat"},
			},
		},
		"active at open, with replicas": {
			changes: []change{{to: up(0, 2)}}, end: 160 * time.Second,
			want: []pushed{{0, "wake"}, {75 * time.Second, "refresh"}, {150 * time.Second, "refresh"}},
		},
		"a short cooldown": {
			changes: []change{{to: short(up(0, 2), 8*time.Second)}}, end: 11 * time.Second,
			want: []pushed{{0, "wake"}, {5 * time.Second, "refresh"}, {10 * time.Second, "refresh"}},
		},
		"activity that rings again is not pushed again": {
			changes: []change{{to: up(0, 1)}, {time.Second, true, up(5, 1)}, {2 * time.Second, true, up(0, 1)}, {3 * time.Second, true, up(1, 1)}},
			end:     60 * time.Second,
			want:    []pushed{{0, "wake"}},
		},
		"held, and the replicas go": {
			changes: []change{{to: up(0, 1)}, {10 * time.Second, true, up(5, 1)}, {at: 10100 * ms, to: up(5, 0)}}, end: 10600 * ms,
			want: []pushed{{0, "wake"}, {10250 * ms, "repeat"}, {10500 * ms, "repeat"}},
		},
		"activity ends within a heartbeat": {
			changes: []change{{to: up(0, 1)}, {at: 7 * time.Second, to: idle}, {30 * time.Second, true, up(1, 0)}}, end: 30100 * ms,
			want: []pushed{
				{0, "wake"}, {10 * time.Second, "idle"}, {15 * time.Second, "heartbeat"}, {20 * time.Second, "heartbeat"},
				{25 * time.Second, "heartbeat"}, {30 * time.Second, "wake"},
			},
		},
		// Admission cannot be seen: with a formula KEDA may leave it at zero, and is not to be fought.
		"active without held requests at zero: for ten seconds": {
			changes: []change{{to: up(0, 0)}}, end: 200 * time.Second,
			want: []pushed{
				{0, "wake"}, {250 * ms, "repeat"}, {500 * ms, "repeat"}, {750 * ms, "repeat"}, {1000 * ms, "repeat"}, {1250 * ms, "repeat"},
				{1500 * ms, "repeat"}, {1750 * ms, "repeat"}, {2750 * ms, "repeat"}, {3750 * ms, "repeat"}, {4750 * ms, "repeat"},
				{5750 * ms, "repeat"}, {6750 * ms, "repeat"}, {7750 * ms, "repeat"}, {8750 * ms, "repeat"}, {9750 * ms, "repeat"},
			},
		},
		"held at last": {
			changes: []change{{to: up(0, 1)}, {at: time.Second, to: up(0, 0)}, {at: 60 * time.Second, ring: true, to: up(3, 0)}}, end: 60500 * ms,
			// The replicas went while nothing was held, more than ten seconds after activity began.
			want: []pushed{
				{0, "wake"}, {5 * time.Second, "repeat"}, {5250 * ms, "repeat"}, {5500 * ms, "repeat"}, {5750 * ms, "repeat"},
				{6000 * ms, "repeat"}, {6250 * ms, "repeat"}, {6500 * ms, "repeat"}, {6750 * ms, "repeat"}, {7750 * ms, "repeat"},
				{8750 * ms, "repeat"}, {9750 * ms, "repeat"}, {60 * time.Second, "repeat"}, {60250 * ms, "repeat"}, {60500 * ms, "repeat"},
			},
		},
		"held, replicas unknown: they may be starting": {
			changes: []change{{to: up(1, -1)}}, end: 13 * time.Second,
			want: []pushed{
				{0, "wake"}, {250 * ms, "repeat"}, {500 * ms, "repeat"}, {750 * ms, "repeat"}, {1000 * ms, "repeat"}, {1250 * ms, "repeat"},
				{1500 * ms, "repeat"}, {1750 * ms, "repeat"}, {6750 * ms, "repeat"}, {11750 * ms, "repeat"},
			},
		},
		"active, replicas unknown": {
			changes: []change{{to: up(0, -1)}}, end: 80 * time.Second,
			want: []pushed{{0, "wake"}, {time.Second, "repeat"}, {76 * time.Second, "refresh"}},
		},
		// Polls get an error while it is direct, and start nothing.
		"direct at zero: until there are replicas": {
			changes: []change{{at: 0, to: past(up(0, 0))}, {at: 20 * time.Second, to: past(up(0, 1))}}, end: 96 * time.Second,
			want: []pushed{
				{0, "wake"}, {250 * ms, "repeat"}, {500 * ms, "repeat"}, {750 * ms, "repeat"}, {1000 * ms, "repeat"}, {1250 * ms, "repeat"},
				{1500 * ms, "repeat"}, {1750 * ms, "repeat"}, {2750 * ms, "repeat"}, {3750 * ms, "repeat"}, {4750 * ms, "repeat"},
				{5750 * ms, "repeat"}, {6750 * ms, "repeat"}, {7750 * ms, "repeat"}, {8750 * ms, "repeat"}, {9750 * ms, "repeat"},
				{14750 * ms, "repeat"}, {19750 * ms, "repeat"}, {94750 * ms, "refresh"},
			},
		},
		"direct, and back": {
			changes: []change{{to: idle}, {time.Second, true, past(up(0, 1))}, {90 * time.Second, true, idle}}, end: 91 * time.Second,
			want: []pushed{{0, "idle"}, {time.Second, "wake"}, {76 * time.Second, "refresh"}, {90 * time.Second, "idle"}},
		},
		"paused at zero": {
			changes: []change{{to: halted(up(5, 0))}, {80 * time.Second, true, up(5, 0)}}, end: 80300 * ms,
			want: []pushed{{0, "wake"}, {75 * time.Second, "refresh"}, {80 * time.Second, "repeat"}, {80250 * ms, "repeat"}},
		},
		"blind for a while": {
			changes: []change{{to: up(0, 1)}, {at: 4 * time.Second, to: state{}}, {at: 20 * time.Second, to: up(0, 1)}}, end: 76 * time.Second,
			want: []pushed{{0, "wake"}, {75 * time.Second, "refresh"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, play(c.changes, c.end)); diff != "" {
				t.Errorf("pushes (- want, + got):\n%s", diff)
			}
		})
	}
}
