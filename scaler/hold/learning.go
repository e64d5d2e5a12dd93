package hold

import (
	"context"
	"time"

	"github.com/kedify/inference-gateway/scaler/hold/pickers"
)

// Pickers asks endpoint pickers; pickers.Asker.
type Pickers interface {
	// Ask asks until every picker of a question named an endpoint or cannot tell, and then calls told once, from a goroutine of
	// its own. It is not called once the context is done.
	Ask(ctx context.Context, q *pickers.Question, told func(pickers.Verdict))
}

// learning is the time in which the pickers of a pool learn of its first endpoint. The mutex of the gateway guards it.
type learning struct {
	since    time.Time // when the endpoint came; zero: they know it, or were given up
	verdict  pickers.Verdict
	question *pickers.Question // under way, or answered; nil: none
	cancel   context.CancelFunc
}

// usableAt is from when on the endpoints of a pool are used; zero: now. What a picker cannot tell, it gets a moment for.
func (l *learning) usableAt(t *Timing) time.Time {
	switch {
	case l.since.IsZero() || l.verdict == pickers.Known:
		return time.Time{}
	case l.verdict == pickers.Untold:
		return l.since.Add(t.PickerDelay)
	default:
		return l.since.Add(t.PickerWait)
	}
}

// learn begins the time in which pickers learn of an endpoint.
func (b *backend) learn() {
	b.learning.since = b.now()
	b.gateway.waking[b] = struct{}{}
}

// askPickers asks the pickers of a pool, and asks again when they or the endpoints became others. A pool that fails open does
// without a picker where there is none; one that fails closed gets one or nothing.
func (b *backend) askPickers() {
	l := &b.learning
	if l.since.IsZero() || b.hold.wanted == nil {
		return
	}
	q := b.gateway.pickers.Question(b.name, b.endpoints.addresses, b.gateway.wanted)
	switch {
	case q == nil || b.options().Pickers == nil || len(q.Pickers) == 0 && q.FailOpen:
		l.forget()
		l.verdict = pickers.Untold
	case l.question != nil && l.question.Equal(q):
	case len(q.Pickers) == 0:
		l.forget()
	default:
		l.forget()
		l.question = q
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		b.options().Pickers.Ask(ctx, q, func(verdict pickers.Verdict) { b.told(q, verdict) })
	}
}

// told takes the answer to a question, unless another one was asked since.
func (b *backend) told(q *pickers.Question, verdict pickers.Verdict) {
	b.gateway.mu.Lock()
	defer b.gateway.mu.Unlock()
	if b.learning.question == q {
		b.learning.verdict = verdict
		b.step()
	}
}

// learned ends the time in which pickers learn.
func (b *backend) learned() {
	b.learning.forget()
	b.learning = learning{}
	delete(b.gateway.waking, b)
}

// forget ends a question.
func (l *learning) forget() {
	if l.cancel != nil {
		l.cancel()
	}
	l.question, l.cancel, l.verdict = nil, nil, pickers.Pending
}
