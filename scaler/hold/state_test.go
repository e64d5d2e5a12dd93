package hold

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var now = time.Unix(1_800_000_000, 0)

// allStates has every state in the order of the package comment, each in the middle of its time.
func allStates() []state {
	later := now.Add(time.Second)
	return []state{
		starting{}, unknown{forgetAt: later}, unheld{}, withdrawn{}, cold{}, waking{usableAt: later}, armed{}, disarmed{},
		awaitingACK{deadline: later}, lingering{until: later}, awaitingConfirmation{deadline: later},
	}
}

// factsOf are facts in which a state stays.
func factsOf(s state) *facts {
	o := Options{}
	o.defaults()
	f := &facts{
		now: now, timing: &o.Timing, gatewayReady: true, holdCluster: true, endpoints: wantsSome, published: true,
		disarmedAt: now.Add(-time.Second), unconfirmed: 1,
	}
	switch s.(type) {
	case starting:
		f.gatewayReady = false
	case unknown:
		f.holdCluster, f.endpoints, f.published = false, wantsNothing, false
	case unheld:
		f.holdCluster = false
	case withdrawn:
		f.holdCluster, f.endpoints, f.published = false, wantsNone, false
	case cold:
		f.endpoints, f.published = wantsNone, false
	case waking:
		f.usableAt, f.askingPicker = now.Add(time.Second), true
	case awaitingACK, lingering, awaitingConfirmation:
		f.endpoints = wantsNone
	}
	return f
}

// event is a change of facts. onPool changes more for the endpoints of a pool.
type event struct {
	name    string
	happens func(state, *facts)
	onPool  func(*facts)
}

var events = []event{
	{name: "ready", happens: func(_ state, f *facts) { f.gatewayReady = true }},
	{name: "some", happens: func(_ state, f *facts) { f.endpoints = wantsSome },
		onPool: func(f *facts) { f.usableAt = now.Add(f.timing.PickerWait) }},
	{name: "none", happens: func(_ state, f *facts) { f.endpoints = wantsNone }},
	{name: "removed", happens: func(_ state, f *facts) { f.endpoints, f.published = wantsNothing, false }},
	{name: "hold+", happens: func(_ state, f *facts) { f.holdCluster = true }},
	{name: "hold-", happens: func(_ state, f *facts) { f.holdCluster = false }},
	{name: "ACK", happens: func(_ state, f *facts) { f.everyProxyAsks = true }},
	{name: "read", happens: func(_ state, f *facts) { f.unconfirmed = 0 }},
	{name: "busy", happens: func(_ state, f *facts) { f.busy, f.everyProxyReady = true, true }},
	{name: "page", happens: func(_ state, f *facts) { f.maintenance = true }},
	{name: "due", happens: func(s state, f *facts) {
		if at := due(s, f); !at.IsZero() {
			f.now = at
		}
	}},
}

// transitions renders the table of states and events.
func transitions() string {
	return table(func(row func(...string)) {
		header := []string{"state"}
		for _, e := range events {
			header = append(header, e.name)
		}
		row(header...)
		for _, s := range allStates() {
			cells := []string{s.name()}
			for _, e := range events {
				cells = append(cells, cell(s, e))
			}
			row(cells...)
		}
	})
}

func cell(s state, e event) string {
	f := factsOf(s)
	e.happens(s, f)
	to, gaveUp := next(s, f)
	text := "."
	switch {
	case s.name()+e.name == "startingready", s.name()+e.name == "unheldhold+":
		return "(1)" // TestWishes
	case s.name() == "unknown" && e.name == "due":
		return "(2)" // TestUnknownBackend
	case to.name() != s.name():
		text = to.name()
	}
	if gaveUp != "" {
		text += "!"
	}
	if pool := *f; e.onPool != nil && pool.endpoints != factsOf(s).endpoints {
		e.onPool(&pool)
		if other, _ := next(s, &pool); other.name() != to.name() {
			text += "/" + other.name()
		}
	}
	return text
}

// meanings renders the table of what each state means.
func meanings() string {
	return table(func(row func(...string)) {
		row("state", "field", "proxies", "endpoints", "requests")
		for _, s := range allStates() {
			field := "."
			if typ := reflect.TypeOf(s); typ.NumField() > 0 {
				field = typ.Field(0).Name
			}
			row(s.name(), field,
				map[bool]string{true: "ask", false: "route"}[asks(s)],
				map[bool]string{true: "kept", false: "as wanted"}[withholds(s)],
				map[policy]string{
					holdAll: "are held", passReady: "pass if their proxy has an endpoint", passAll: "pass",
					passConnected: "pass if their proxy is connected", turnAway: "are answered 503",
				}[admits(s)])
		}
	})
}

