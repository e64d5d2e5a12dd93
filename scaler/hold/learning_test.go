package hold_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/hold/pickers"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// asker answers questions about pickers when a test says so.
type asker struct {
	mu        sync.Mutex
	questions []question
}

type question struct {
	*pickers.Question
	ctx  context.Context
	told func(pickers.Verdict)
}

func (a *asker) Ask(ctx context.Context, q *pickers.Question, told func(pickers.Verdict)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.questions = append(a.questions, question{q, ctx, told})
}

// asked returns the questions so far.
func (a *asker) asked() []question {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.questions)
}

var poolKey = ir.ClusterKey{Kind: ir.BackendPool, Namespace: "shop", Name: "llm"}

// poolRig is a rig with a pool at zero, one request that is held for it, and pickers at some ports.
type poolRig struct {
	*rig
	asker  *asker
	picker ir.ClusterKey
	proxy  *proxy
}

func newPoolRig(t *testing.T, failOpen bool, ports ...uint32) *poolRig {
	p := &poolRig{asker: &asker{}}
	p.rig = newRig(t, poolKey, func(o *hold.Options) { o.Pickers = p.asker })
	p.picker = ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "shop", Name: "epp", Port: 9002, FailOpen: failOpen}
	counting := p.backend
	counting.Demand = p.demand.Name
	p.apply(
		p.one(translate.Cluster(ir.Cluster{Key: counting, Protocol: ir.HTTP1, Pool: &ir.Pool{FailOpen: failOpen, Picker: p.picker}})),
		p.one(translate.Cluster(ir.Cluster{Key: p.picker, Protocol: ir.HTTP2, TLS: &ir.UpstreamTLS{CA: "epp-ca", SNI: "epp"}})),
		p.one(translate.Secret(ir.Secret{Name: "epp-ca", CA: []byte("a bundle")})),
		p.assignment(), p.holdAssignment(),
	)
	p.gate.Ready(ir.Key(gatewayKey))
	p.proxy = p.connect("a")
	p.apply(p.pickers(ports...)) // the proxies of the rig ask for no more than the pool
	return p
}

// pickers are the addresses of the picker.
func (p *poolRig) pickers(ports ...uint32) resource.Resource {
	wanted := ir.Endpoints{Key: p.picker}
	for _, port := range ports {
		wanted.Addresses = append(wanted.Addresses, ir.Endpoint{Address: "127.0.0.1", Port: port})
	}
	return p.one(translate.Endpoints(wanted))
}

// wake brings the first endpoint, which the proxy has.
func (p *poolRig) wake(port uint32) {
	p.t.Helper()
	p.endpoints(port)
	p.eventually("the proxy has the endpoint", func() bool { return p.proxy.ports() != "" })
	p.quiet()
}

// Requests that wait for a pool go on when every picker named an endpoint of it, and no sooner.
func TestPickersKnow(t *testing.T) {
	t.Run("known", bubble(func(t *testing.T) {
		p := newPoolRig(t, false, 7, 8)
		held := p.ask("a")
		p.wake(1)
		asked := p.asker.asked()
		if len(asked) != 1 {
			t.Fatalf("%d questions", len(asked))
		}
		q := asked[0]
		if q.Tenant != "shop" || q.Authority != translate.ClusterName(p.picker) || len(q.Pickers) != 2 || len(q.Endpoints) != 1 ||
			q.TLS == nil || q.TLS.SNI != "epp" || string(q.CA) != "a bundle" {
			t.Errorf("asked %+v", q.Question)
		}
		p.advance(hold.DefaultPickerWait - time.Millisecond)
		held.waits()
		q.told(pickers.Known)
		held.wants("go cold")
		p.ask("a").wants("go")
		if p.gaveUp("picker") != 0 {
			t.Error("a wait was given up")
		}
	}))
	t.Run("cannot tell", bubble(func(t *testing.T) {
		p := newPoolRig(t, false, 7)
		held := p.ask("a")
		p.wake(1)
		p.asker.asked()[0].told(pickers.Untold)
		p.advance(hold.DefaultPickerDelay - time.Millisecond)
		held.waits()
		p.advance(time.Millisecond)
		held.wants("go cold")
	}))
	t.Run("in vain", bubble(func(t *testing.T) {
		p := newPoolRig(t, false, 7)
		held := p.ask("a")
		p.wake(1)
		p.advance(hold.DefaultPickerWait - time.Millisecond)
		held.waits()
		p.advance(time.Millisecond)
		held.wants("go cold")
		if p.gaveUp("picker") != 1 || p.asker.asked()[0].ctx.Err() == nil {
			t.Errorf("%v waits were given up, the question ended: %v", p.gaveUp("picker"), p.asker.asked()[0].ctx.Err())
		}
	}))
	t.Run("the pod goes", bubble(func(t *testing.T) {
		p := newPoolRig(t, false, 7)
		held := p.ask("a")
		p.wake(1)
		p.endpoints()
		p.quiet()
		old := p.asker.asked()[0]
		if old.ctx.Err() == nil {
			t.Error("the question goes on")
		}
		old.told(pickers.Known) // on its way at that moment
		held.waits()
		p.wake(2)
		held.waits()
		p.asker.asked()[1].told(pickers.Known)
		held.wants("go cold")
	}))
}

