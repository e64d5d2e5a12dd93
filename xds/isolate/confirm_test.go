package isolate_test

import (
	"testing"
	"time"
)

const (
	whole    = "r0=201 r1=201 r2=201 r3=201"
	withheld = "r0=201 r1=201 r2=500 r3=201"
)

// TestFindingEndsWithItsProxy: a rule that was refused by a proxy which is gone comes back when the proxy that is left, or comes
// instead, takes it. Until then the new proxy has the rest of the table.
func TestFindingEndsWithItsProxy(t *testing.T) {
	for name, overlap := range map[string]bool{"rolling": true, "one after the other": false} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *world) {
				w.apply(host("h", 4, ""))
				old := w.connect("old", rules{refuses: refuse("r2")})
				w.settle()
				w.wantTable(old, "80/h", withheld)
				if !overlap {
					old.session.Close()
					w.settle()
				}
				upgraded := w.connect("new", rules{delay: 20 * time.Millisecond})
				if overlap {
					w.settle()
					w.wantTable(upgraded, "80/h", withheld)
					w.wantReported("80/h r2 failing")
					old.session.Close()
				} else {
					time.Sleep(50 * time.Millisecond) // two answers: of the table, and of the trial
					w.wantTable(upgraded, "80/h", withheld)
				}
				w.settle()
				w.wantTable(upgraded, "80/h", whole)
				w.wantReported()
				if n := upgraded.asked(); n > 2 {
					t.Errorf("%d trials", n)
				}
			})
		})
	}
}

// TestFindingStays: a rule that the proxies refuse which are left, or of which they say nothing or differ, stays withheld, and they
// have the rest of its table all the time.
func TestFindingStays(t *testing.T) {
	for name, left := range map[string][]rules{
		"refused":  {{refuses: refuse("r2")}},
		"silence":  {{refuses: refuse("r2"), silent: true}},
		"no scope": {{refuses: refuse("r2"), scopes: true}},
		"differ":   {{refuses: refuse("r2")}, {delay: time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *world) {
				w.apply(host("h", 4, ""))
				old := w.connect("old", rules{refuses: refuse("r2")})
				w.settle()
				var all []*proxy
				for i, rules := range left {
					all = append(all, w.connect("left-"+string(rune('a'+i)), rules))
				}
				w.settle()
				old.session.Close()
				time.Sleep(20 * time.Second)
				w.settle()
				w.wantReported("80/h r2 failing")
				for _, p := range all {
					w.wantTable(p, "80/h", withheld)
					if n := p.asked(); n > 3 {
						t.Errorf("%d trials", n)
					}
				}
			})
		})
	}
}
