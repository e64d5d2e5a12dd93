package pickers

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kedify/inference-gateway/xds/ir"
)

const (
	// maxWorkers ask the pickers of one question at once, maxCalls those of one tenant.
	maxWorkers = 16
	maxCalls   = 32
	// callTimeout is how long one call may take. The next one may find another picker behind the address.
	callTimeout = time.Second
	// connectTimeout tells an address that is not reached from here: networks that admit proxies alone drop packets.
	connectTimeout = time.Second
	// A picker that does not know an endpoint yet is asked again after pause, then after twice that, and so on to maxPause.
	pause, maxPause = 5 * time.Millisecond, 40 * time.Millisecond
)

// Asker asks pickers. Its zero value is ready for use, also by several goroutines.
type Asker struct {
	connections connections
	tenants     tenants
}

// Ask asks until every picker of a question named an endpoint or cannot tell, and then calls told once, from a goroutine of
// its own. It is not called once the context is done.
func (a *Asker) Ask(ctx context.Context, q *Question, told func(Verdict)) {
	go func() {
		if verdict := a.ask(ctx, q); ctx.Err() == nil {
			told(verdict)
		}
	}()
}

func (a *Asker) ask(ctx context.Context, q *Question) Verdict {
	places, leave := a.tenants.enter(q.Tenant)
	defer leave()
	answers := make([]Verdict, len(q.Pickers))
	var workers errgroup.Group
	workers.SetLimit(maxWorkers)
	for i, picker := range q.Pickers {
		workers.Go(func() error {
			answers[i] = a.untilKnown(ctx, q, picker, places)
			return nil
		})
	}
	_ = workers.Wait()
	verdict := Known
	for _, answer := range answers {
		if answer != Known {
			verdict = Untold
		}
	}
	return verdict
}

// untilKnown asks one picker until it names an endpoint, cannot tell, or the context is done.
func (a *Asker) untilKnown(ctx context.Context, q *Question, picker ir.Endpoint, places chan struct{}) Verdict {
	connection, err := a.connections.open(picker, q)
	if err != nil { // a bundle without certificates: proxies cannot connect either
		return Untold
	}
	defer a.connections.release(connection)
	for wait := pause; ; wait = min(2*wait, maxPause) {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return Pending
		}
		verdict := connection.call(ctx, q)
		<-places
		if verdict != Pending {
			return verdict
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return Pending
		}
	}
}

// tenants are the places for calls of each tenant that has a question.
type tenants struct {
	mu   sync.Mutex
	each map[string]*tenant
}

type tenant struct {
	places    chan struct{}
	questions int
}

// enter returns the places of a tenant for the time until leave is called.
func (t *tenants) enter(name string) (places chan struct{}, leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.each[name]
	if found == nil {
		found = &tenant{places: make(chan struct{}, maxCalls)}
		if t.each == nil {
			t.each = map[string]*tenant{}
		}
		t.each[name] = found
	}
	found.questions++
	return found.places, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if found.questions--; found.questions == 0 {
			delete(t.each, name)
		}
	}
}