func table(rows func(row func(...string))) string {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 1, 2, ' ', 0)
	rows(func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) })
	_ = w.Flush()
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i := range lines {
		lines[i] = "\t" + strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// The tables in the package comment are what the code does.
func TestTables(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{meanings(), transitions()} {
		if !strings.Contains(file.Doc.Text(), "\n"+want+"\n") {
			t.Errorf("the package comment must have\n%s", want)
		}
	}
}

// Without an event each state stays.
func TestStatesStay(t *testing.T) {
	for _, s := range allStates() {
		if to, gaveUp := next(s, factsOf(s)); to != s || gaveUp != "" {
			t.Errorf("%s is followed by %s %s", s.name(), to.name(), gaveUp)
		}
	}
}

// An armed backend with traffic is looked at when the pause after the last disarming is over.
func TestDisarmIsDue(t *testing.T) {
	f := factsOf(armed{})
	f.disarmedAt = now
	for _, test := range []struct{ busy, maintenance, due bool }{{true, false, true}, {false, false, false}, {true, true, false}} {
		f.busy, f.maintenance = test.busy, test.maintenance
		if at := due(armed{}, f); at.IsZero() == test.due || test.due && !at.Equal(now.Add(f.timing.DisarmPause)) {
			t.Errorf("%+v: due at %s", test, at)
		}
	}
}

// A backend that was forgotten neither passes nor holds a request.
func TestClosed(t *testing.T) {
	o := Options{}
	o.defaults()
	for name, end := range map[string]func(*requests){
		"forgotten": func(r *requests) { r.closeIfNoneHeld() },
		"deleted":   (*requests).close,
	} {
		r := &requests{options: &o, queues: map[string]*queue{}, admission: admission{policy: passAll}}
		end(r)
		if d, _ := r.decide(origin{node: "a"}); d != askAgain {
			t.Errorf("%s: decision %d", name, d)
		}
		if p, d, _ := r.hold(origin{node: "a"}, time.Hour); d != askAgain || p != nil {
			t.Errorf("%s: held %v, decision %d", name, p, d)
		}
	}
}

// Note 1 of the table: what follows starting and unheld depends on what the engine wants.
func TestWishes(t *testing.T) {
	for _, test := range []struct {
		hold      bool
		endpoints wanted
		want      string
	}{
		{false, wantsNothing, "unknown"}, {false, wantsNone, "unheld"}, {false, wantsSome, "unheld"},
		{true, wantsNothing, "cold"}, {true, wantsNone, "cold"}, {true, wantsSome, "armed"},
	} {
		for _, s := range []state{starting{}, unheld{}} {
			f := factsOf(s)
			f.gatewayReady, f.holdCluster, f.endpoints, f.published = true, test.hold, test.endpoints, test.endpoints == wantsSome
			if to, _ := next(s, f); to.name() != test.want {
				t.Errorf("%s %+v: %s", s.name(), test, to.name())
			}
		}
	}
}

// A pool whose pickers know an endpoint is used at once. One that was asked about in vain is used as well, and that is told.
func TestPickersAnswer(t *testing.T) {
	for _, test := range []struct {
		usableAt time.Time
		asking   bool
		gaveUp   string
	}{{time.Time{}, false, ""}, {now, false, ""}, {now, true, waitPicker}} {
		f := factsOf(waking{})
		f.usableAt, f.askingPicker = test.usableAt, test.asking
		if to, gaveUp := next(waking{usableAt: now.Add(time.Second)}, f); to != (armed{}) || gaveUp != test.gaveUp {
			t.Errorf("%+v: %s, gave up %q", test, to.name(), gaveUp)
		}
	}
}

// From every state and with any facts, transitions end, and endpoints are taken from the
// proxies by way of awaitingACK, lingering and awaitingConfirmation only.
func TestTransitionsEnd(t *testing.T) {
	for _, s := range allStates() {
		for bits := range 1 << 9 {
			f := factsOf(s)
			bit := func(n int) bool { return bits&(1<<n) != 0 }
			f.gatewayReady, f.holdCluster, f.published = bit(0), bit(1), bit(2)
			f.endpoints = wanted((bits >> 3 & 3) % 3)
			f.maintenance, f.busy, f.everyProxyAsks = bit(5), bit(6), bit(7)
			f.everyProxyReady = true
			if bit(8) {
				f.now, f.unconfirmed = now.Add(time.Hour), 0
			}
			walk(t, s, f)
		}
	}
}

// walk follows the transitions as advance does.
func walk(t *testing.T, s state, f *facts) {
	path := []string{s.name()}
	for range 7 {
		to, _ := next(s, f)
		path = append(path, to.name())
		if to == s {
			return
		}
		if f.gatewayReady && f.holdCluster && f.published && f.endpoints == wantsNone && !withholds(to) && s.name() != "awaitingConfirmation" {
			t.Errorf("endpoints are taken away by %v with %+v", path, f)
		}
		if to == (disarmed{}) {
			f.busy, f.disarmedAt = false, f.now
		}
		if s = to; !withholds(s) {
			f.published = f.endpoints == wantsSome
		}
	}
	t.Errorf("no end of %v with %+v", path, f)
}
