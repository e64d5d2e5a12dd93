package hold_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Proxies ask when they begin, and no more when there is traffic.
func TestDisarmedByAnswers(t *testing.T) { synctest.Test(t, testDisarmedByAnswers) }

func testDisarmedByAnswers(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.arrival()
	for range hold.DefaultDisarmAnswers - 1 {
		r.ask("a").wants("go")
	}
	r.quiet()
	if !r.dump().Armed {
		t.Fatal("disarmed too early")
	}
	r.ask("a").wants("go")
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
	if n, m := counted(t, r.registry, "arms_total", "reason", "new"), counted(t, r.registry, "disarms_total"); n != 1 || m != 1 {
		t.Errorf("armed %v times because it was new, disarmed %v times", n, m)
	}
}

// Few requests are enough when they come for long enough, and gaps begin anew.
func TestDisarmedByTime(t *testing.T) { synctest.Test(t, testDisarmedByTime) }

func testDisarmedByTime(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.ask("a").wants("go")
	r.advance(2 * time.Second)
	r.arrival()
	r.ask("a").wants("go") // after a gap
	r.advance(hold.DefaultDisarmAfter)
	if r.dump().Armed != true {
		t.Fatal("disarmed although requests are rare")
	}
	r.ask("a").wants("go")
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
}

// Proxies ask again when no request came for a while, from when on the last endpoint may go.
func TestArmedWhenQuiet(t *testing.T) { synctest.Test(t, testArmedWhenQuiet) }

func testArmedWhenQuiet(t *testing.T) {
	r, p := warm(t)
	r.arrival()
	for range 5 { // busy: every few seconds a request
		r.advance(hold.DefaultQuiet - time.Second)
		r.arrival()
	}
	r.advance(hold.DefaultQuiet - time.Millisecond)
	if r.dump().Armed {
		t.Fatal("armed too early")
	}
	r.advance(time.Millisecond)
	r.eventually("the proxy asks", p.armed)
	if n := counted(t, r.registry, "arms_total", "reason", "quiet"); n != 1 {
		t.Errorf("armed %v times because of quiet", n)
	}
}

// What is not known is quiet, but not at once: there was traffic when it was disarmed.
func TestArmedWhenUnknown(t *testing.T) { synctest.Test(t, testArmedWhenUnknown) }

func testArmedWhenUnknown(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	for range hold.DefaultDisarmAnswers {
		r.ask("a").wants("go")
	}
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
	r.trigger(func(*scaler.Scaler) {}) // have it look again
	r.advance(hold.DefaultQuiet - time.Millisecond)
	if r.dump().Armed {
		t.Fatal("armed too early")
	}
	r.advance(time.Millisecond)
	r.eventually("the proxy asks", p.armed)
}

// Traffic disarms at most once in a while.
func TestDisarmPause(t *testing.T) { synctest.Test(t, testDisarmPause) }

func testDisarmPause(t *testing.T) {
	r, p := warm(t)
	r.advance(hold.DefaultDisarmPause)
	flip := func() {
		r.arrival()
		r.endpoints()
		r.endpoints(1) // armed, with an endpoint
		r.eventually("the proxy has what it was sent", func() bool { return p.upToDate() && r.knows("a") })
		for range hold.DefaultDisarmAnswers {
			r.ask("a").wants("go")
		}
	}
	flip()
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
	flip()
	for range 9 {
		r.advance(hold.DefaultDisarmPause / 10)
		r.ask("a").wants("go")
	}
	if !r.dump().Armed {
		t.Fatal("disarmed too early")
	}
	r.advance(hold.DefaultDisarmPause / 10)
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
}

// Traffic of before a backend was armed does not disarm it.
func TestTrafficBeginsAnew(t *testing.T) { synctest.Test(t, testTrafficBeginsAnew) }

func testTrafficBeginsAnew(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.Timing.DisarmPause = time.Millisecond })
	r.world(1)
	r.gate.Ready(ir.Key(gatewayKey))
	p := r.connect("a")
	r.disarm("a")
	r.endpoints()
	r.endpoints(1)
	r.eventually("the proxy asks", func() bool { return p.armed() && r.knows("a") })
	r.ask("a").wants("go")
	r.advance(hold.DefaultDisarmAfter / 2)
	r.ask("a").wants("go")
	r.quiet()
	if !r.dump().Armed {
		t.Error("two requests disarmed")
	}
}

// While a request waits, or a proxy has not got the endpoint, all proxies ask.
func TestNotDisarmedWhileOneIsBehind(t *testing.T) { synctest.Test(t, testNotDisarmedWhileOneIsBehind) }

func testNotDisarmedWhileOneIsBehind(t *testing.T) {
	r := serviceRig(t)
	p, slow := r.connect("a"), r.connect("b")
	slow.pause()
	r.endpoints(1)
	r.eventually("the endpoint is on its way", func() bool { return slow.waits() && r.knows("a") })
	r.arrival()
	for range 2 * hold.DefaultDisarmAnswers {
		r.ask("a").wants("go")
	}
	r.advance(hold.DefaultDisarmAfter)
	if !p.armed() {
		t.Fatal("disarmed although a proxy is behind")
	}
	slow.resume()
	r.eventually("b is ready", func() bool { return r.knows("b") })
	r.ask("a").wants("go")
	r.advance(hold.DefaultDisarmAfter)
	r.eventually("the proxies ask no more", func() bool { return !p.armed() && !slow.armed() })
}

