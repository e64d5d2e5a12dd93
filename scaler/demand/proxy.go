package demand

import (
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// proxyCounters is what one Envoy has reported so far, here or to another replica.
type proxyCounters struct {
	Proxy
	gateway *gatewayCounters
	number  window.Proxy
	// state is immutable, so it is read without a lock. It is replaced with mu held.
	state atomic.Pointer[proxyState]

	// mu is held while a report of the proxy is taken.
	mu      sync.Mutex
	keys    map[types.NamespacedName]*keyCounter
	busy    []*keyCounter // with a rate or with requests in flight
	present int           // keys that are in the newest message
	steps   uint64
	removed bool // from the gateway
}

// proxyState is what is known about the process of a proxy.
type proxyState struct {
	counter.Process
	// reportedBy is the replica that receives its reports; nil: this one.
	reportedBy *peer
}

// keyCounter is one key in one proxy.
type keyCounter struct {
	counter.Counter
	work    *counter.WorkCounter // nil: the last report had none
	series  *series
	rate    float64
	changed uint64 // the step that changed the counts last
	step    uint64 // the one that touched it last
	present bool
	listed  bool // in busy
}

// step is one message being taken.
type step struct {
	counter.Step
	registry *Registry
	number   uint64
	own      bool         // the proxy reported to this replica
	seen     int          // keys that the message has
	since    instant.Time // see counter.Process.Since
	returned bool         // see window.Sample.Returned
}

func newProxyCounters(g *gatewayCounters, node string, number uint64) *proxyCounters {
	p := &proxyCounters{
		Proxy: Proxy{Gateway: g.key, Node: node}, gateway: g, number: window.Proxy(number),
		keys: map[types.NamespacedName]*keyCounter{},
	}
	p.state.Store(&proxyState{})
	return p
}

// begin starts to take a message. mu is held.
func (p *proxyCounters) begin(r *Registry, o counter.Observation) step {
	p.steps++
	state := p.state.Load()
	st := step{Step: state.Step(o, r.timing), registry: r, number: p.steps, since: state.Since, returned: state.Dropped}
	if st.Restarted {
		for _, c := range p.keys {
			c.Restart()
			c.work = nil
		}
	}
	return st
}

// take takes the counts of one key, and its work; nil: there is none.
func (p *proxyCounters) take(st *step, key types.NamespacedName, counts Counts, work *Work) {
	c := p.keys[key]
	if c == nil {
		c = &keyCounter{series: st.registry.refer(key)}
		p.keys[c.series.key] = c
	}
	if c.step != st.number {
		c.step = st.number
		st.seen++
	}
	if !c.present {
		c.present = true
		p.present++
	}
	before := c.Counts.Active
	arrived := p.count(st, c, counts)
	p.countWork(st, c, work, arrived, before)
}

// countWork takes the work of a key. arrived are its requests since the last report, before are those that were in flight then.
func (p *proxyCounters) countWork(st *step, c *keyCounter, work *Work, arrived, before uint64) {
	if work == nil {
		c.work = nil
		return
	}
	of := st.Step
	if c.work == nil {
		c.work, c.changed = &counter.WorkCounter{}, st.number
		// A proxy that has counted the key for longer than this replica knows of its work: when it was done is not known.
		of.Baseline = of.Baseline || arrived < c.Arrived()
	}
	if c.work.Last() != *work {
		c.changed = st.number
	}
	delta := c.work.Take(work, of)
	ended := arrived + before - min(c.Counts.Active, arrived+before)
	if !of.Baseline && (delta != (Work{}) || arrived > 0 || ended > 0) {
		c.series.takeWork(st, p.gateway, &delta, arrived, ended)
	}
}

// count takes the counts of a key and returns how many requests arrived.
func (p *proxyCounters) count(st *step, c *keyCounter, counts Counts) (arrived uint64) {
	counts = counts.Clamped()
	active := c.Counts.Active
	if counts == c.Counts && active == 0 && c.rate == 0 {
		return 0
	}
	if counts != c.Counts {
		c.changed = st.number
	}
	delta := st.Clamp(c.Take(counts, st.Baseline))
	if st.Baseline && c.Arrived() > 0 {
		c.series.baseline(p.gateway, st.At)
	}
	if delta == 0 && counts.Active == 0 && active == 0 && c.rate == 0 {
		return 0 // no request arrived: a baseline, or retries
	}
	c.rate = 0
	if delta > 0 {
		c.rate = float64(delta) / (st.At - st.From).Seconds()
	}
	c.series.take(st, p.gateway, &window.Sample{
		Proxy: p.number, From: st.From, At: st.At, Since: st.since, Returned: st.returned,
		Requests: delta, Rate: c.rate, Active: counts.Active,
	})
	if !c.listed && (c.rate != 0 || counts.Active != 0) {
		c.listed = true
		p.busy = append(p.busy, c)
	}
	return delta
}

// takeAbsent takes the keys that a message left out. Those of a whole message are gone from
// the proxy; those of a message with changes only are what they were.
func (p *proxyCounters) takeAbsent(st *step, whole bool) {
	if whole && st.seen < p.present {
		for _, c := range p.keys {
			if c.present && c.step != st.number {
				c.present = false
				p.present--
				p.count(st, c, Counts{})
				c.work = nil
			}
		}
	}
	kept := p.busy[:0]
	for _, c := range p.busy {
		if c.step != st.number && c.present {
			p.count(st, c, c.Counts)
		}
		if c.listed = c.rate != 0 || c.Counts.Active != 0; c.listed {
			kept = append(kept, c)
		}
	}
	clear(p.busy[len(kept):])
	p.busy = kept
}

// end notes that a message was taken. mu is held.
func (p *proxyCounters) end(st *step, o counter.Observation, reportedBy *peer) {
	if st.Baseline {
		p.gateway.baseline(st.At)
	}
	p.state.Store(&proxyState{Process: p.state.Load().After(st.Step, o), reportedBy: reportedBy})
}

// change replaces the process. mu is held.
func (p *proxyCounters) change(to counter.Process) {
	p.state.Store(&proxyState{Process: to, reportedBy: p.state.Load().reportedBy})
}

// leave notes that the stream of the proxy ended. mu is held.
func (p *proxyCounters) leave(at instant.Time) { p.change(p.state.Load().Left(at)) }

// drop ends the requests in flight of a proxy that is gone.
func (p *proxyCounters) drop(r *Registry, now instant.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.state.Load()
	if !state.Due(now, r.timing) {
		return
	}
	at := state.Deadline(r.timing)
	for _, c := range p.busy { // stays as it is: the proxy may come back
		c.rate = 0
		c.series.lose(p, at)
	}
	p.change(state.Drop())
}

// forget removes a proxy from its gateway, unless it came back, and its counters.
func (p *proxyCounters) forget(now instant.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if state := p.state.Load(); p.removed || !state.Dropped || now-state.Last <= instant.Time(keepCounts) {
		return
	}
	p.remove()
}

// evict removes a proxy whose stream ended at a moment, unless it came back.
func (p *proxyCounters) evict(gone instant.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed || p.state.Load().Gone != gone {
		return
	}
	for _, c := range p.busy {
		c.series.lose(p, max(gone, p.state.Load().Last))
	}
	p.remove()
}

// remove has mu.
func (p *proxyCounters) remove() {
	p.removed = true
	p.gateway.change(func(proxies map[string]*proxyCounters) { delete(proxies, p.Node) })
	for _, c := range p.keys {
		c.series.unrefer()
	}
	p.keys, p.busy = nil, nil
}

// Removed implements replica.Proxy.
func (p *proxyCounters) Removed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.removed
}

