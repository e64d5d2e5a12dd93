package hold_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// chaos changes everything at random and watches what must never happen.
type chaos struct {
	*rig
	rand    *rand.Rand
	proxies []*chaosProxy
	asked   []*chaosRequest
	ports   []uint32
	// nowhere is the version without an endpoint, noProxy that of an empty hold cluster.
	nowhere, noProxy string

	mu         sync.Mutex
	violations []string
	released   int
}

type chaosProxy struct {
	*proxy
	// excused: it missed what happened while it was away, until it has everything again.
	excused   bool
	connected bool
}

type chaosRequest struct {
	*request
	node  string
	since time.Time
	// told is set when it was told to go on, done when it is over. Guarded by the mutex of chaos.
	told, done bool
}

// After any events in any order: no request goes on in a proxy that has, or is about to have,
// no endpoint; no endpoint set is emptied while an answer is on its way; no proxy that listens
// has neither an endpoint nor a replica to ask; and every request gets an answer.
func TestAnySequence(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	fresh := uint64(time.Now().UnixNano())
	for i := range seeds {
		seed := uint64(i)
		if i%2 == 1 {
			seed = fresh + uint64(i)
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { runChaos(t, seed) })
	}
}

func runChaos(t *testing.T, seed uint64) {
	c := &chaos{rand: rand.New(rand.NewPCG(seed, 1))}
	c.rig = newRig(t, service(), func(o *hold.Options) {
		// A proxy may be as slow as it likes.
		o.Timing.AckWait, o.Timing.ConfirmWait = 1000*time.Hour, 1000*time.Hour
		if c.rand.IntN(3) > 0 {
			o.Timing.Linger = -1
		}
		o.Timing.DisarmAnswers = 1 + c.rand.IntN(5)
	})
	c.world()
	c.gate.Ready(ir.Key(gatewayKey))
	c.nowhere = deltatest.Endpoints(t, c.name(), 9).Version
	c.noProxy = c.holdAssignment().Version
	for _, node := range []string{"a", "b", "c"} {
		c.addProxy(node)
	}
	for range 400 {
		c.step()
		c.check()
	}
	c.finish()
}

func (c *chaos) addProxy(node string) {
	p := &chaosProxy{proxy: c.connect(node), connected: true}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.auto = false
	p.applied, p.sent = func() { c.applied(p) }, func() { c.sent(p) }
	c.proxies = append(c.proxies, p)
}

func (c *chaos) violate(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
}

func (c *chaos) check() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.violations) > 0 {
		c.t.Fatalf("%s\n%+v", strings.Join(c.violations, "\n"), c.gate.Dump(gatewayKey))
	}
}

// sent looks at a proxy that was just sent something: what takes its last endpoint away may come
// only after it said that it asks, and while nothing else is on the way. The mutex of the proxy is
// held.
func (c *chaos) sent(p *chaosProxy) {
	if p.excused || c.version(p.pending[len(p.pending)-1], c.name()) != c.nowhere {
		return
	}
	if len(p.addressesLocked(c.name()+hold.Suffix)) == 0 {
		c.violate("the endpoints of %s are taken away before it said that it asks", p.node)
	}
	for _, response := range p.pending {
		if c.version(response, c.name()+hold.Suffix) == c.noProxy {
			c.violate("the endpoints of %s are taken away while it is being told not to ask", p.node)
		}
	}
}

// version returns the version of a name in a response; "": it is not there.
func (c *chaos) version(response *discovery.DeltaDiscoveryResponse, name string) string {
	for _, r := range response.GetResources() {
		if r.GetName() == name {
			return r.GetVersion()
		}
	}
	return ""
}