// While requests wait for their turn all proxies ask: the requests of a proxy that did not would overtake them.
func TestNotDisarmedWhileARequestWaits(t *testing.T) {
	synctest.Test(t, testNotDisarmedWhileARequestWaits)
}

func testNotDisarmedWhileARequestWaits(t *testing.T) {
	r := serviceRig(t)
	p := r.connect("a")
	all := r.line("a", hold.DefaultDisarmAnswers+25)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Metric.Target = hold.DefaultDisarmAnswers })
	r.arrival()
	r.endpoints(1)
	for confirmed := 0; confirmed < hold.DefaultDisarmAnswers; confirmed++ {
		all[confirmed].wants("go cold")
		all[confirmed].confirm()
	}
	r.holds(25)
	r.advance(hold.DefaultPace)
	r.holds(5)
	r.quiet()
	if !r.dump().Armed {
		t.Fatal("disarmed although requests wait")
	}
	r.advance(hold.DefaultPace)
	r.holds(0)
	r.advance(hold.DefaultDisarmAfter)
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
}

// A maintenance page answers everything, so everything must be asked about.
func TestPinnedByMaintenance(t *testing.T) { synctest.Test(t, testPinnedByMaintenance) }

func testPinnedByMaintenance(t *testing.T) {
	r, p := warm(t)
	r.trigger(func(s *scaler.Scaler) { s.Maintenance = &scaler.Page{Status: 503, Body: "later"} })
	r.eventually("the proxy asks", p.armed)
	if n := counted(t, r.registry, "arms_total", "reason", "pinned"); n != 1 {
		t.Errorf("armed %v times because of maintenance", n)
	}
	for range 2 * hold.DefaultDisarmAnswers {
		r.ask("a").wants("503")
	}
	r.advance(time.Minute)
	if !r.dump().Armed {
		t.Fatal("disarmed although there is maintenance")
	}
	r.trigger(func(*scaler.Scaler) {})
	r.arrival()
	for range hold.DefaultDisarmAnswers {
		r.ask("a").wants("go")
	}
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
}

// Proxies ask this replica, and the others when it is gone; the set of others may change.
func TestAddresses(t *testing.T) { synctest.Test(t, testAddresses) }

func testAddresses(t *testing.T) {
	r := serviceRig(t)
	p := r.connect("a")
	asked := r.name() + hold.Suffix
	for _, test := range []struct {
		addresses hold.Addresses
		want      string
	}{
		{hold.Addresses{Own: here, Others: []string{there}}, "0/10.0.0.1:18000 1/10.0.0.2:18000"},
		{hold.Addresses{Own: here, Others: []string{"10.0.0.4:1", there, "10.0.0.3:1", there, here}},
			"0/10.0.0.1:18000 1/10.0.0.2:18000 1/10.0.0.3:1 1/10.0.0.4:1"},
		{hold.Addresses{Own: here}, "0/10.0.0.1:18000"},
		{hold.Addresses{Others: []string{there}}, "0/10.0.0.2:18000"},
		{hold.Addresses{Own: "no address", Others: []string{"[fd00::1]:18000"}}, "0/fd00::1:18000"},
		{hold.Addresses{}, ""},
	} {
		r.gate.SetAddresses(test.addresses)
		r.eventually(test.want, func() bool { return join(p.addresses(asked)) == test.want })
	}
	// A backend that is busy is told nothing.
	r.gate.SetAddresses(hold.Addresses{Own: here})
	r.endpoints(1)
	r.eventually("the proxy has the endpoint", func() bool { return p.ports() == "1" && r.knows("a") })
	r.disarm("a")
	r.eventually("the proxy asks no more", func() bool { return !p.armed() })
	r.gate.SetAddresses(hold.Addresses{Own: there})
	r.endpoints()
	r.eventually("the proxy asks there", func() bool { return join(p.addresses(asked)) == "0/"+there })
}

// Demand keys are read from the clusters that pass, and forgotten with them.
func TestDemandsOfClusters(t *testing.T) { synctest.Test(t, testDemandsOfClusters) }

func testDemandsOfClusters(t *testing.T) {
	r, p := warm(t)
	if got := r.dump().Demands; len(got) != 1 || got[0] != debug.Key(r.demand) {
		t.Fatalf("demands %v", got)
	}
	counting := r.backend
	counting.Demand = r.demand.Name
	r.arrival()
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{{Type: resource.Cluster, Name: counting.String()}}})
	if got := r.dump().Demands; len(got) != 0 {
		t.Fatalf("demands %v of no cluster", got)
	}
	r.advance(hold.DefaultQuiet) // no request is counted: quiet
	r.eventually("the proxy asks", p.armed)
}
