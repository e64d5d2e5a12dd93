package hold_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// warm is a rig with one pod that is busy: no proxy asks.
func warm(t *testing.T) (*rig, *proxy) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.disarm("a")
	return r, p
}

// disarm sends the traffic that ends the asking.
func (r *rig) disarm(node string) {
	r.t.Helper()
	r.arrival()
	for range 20 {
		q := r.ask(node)
		q.wants("go")
		q.confirm()
	}
	r.advance(time.Second)
	r.eventually("no proxy asks", func() bool { return !r.dump().Armed })
}

// Back: endpoints out, that proxy has them, its requests go.
func TestWake(t *testing.T) { synctest.Test(t, testWake) }

func testWake(t *testing.T) {
	r := serviceRig(t)
	p, slow := r.connect("a"), r.connect("b")
	if !p.armed() || p.ports() != "" {
		t.Fatalf("at zero the proxy asks %t and has %q", p.armed(), p.ports())
	}
	first, second, anonymous := r.ask("a"), r.ask("b"), r.ask("")
	r.holds(3)
	slow.pause()
	r.endpoints(1)
	first.wants("go cold")
	r.ask("a").wants("go")
	second.waits()
	anonymous.waits() // it may be a question of the slow proxy
	r.ask("b").waits()
	r.eventually("the endpoint is on its way", slow.waits)
	slow.resume()
	second.wants("go cold")
	anonymous.wants("go cold")
	r.ask("").wants("go")
	r.holds(0)
}

// Away: all proxies ask, no request is routed, answers are confirmed, a rest, and only then the endpoint
// goes.
func TestLastEndpointGoes(t *testing.T) { synctest.Test(t, testLastEndpointGoes) }

func testLastEndpointGoes(t *testing.T) {
	r, p := warm(t)
	slow := r.connect("b")
	confirmed := r.ask("a")
	confirmed.wants("go") // the configuration was on its way when it asked
	slow.pause()
	r.endpoints()
	r.eventually("the proxies are told to ask", func() bool { return p.armed() && slow.waits() })
	held := r.ask("a")
	r.quiet()
	if p.ports() != "1" {
		t.Errorf("the endpoint went before all proxies ask: %q", p.ports())
	}
	r.holds(1)
	held.waits()
	r.advance(time.Second)
	slow.resume()
	r.eventually("all to ask", func() bool { return slow.armed() && r.dump().StaleUntil != nil })
	r.advance(hold.DefaultLinger - time.Millisecond)
	if p.ports() != "1" {
		t.Errorf("the endpoint went before its rest was over: %q", p.ports())
	}
	r.advance(time.Millisecond)
	if p.ports() != "1" {
		t.Error("the endpoint went while an answer was on its way")
	}
	confirmed.confirm()
	r.eventually("the endpoint is gone", func() bool { return p.ports() == "" && slow.ports() == "" })
	if n := counted(t, r.registry, "arms_total", "reason", "empty"); n != 1 {
		t.Errorf("armed %v times because of no endpoint", n)
	}
	if n := r.gaveUp("ack") + r.gaveUp("confirmation"); n != 0 {
		t.Errorf("%v waits were given up", n)
	}
}

// The next pod replaces the last one in one step: there is always something to retry at.
func TestSwap(t *testing.T) { synctest.Test(t, testSwap) }

func testSwap(t *testing.T) {
	r, p := warm(t)
	p.mu.Lock()
	p.applied = func() {
		if len(p.addressesLocked(r.name())) == 0 {
			t.Error("the proxy had no endpoint for a moment")
		}
	}
	p.mu.Unlock()
	for port := range uint32(3) {
		r.endpoints()
		r.eventually("the proxy asks", p.armed)
		held := r.ask("a")
		r.holds(1)
		if stale := r.dump().Stale; len(stale) != 1 {
			t.Errorf("stale endpoints %v", stale)
		}
		p.pause()
		r.endpoints(10 + port)
		r.eventually("the new endpoint is on its way", p.waits)
		held.waits() // the proxy has the dead one only
		p.resume()
		held.wants("go cold")
	}
}

// An endpoint that comes back before it went is used at once.
func TestFlap(t *testing.T) { synctest.Test(t, testFlap) }

func testFlap(t *testing.T) {
	r, p := warm(t)
	r.endpoints()
	held := r.ask("a")
	r.holds(1)
	p.pause()
	r.endpoints(1)
	held.wants("go cold")
}

// An empty assignment that is on its way may arrive before the answer: the request of a proxy that has an endpoint
// and may lose it waits.
func TestEmptiedOnTheWay(t *testing.T) { synctest.Test(t, testEmptiedOnTheWay) }