// Silence implements replica.Proxy.
func (p *proxyCounters) Silence(name string, now instant.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if by := p.state.Load().reportedBy; by != nil && by.name == name {
		p.leave(now)
	}
}

// Delta implements replica.Proxy. A proxy that reports to another replica is left to it, unless
// both are gone: then no other may know where its counters were.
func (p *proxyCounters) Delta(since uint64, all bool, now instant.Time) (d replica.ProxyDelta, steps uint64, any bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.state.Load()
	if p.removed || !state.Known || state.reportedBy != nil && (state.Gone == instant.Never || !all) {
		return d, 0, false
	}
	d = replica.ProxyDelta{
		Gateway: p.Gateway, Node: p.Node, Time: state.Time, Age: replica.AgeOf(state.Last, now), Uptime: state.Uptime, Started: state.Started,
	}
	if state.Gone != instant.Never {
		gone := replica.AgeOf(state.Gone, now)
		d.Gone = &gone
	}
	for _, c := range p.keys {
		if c.changed > since {
			told := replica.KeyCounts{
				Key: c.series.text, Requests: c.Counts.Requests, Retries: c.Counts.Retries, Active: c.Counts.Active,
			}
			if c.work != nil {
				told.Work = replica.WorkCountsOf(c.work.Last())
			}
			d.Counts = append(d.Counts, told)
		}
	}
	return d, p.steps, true
}