// The question follows the endpoints of the pool, those of the picker, and how it is connected to.
func TestPickersChange(t *testing.T) {
	for name, change := range map[string]func(*poolRig){
		"another pod":    func(p *poolRig) { p.endpoints(1, 2) },
		"another picker": func(p *poolRig) { p.apply(p.pickers(7, 8)) },
		"another bundle": func(p *poolRig) { p.apply(p.one(translate.Secret(ir.Secret{Name: "epp-ca", CA: []byte("other")}))) },
		"other TLS": func(p *poolRig) {
			p.apply(p.one(translate.Cluster(ir.Cluster{Key: p.picker, Protocol: ir.HTTP2, TLS: &ir.UpstreamTLS{Insecure: true}})))
		},
	} {
		t.Run(name, bubble(func(t *testing.T) {
			p := newPoolRig(t, false, 7)
			held := p.ask("a")
			p.wake(1)
			change(p)
			p.quiet()
			asked := p.asker.asked()
			if len(asked) != 2 || asked[0].ctx.Err() == nil || asked[1].ctx.Err() != nil {
				t.Fatalf("asked %d times", len(asked))
			}
			asked[0].told(pickers.Known)
			held.waits()
			asked[1].told(pickers.Known)
			held.wants("go cold")
		}))
	}
	t.Run("something else", bubble(func(t *testing.T) {
		p := newPoolRig(t, false, 7)
		held := p.ask("a")
		p.wake(1)
		p.apply(p.pickers(7))
		p.apply(p.one(translate.Secret(ir.Secret{Name: "unrelated", CA: []byte("other")})))
		p.quiet()
		if asked := p.asker.asked(); len(asked) != 1 || asked[0].ctx.Err() != nil {
			t.Fatalf("asked %d times", len(asked))
		}
		held.waits()
	}))
}

// A pool that fails closed waits for a picker that comes; one that fails open does without.
func TestPickersMissing(t *testing.T) {
	t.Run("closed", bubble(func(t *testing.T) {
		p := newPoolRig(t, false)
		held := p.ask("a")
		p.wake(1)
		p.advance(time.Second)
		held.waits()
		p.apply(p.pickers(7))
		p.quiet()
		p.asker.asked()[0].told(pickers.Known)
		held.wants("go cold")
	}))
	t.Run("open", bubble(func(t *testing.T) {
		p := newPoolRig(t, true)
		held := p.ask("a")
		p.wake(1)
		p.advance(hold.DefaultPickerDelay)
		held.wants("go cold")
		if asked := p.asker.asked(); len(asked) != 0 {
			t.Errorf("asked %d times", len(asked))
		}
	}))
	t.Run("no trigger", bubble(func(t *testing.T) {
		p := newPoolRig(t, false, 7)
		p.remove(p.holdAssignment().Key)
		p.wake(1)
		if asked := p.asker.asked(); len(asked) != 0 {
			t.Errorf("asked %d times about a pool of which no request is held", len(asked))
		}
	}))
}