func testEmptiedOnTheWay(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.Timing.Linger = -1 })
	r.world(1)
	r.gate.Ready(ir.Key(gatewayKey))
	p := r.connect("a")
	p.pause()
	r.endpoints()
	r.eventually("the proxy is told of no endpoint", p.waits)
	r.endpoints(1)
	held := r.ask("a")
	r.holds(1)
	held.waits()
	p.resume()
	held.wants("go cold")
}

// A proxy that said that it asks, and is being told not to, does not ask.
func TestDisarmedOnTheWay(t *testing.T) { synctest.Test(t, testDisarmedOnTheWay) }

func testDisarmedOnTheWay(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.Timing.Linger = -1 })
	r.world(1)
	r.gate.Ready(ir.Key(gatewayKey))
	p := r.connect("a")
	r.arrival()
	p.pause()
	r.disarm("a")
	r.eventually("the proxy is told to ask no more", p.waits)
	r.endpoints()
	r.eventually("the proxy is told to ask again", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.pending) == 2
	})
	if on := r.publisher.Accepted(ir.Key(gatewayKey), r.assignment().Key)["a"].Pending; len(on) > 0 {
		t.Fatalf("endpoints %q are on the way", on)
	}
	p.resume()
	r.eventually("the endpoint is gone", func() bool { return p.ports() == "" })
}

// A silent proxy, and an answer that is never confirmed, are not waited for without end.
func TestWaitsAreBounded(t *testing.T) { synctest.Test(t, testWaitsAreBounded) }

func testWaitsAreBounded(t *testing.T) {
	r, p := warm(t)
	silent := r.connect("b")
	never := r.ask("a")
	never.wants("go")
	silent.pause()
	r.endpoints()
	r.eventually("the proxy asks", p.armed)
	r.advance(hold.DefaultAckWait)
	r.eventually("the ACK is given up", func() bool { return r.gaveUp("ack") == 1 })
	r.advance(hold.DefaultLinger)
	r.advance(hold.DefaultConfirmWait - time.Millisecond)
	if p.ports() != "1" {
		t.Error("the endpoint went before the confirmation was given up")
	}
	r.advance(time.Millisecond)
	r.eventually("the endpoint is gone", func() bool { return p.ports() == "" })
	if n := r.gaveUp("confirmation"); n != 1 {
		t.Errorf("%v confirmations were given up", n)
	}
}

// What changes but the last endpoint changes at once.
func TestPartialChanges(t *testing.T) { synctest.Test(t, testPartialChanges) }

func testPartialChanges(t *testing.T) {
	r, p := warm(t)
	for _, step := range []struct {
		ports []uint32
		want  string
	}{{[]uint32{1, 2}, "1 2"}, {[]uint32{1, 2, 3}, "1 2 3"}, {[]uint32{3}, "3"}, {[]uint32{4}, "4"}} {
		r.endpoints(step.ports...)
		r.eventually("the proxy has "+step.want, func() bool { return p.ports() == step.want })
		r.quiet()
		if p.armed() {
			t.Errorf("the proxy asks because of %s", step.want)
		}
	}
}

// What no proxy can have any more is forgotten.
func TestVersionsAreForgotten(t *testing.T) { synctest.Test(t, testVersionsAreForgotten) }

func testVersionsAreForgotten(t *testing.T) {
	r, p := warm(t)
	for port := range uint32(200) {
		r.endpoints(100+port, 1)
	}
	r.eventually("the proxy has the last one", func() bool { return p.upToDate() && r.knows("a") })
	r.endpoints(1, 2)
	r.eventually("one version", func() bool { return r.gate.Remembered(gatewayKey, r.name()) == 1 })
}

// No request is routed to endpoints that are all replaced.
func TestReplacedAtOnce(t *testing.T) { synctest.Test(t, testReplacedAtOnce) }

func testReplacedAtOnce(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.ask("a").wants("go")
	p.pause()
	r.endpoints(1, 2)
	r.eventually("the change is on its way", p.waits)
	r.ask("a").wants("go") // it has one of them
	r.endpoints(2, 3)
	held := r.ask("a")
	r.holds(1)
	held.waits()
	p.resume()
	held.wants("go cold")
}

// A proxy whose stream is gone counts as one without endpoints: its requests wait until it says what
// it has.
func TestReconnect(t *testing.T) { synctest.Test(t, testReconnect) }

