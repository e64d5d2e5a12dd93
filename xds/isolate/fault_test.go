package isolate_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// faulty fails in one of its calls.
type faulty struct {
	resource.Divisible
	call   string
	panics bool
	left   *int // calls that succeed before
}

func (f faulty) fails(call string) error {
	if f.call != call {
		return nil
	}
	if *f.left--; *f.left >= 0 {
		return nil
	}
	if f.panics {
		panic("a fault of a table")
	}
	return errors.New("a fault of a table")
}

func (f faulty) Parts() ([]resource.Part, error) {
	if err := f.fails("Parts"); err != nil {
		return nil, err
	}
	return f.Divisible.Parts()
}

func (f faulty) Render(forms map[string]resource.Form) (resource.Resource, error) {
	if err := f.fails("Render"); err != nil {
		return resource.Resource{}, err
	}
	return f.Divisible.Render(forms)
}

func (f faulty) Trial(name string, forms map[string]resource.Form) (scope, table resource.Resource, err error) {
	if err := f.fails("Trial"); err != nil {
		return scope, table, err
	}
	return f.Divisible.Trial(name, forms)
}

// TestFaultEndsASearch: a search in a table that cannot be divided or rendered ends, and the refused table is reported.
func TestFaultEndsASearch(t *testing.T) {
	for _, fault := range []struct {
		call string
		left int
	}{{"Parts", 0}, {"Render", 0}, {"Trial", 0}, {"Trial", 3}, {"Trial", 17}} {
		for _, panics := range []bool{false, true} {
			name := fault.call
			if panics {
				name += " panics"
			}
			t.Run(name, func(t *testing.T) {
				run(t, func(w *world) {
					p := w.connect("p", rules{refuses: refuse("r7")})
					scope, table, err := translate.Host(host("h", 40, ""))
					if err != nil {
						t.Fatal(err)
					}
					left := fault.left
					table.Divisible = faulty{Divisible: table.Divisible, call: fault.call, panics: panics, left: &left}
					w.stage.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{scope, table}})
					w.settle()
					w.wantReported("80/h")
					p.mu.Lock()
					for name := range p.tables {
						t.Errorf("the proxy has %s", name)
					}
					p.mu.Unlock()
					w.apply(host("h", 2, ""))
					w.settle()
					w.wantTable(p, "80/h", "r0=201 r1=201")
					w.wantReported()
				})
			})
		}
	}
}

// TestTrialsEnd: a proxy that does not answer trials has the refused table reported after some seconds, and so has one that refuses
// their scopes.
func TestTrialsEnd(t *testing.T) {
	for name, rules := range map[string]rules{
		"silent": {refuses: refuse("r1"), silent: true},
		"scopes": {refuses: refuse("r1"), scopes: true},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *world) {
				w.apply(host("h", 3, ""))
				w.connect("p", rules)
				time.Sleep(20 * time.Second)
				w.settle()
				w.wantReported("80/h")
			})
		})
	}
}

// TestTimerAndLearnPanic: what panics there ends nothing.
func TestTimerAndLearnPanic(t *testing.T) {
	run(t, func(w *world) {
		tables := w.apply(host("h", 3, ""))
		w.connect("p", rules{refuses: refuse("r1"), silent: true})
		w.settle()
		w.unknown.Store(1) // the next question is that of the timer
		time.Sleep(time.Second)
		synctest.Wait()
		if w.unknown.Load() > 0 {
			t.Error("the timer asked nothing")
		}
		w.unknown.Store(1)
		w.stage.Learn(publish.Delivery{Gateway: gatewayKey, Rejected: []publish.Rejection{{
			Resource: tables[0].Key, Version: "x", Withheld: &publish.Withheld{Part: "x", Form: resource.Failing},
		}}})
		if w.unknown.Load() > 0 {
			t.Error("what was learned asked nothing")
		}
		time.Sleep(20 * time.Second)
		w.settle()
		w.wantReported("80/h")
	})
}

// TestReportPanics: a report that is not taken ends nothing, and is repeated at the next event.
func TestReportPanics(t *testing.T) {
	run(t, func(w *world) {
		w.faults = 1
		w.apply(host("h", 3, ""))
		w.connect("p", rules{refuses: refuse("r1")})
		w.settle()
		w.apply(host("other", 1, ""))
		w.settle()
		w.wantReported("80/h r1 failing")
	})
}