// applied looks at a proxy that took something. The mutex of the proxy is held.
func (c *chaos) applied(p *chaosProxy) {
	if len(p.addressesLocked(c.name())) > 0 {
		return
	}
	if len(p.addressesLocked(c.name()+hold.Suffix)) == 0 && !p.excused {
		c.violate("%s has no endpoint and does not ask", p.node)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.asked {
		if q.told && !q.done && p.mayBe(q) {
			c.violations = append(c.violations, fmt.Sprintf("%s lost its endpoints while an answer to %q was on its way", p.node, q.node))
		}
	}
}

// mayBe reports whether a request can have come from a proxy that the gate knew. The mutex of
// the proxy is held.
func (p *chaosProxy) mayBe(q *chaosRequest) bool {
	return p.node == q.node || q.node == "" && !p.excused
}

// mayReachNothing reports whether a proxy may have no endpoint when it reads an answer.
func (c *chaos) mayReachNothing(p *chaosProxy) bool {
	if len(p.addressesLocked(c.name())) == 0 {
		return true
	}
	for _, response := range p.pending {
		if c.version(response, c.name()) == c.nowhere {
			return true
		}
	}
	return false
}

// answering is called before an answer reaches its proxy.
func (c *chaos) answering(q *chaosRequest, answer *extprocv3.ProcessingResponse) {
	if answer.GetRequestHeaders() == nil {
		return
	}
	for _, p := range c.proxies {
		p.mu.Lock()
		if p.mayBe(q) && p.connected && c.mayReachNothing(p) {
			c.violate("%q was told to go on while %s has, or may lose, its endpoints", q.node, p.node)
		}
		p.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q.told = true
	c.released++
}

func (c *chaos) step() {
	p := c.proxies[c.rand.IntN(len(c.proxies))]
	switch n := c.rand.IntN(100); {
	case n < 14:
		c.change()
	case n < 40:
		c.askOne()
	case n < 62:
		c.take(p)
	case n < 82:
		c.endOne()
	case n < 86:
		c.toggle(p)
	case n < 87:
		c.calm()
	case n < 88:
		c.gate.SetAddresses(hold.Addresses{Own: here, Others: []string{there}[:c.rand.IntN(2)]})
	case n < 90:
		c.arrival()
	case n < 93:
		c.clock.Advance(time.Duration(c.rand.IntN(5000)) * time.Millisecond)
	default:
		c.clock.Advance(time.Duration(c.rand.IntN(100)) * time.Millisecond)
	}
	if c.rand.IntN(4) == 0 { // let things happen, or not
		time.Sleep(time.Duration(c.rand.IntN(300)) * time.Microsecond)
	}
}

// calm is a while of traffic in which proxies keep up, so that they do not ask any more.
func (c *chaos) calm() {
	c.endpoints(1 + uint32(c.rand.IntN(4)))
	c.arrival()
	for range 40 {
		for _, p := range c.proxies {
			c.take(p)
		}
		c.clock.Advance(hold.DefaultPace)
		for range 3 {
			c.askOne()
		}
		for range 10 {
			c.endOne()
		}
		time.Sleep(50 * time.Microsecond)
	}
}

func (c *chaos) change() {
	c.ports = nil
	for range c.rand.IntN(3) {
		c.ports = append(c.ports, 1+uint32(c.rand.IntN(4)))
	}
	c.endpoints(c.ports...)
}

func (c *chaos) askOne() {
	q := &chaosRequest{since: c.clock.Now()}
	if n := c.rand.IntN(len(c.proxies) + 1); n < len(c.proxies) {
		q.node = c.proxies[n].node
	}
	c.mu.Lock()
	c.asked = append(c.asked, q)
	c.mu.Unlock()
	q.request = c.askSending(q.node, func(answer *extprocv3.ProcessingResponse) { c.answering(q, answer) })
}

// endOne has a proxy read an answer, or a client go.
func (c *chaos) endOne() {
	if len(c.asked) == 0 {
		return
	}
	i := c.rand.IntN(len(c.asked))
	q := c.asked[i]
	if answer, ok := q.answered(); !ok && c.rand.IntN(5) > 0 {
		return
	} else if strings.HasPrefix(answer, "504") && c.clock.Now().Sub(q.since) < hold.DefaultTimeout {
		c.violate("%s after %s", answer, c.clock.Now().Sub(q.since))
	}
	c.mu.Lock()
	q.done = true
	c.asked = append(c.asked[:i:i], c.asked[i+1:]...)
	c.mu.Unlock()
	q.confirm()
}

func (c *chaos) take(p *chaosProxy) {
	p.mu.Lock()
	if len(p.pending) > 0 {
		p.takeOne()
	}
	p.mu.Unlock()
	if p.connected && p.upToDate() {
		p.mu.Lock()
		p.excused = false
		p.mu.Unlock()
	}
}

func (c *chaos) toggle(p *chaosProxy) {
	if p.connected {
		p.mu.Lock()
		p.connected, p.excused, p.pending = false, true, nil
		p.mu.Unlock()
		p.disconnect()
		return
	}
	p.mu.Lock()
	p.connected = true
	p.mu.Unlock()
	p.reconnect()
}

// finish ends in a good world and has every request answered.
func (c *chaos) finish() {
	c.t.Helper()
	c.endpoints(8)
	for _, p := range c.proxies {
		if !p.connected {
			c.toggle(p)
		}
		p.resume()
	}
	for _, p := range c.proxies {
		c.eventually(p.node+" has everything", p.upToDate)
		c.eventually("the gate knows that "+p.node+" has", func() bool { return c.knows(p.node) })
	}
	for len(c.asked) > 0 {
		q := c.asked[0]
		ended := false
		c.eventually("an answer to "+q.node, func() bool {
			c.clock.Advance(hold.DefaultPace)
			if _, ok := q.answered(); ok {
				return true
			}
			select {
			case err := <-q.failed: // sent to another replica
				q.failed <- err
				ended = true
			default:
			}
			return ended
		})
		c.mu.Lock()
		q.done = true
		c.asked = c.asked[1:]
		c.mu.Unlock()
		q.confirm()
	}
	c.check()
	if d := c.dump(); d.Held != 0 || d.Unconfirmed != 0 {
		c.t.Errorf("in the end %+v", d)
	}
	for node, has := range c.publisher.Accepted(ir.Key(gatewayKey), c.assignment().Key) {
		if want := c.assignment(8).Version; has.Accepted != want {
			c.t.Errorf("%s has %+v, want %s", node, has, want)
		}
	}
	if c.released == 0 {
		c.t.Error("nothing was released")
	}
	c.t.Logf("%d went on; armed %v times, disarmed %v", c.released,
		counted(c.t, c.registry, "arms_total"), counted(c.t, c.registry, "disarms_total"))
}