func testReconnect(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.ask("a").wants("go")
	p.disconnect()
	r.eventually("the proxy is gone", func() bool { return len(r.dump().Proxies) == 0 })
	held, anonymous := r.ask("a"), r.ask("")
	r.holds(2)
	p.reconnect()
	held.wants("go cold")
	anonymous.wants("go cold")
}

// A proxy that does not come back has its requests asked about elsewhere: its stream may be
// there.
func TestOrphans(t *testing.T) { synctest.Test(t, testOrphans) }

func testOrphans(t *testing.T) {
	r := serviceRig(t, 1)
	p := r.connect("a")
	r.connect("b")
	p.disconnect()
	r.eventually("the proxy is gone", func() bool { return len(r.dump().Proxies) == 1 })
	held := r.ask("a")
	r.holds(1)
	r.advance(hold.DefaultOrphanWait - time.Millisecond)
	held.waits()
	r.advance(time.Millisecond)
	if got := held.code(); got != "Unavailable" {
		t.Errorf("the call ended with %s", got)
	}
	// A queue of requests whose proxy is connected stays, and so does one that comes back.
	r.endpoints()
	stays := r.ask("b")
	r.holds(1)
	back := r.ask("a")
	r.holds(2)
	r.advance(hold.DefaultOrphanWait - time.Millisecond)
	p.reconnect()
	r.eventually("the proxy is back", func() bool { return len(r.dump().Proxies) == 2 && r.dump().Proxies[0].Connected })
	r.advance(hold.DefaultOrphanWait)
	stays.waits()
	back.waits()
}

// The time of an orphan begins when its proxy goes, and anew each time.
func TestOrphansOfAProxyThatGoes(t *testing.T) { synctest.Test(t, testOrphansOfAProxyThatGoes) }

func testOrphansOfAProxyThatGoes(t *testing.T) {
	r := serviceRig(t)
	p := r.connect("a")
	held, anonymous := r.ask("a"), r.ask("")
	r.holds(2)
	for range 2 {
		r.advance(10 * time.Second)
		p.disconnect()
		r.advance(hold.DefaultOrphanWait - time.Millisecond)
		held.waits()
		anonymous.waits()
		p.reconnect()
		r.quiet()
	}
	p.disconnect()
	r.quiet()
	r.advance(hold.DefaultOrphanWait)
	for _, q := range []*request{held, anonymous} {
		if got := q.code(); got != "Unavailable" {
			t.Errorf("the call ended with %s", got)
		}
	}
}

// Before the first complete state no endpoint is delayed, and every request waits.
func TestBeforeReady(t *testing.T) { synctest.Test(t, testBeforeReady) }

func testBeforeReady(t *testing.T) {
	r := newRig(t, service(), nil)
	held := r.ask("a")
	r.holds(1)
	r.world(1)
	r.endpoints()
	for _, published := range r.publisher.Dump(ir.Key(gatewayKey)).Resources {
		if published.Name == r.name() && published.Version != r.assignment(9).Version {
			t.Error("the engine's word was delayed")
		}
	}
	r.endpoints(2)
	held.waits()
	r.gate.Ready(ir.Key(gatewayKey))
	held.waits() // the proxy has nothing
	p := r.connect("a")
	held.wants("go cold")
	if !p.armed() || p.ports() != "2" {
		t.Errorf("the proxy asks %t and has %q", p.armed(), p.ports())
	}
}

// A pool's endpoints are used a moment later: its picker must know them.
func TestPickerDelay(t *testing.T) { synctest.Test(t, testPickerDelay) }

func testPickerDelay(t *testing.T) {
	r := newRig(t, ir.ClusterKey{Kind: ir.BackendPool, Namespace: "shop", Name: "llm"}, nil)
	r.world(1)
	r.gate.Ready(ir.Key(gatewayKey))
	p := r.connect("a")
	r.ask("a").wants("go") // an endpoint from before the start of the replica is known to the picker
	r.endpoints()
	held := r.ask("a")
	r.holds(1)
	r.endpoints(2)
	r.eventually("the proxy has the endpoint", func() bool { return p.ports() == "2" })
	r.advance(hold.DefaultPickerDelay - time.Millisecond)
	held.waits()
	r.advance(time.Millisecond)
	held.wants("go cold")
	r.endpoints(2, 3)
	r.eventually("the proxy has both", func() bool { return p.ports() == "2 3" })
	r.ask("a").wants("go") // one of them is known
}

// Everything but the endpoints of held backends passes as it is.
func TestPassesThrough(t *testing.T) { synctest.Test(t, testPassesThrough) }

