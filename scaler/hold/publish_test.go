package hold_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// onApply is a publisher with a hook.
type onApply struct {
	hold.Publisher
	before func()
}

func (p *onApply) Apply(key ir.Key, change resource.Change) {
	p.before()
	p.Publisher.Apply(key, change)
}

// hookedRig is a service rig with one endpoint whose publisher has a hook.
func hookedRig(t *testing.T) (*rig, *onApply) {
	hook := &onApply{before: func() {}}
	r := newRig(t, service(), func(o *hold.Options) { hook.Publisher, o.Publisher = o.Publisher, hook })
	r.world(1)
	r.gate.Ready(ir.Key(gatewayKey))
	return r, hook
}

// A request that comes after the engine removed the last endpoint, or their name, and before the
// proxies are looked at, is held.
func TestHeldFromTheFirstMoment(t *testing.T) {
	for name, change := range map[string]func(*rig){
		"none":    func(r *rig) { r.endpoints() },
		"removed": func(r *rig) { r.remove(r.assignment().Key) },
	} {
		t.Run(name, bubble(func(t *testing.T) {
			r, hook := hookedRig(t)
			r.trigger(func(s *scaler.Scaler) { s.WaitingPage = &scaler.Page{Status: 503, RetryAfter: 10} })
			r.connect("a")
			r.ask("a").wants("go")
			hooked := false
			hook.before = func() {
				hooked = true
				held, opens := r.ask("a"), r.ask("a", browser...)
				synctest.Wait() // the gate is locked: nothing else may be called
				if got, ok := held.answered(); ok {
					t.Errorf("answered %q, must wait", got)
				}
				if got, _ := opens.answered(); got != "503 after 10" {
					t.Errorf("a browser gets %q", got)
				}
			}
			change(r)
			hook.before = func() {}
			r.holds(1)
			if !hooked {
				t.Error("nothing was published")
			}
		}))
	}
}

// A step that changes nothing publishes nothing.
func TestNothingToPublish(t *testing.T) { synctest.Test(t, testNothingToPublish) }

func testNothingToPublish(t *testing.T) {
	r, hook := hookedRig(t)
	r.connect("a")
	hook.before = func() { t.Error("a change was published") }
	r.trigger(func(*scaler.Scaler) {})
	r.ask("a").wants("go")
	r.advance(time.Second)
}

// When the engine removes the name of the endpoints requests are held, and the next version of
// the name is published at once, with any content.
func TestNameRemoved(t *testing.T) { synctest.Test(t, testNameRemoved) }

func testNameRemoved(t *testing.T) {
	r := serviceRig(t, 1)
	r.connect("a")
	r.ask("a").wants("go")
	r.remove(r.assignment().Key)
	held := r.ask("a")
	r.holds(1)
	if d := r.dump(); d.State != "cold" || len(d.Endpoints) != 0 || len(d.Stale) != 0 {
		t.Errorf("%+v", d)
	}
	r.endpoints()
	if d := r.dump(); d.State != "cold" {
		t.Errorf("%+v", d)
	}
	r.endpoints(2)
	held.wants("go cold")
}

// A hold cluster may come before the endpoints that it is about.
func TestHoldBeforeEndpoints(t *testing.T) { synctest.Test(t, testHoldBeforeEndpoints) }

func testHoldBeforeEndpoints(t *testing.T) {
	r := newRig(t, service(), nil)
	r.gate.Ready(ir.Key(gatewayKey))
	r.apply(r.holdAssignment())
	p := r.connect("a")
	held := r.ask("a")
	r.holds(1)
	if d := r.dump(); d.State != "cold" || !p.armed() {
		t.Errorf("%+v, the proxy asks %t", d, p.armed())
	}
	r.endpoints(1)
	held.wants("go cold")
}

// The versions that a proxy may have are remembered over any number of steps, each once.
func TestVersionsAreRemembered(t *testing.T) { synctest.Test(t, testVersionsAreRemembered) }

func testVersionsAreRemembered(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	p.pause()
	for range 50 {
		r.endpoints(1, 2)
		r.quiet()
		r.endpoints(1, 3)
		r.quiet()
		r.ask("a").wants("go") // endpoint 1 is in both sets that the proxy may have
	}
	if n := r.gate.Remembered(gatewayKey, r.name()); n != 3 {
		t.Errorf("%d versions are remembered", n)
	}
}

// Traffic does not disarm a backend with a maintenance page.
func TestNotDisarmedByTrafficBeforeMaintenance(t *testing.T) {
	synctest.Test(t, testNotDisarmedByTrafficBeforeMaintenance)
}

func testNotDisarmedByTrafficBeforeMaintenance(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.arrival()
	r.disarmTraffic()
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
	r.endpoints()
	r.endpoints(1)
	r.eventually("the proxy asks", func() bool { return p.armed() && r.knows("a") })
	r.disarmTraffic() // too early
	r.quiet()
	if !r.dump().Armed {
		t.Fatal("disarmed too early")
	}
	before := counted(t, r.registry, "disarms_total")
	r.trigger(func(s *scaler.Scaler) { s.Maintenance = &scaler.Page{Status: 503} })
	r.advance(hold.DefaultDisarmPause)
	if now := counted(t, r.registry, "disarms_total"); !r.dump().Armed || now != before {
		t.Errorf("armed %t, disarmed %v times, before %v", r.dump().Armed, now, before)
	}
}