func testPassesThrough(t *testing.T) {
	r := serviceRig(t, 1)
	other := deltatest.Endpoints(t, "service/shop/other/80", 7)
	r.apply(other)
	want := map[string]string{other.Name: other.Version, r.name(): r.assignment(1).Version}
	for _, published := range r.publisher.Dump(ir.Key(gatewayKey)).Resources {
		if version, ok := want[published.Name]; ok && version != published.Version {
			t.Errorf("%s is %s, want %s", published.Name, published.Version, version)
		}
		delete(want, published.Name)
	}
	if len(want) > 0 {
		t.Errorf("not published: %v", want)
	}
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{other.Key}})
	for _, published := range r.publisher.Dump(ir.Key(gatewayKey)).Resources {
		if published.Name == other.Name {
			t.Error("a removed resource is published")
		}
	}
}

// When the backend holds no more, no request waits, and what the engine wants is published. Nothing that may
// come would answer a request that is held then.
func TestHoldRemoved(t *testing.T) { synctest.Test(t, testHoldRemoved) }

func testHoldRemoved(t *testing.T) {
	r, p := warm(t)
	r.endpoints()
	held := r.ask("a")
	r.holds(1)
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{{Type: resource.Endpoint, Name: r.name() + hold.Suffix}}})
	held.wants("503 after 5")
	r.ask("a").wants("503 after 5")
	r.eventually("the endpoint is gone", func() bool { return p.ports() == "" })
	if d := r.dump(); d.Armed || d.State != "withdrawn" {
		t.Errorf("%+v", d)
	}
	r.endpoints(2)
	r.ask("a").wants("go")
	r.endpoints()
	// And back again.
	r.apply(r.holdAssignment())
	held = r.ask("a")
	r.holds(1)
	r.endpoints(3)
	held.wants("go cold")
}

// An unknown backend: this replica may be behind, or the backend is gone.
func TestUnknownBackend(t *testing.T) { synctest.Test(t, testUnknownBackend) }

func testUnknownBackend(t *testing.T) {
	r := newRig(t, service(), nil)
	r.gate.Ready(ir.Key(gatewayKey))
	elsewhere := r.ask("a")
	r.holds(1)
	r.advance(hold.DefaultOrphanWait)
	if got := elsewhere.code(); got != "Unavailable" {
		t.Errorf("the call ended with %s", got)
	}
	r.connect("a")
	r.ask("a").wants("go")
	r.advance(time.Minute)
	r.eventually("it is forgotten", func() bool { return len(r.gate.Dump(gatewayKey).Backends) == 0 })
	r.ask("a").wants("go")
}

// A deleted gateway sends its requests away.
func TestForget(t *testing.T) { synctest.Test(t, testForget) }

func testForget(t *testing.T) {
	r := serviceRig(t)
	held := r.ask("a")
	r.holds(1)
	r.gate.Forget(ir.Key(gatewayKey))
	if got := held.code(); got != "Unavailable" {
		t.Errorf("the call ended with %s", got)
	}
	if r.publisher.Knows(ir.Key(gatewayKey)) || len(r.gate.Gateways()) > 0 {
		t.Error("the gateway is still there")
	}
	r.ask("a").waits()
}

// A backend without endpoints has one that refuses connections, because a worker of the proxy may
// read that a request goes on before it hears where to. A pool has none: its picker never picks
// what it does not know.
func TestNowhere(t *testing.T) {
	pool := ir.ClusterKey{Kind: ir.BackendPool, Namespace: "shop", Name: "llm"}
	for name, test := range map[string]struct {
		backend ir.ClusterKey
		want    resource.Resource
	}{
		"service": {service(), deltatest.Endpoints(t, service().String(), 9)},
		"pool":    {pool, deltatest.Endpoints(t, pool.String())},
	} {
		t.Run(name, bubble(func(t *testing.T) {
			r := newRig(t, test.backend, func(o *hold.Options) { o.Timing.Linger = -1 })
			r.world()
			r.gate.Ready(ir.Key(gatewayKey))
			has := func(want resource.Resource) {
				t.Helper()
				for _, published := range r.publisher.Dump(ir.Key(gatewayKey)).Resources {
					if published.Name == want.Name && published.Version != want.Version {
						t.Fatalf("published %s, want %s", published.Version, want.Version)
					}
				}
			}
			has(test.want)
			r.endpoints(1)
			has(r.assignment(1))
			r.endpoints()
			has(test.want)
			r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{{Type: resource.Endpoint, Name: r.name() + hold.Suffix}}})
			has(r.assignment()) // proxies do not ask any more
			r.apply(r.holdAssignment())
			has(test.want)
		}))
	}
}
