package lead

import (
	"context"
	"errors"
	"sync"
)

// Leadership is whether this replica leads. It is safe for concurrent use.
type Leadership struct {
	mu sync.Mutex
	// term is the present one; nil: this replica does not lead.
	term *term
	// changed is closed, and replaced, when a term begins.
	changed chan struct{}
}

// term is a time in which this replica leads.
type term struct {
	ctx     context.Context
	end     context.CancelFunc
	working sync.WaitGroup
}

// New returns the Leadership of a replica that does not lead.
func New() *Leadership { return &Leadership{changed: make(chan struct{})} }

// Set begins a term or ends it. When the end returns nothing works in the term any more.
func (l *Leadership) Set(leads bool) {
	l.mu.Lock()
	last := l.term
	if leads == (last != nil) {
		l.mu.Unlock()
		return
	}
	l.term = nil
	if leads {
		l.term = &term{}
		l.term.ctx, l.term.end = context.WithCancel(context.Background())
		close(l.changed)
		l.changed = make(chan struct{})
	}
	l.mu.Unlock()
	if last != nil {
		last.end()
		last.working.Wait()
	}
}

// Leads reports whether this replica leads.
func (l *Leadership) Leads() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term != nil
}

// Within calls a function in a term, this one or the next. The context of the call ends with the term. It returns false
// without a call when ctx ends before.
func (l *Leadership) Within(ctx context.Context, work func(context.Context)) bool {
	now := l.enter(ctx)
	if now == nil {
		return false
	}
	defer now.working.Done()
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(now.ctx, cancel)()
	work(within)
	return true
}

// enter waits for a term; nil: ctx ended. The caller works in it.
func (l *Leadership) enter(ctx context.Context) *term {
	for ctx.Err() == nil {
		l.mu.Lock()
		now, changed := l.term, l.changed
		if now != nil {
			now.working.Add(1)
		}
		l.mu.Unlock()
		if now != nil {
			return now
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// Part of a leader runs until its context ends.
type Part func(context.Context) error

// EachTerm is the part that runs another one anew in each term.
func (l *Leadership) EachTerm(part Part) Part {
	return func(ctx context.Context) error {
		for {
			var err error
			if !l.Within(ctx, func(term context.Context) { err = part(term); <-term.Done() }) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

// Run runs for leadership until the context ends, or a part fails. The parts begin with the first term and end with ctx;
// what they do in terms alone, they do within EachTerm or Within. The election ends after them, and with it the Lease.
func (l *Leadership) Run(ctx context.Context, elect Elect, parts []Part) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	electing, resign := context.WithCancel(context.WithoutCancel(ctx))
	defer resign()
	elected := make(chan error, 1)
	go func() {
		defer stop()
		elected <- elect(electing, l.Set)
	}()
	l.Within(ctx, func(context.Context) {}) // the first term, or the end
	failed := runAll(ctx, parts)
	resign()
	return errors.Join(failed, <-elected)
}

// runAll runs parts until all ended, and ends them when one fails. Parts run for a moment even if ctx has ended: they
// end what they own.
func runAll(ctx context.Context, parts []Part) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(parts))
	var running sync.WaitGroup
	for i, part := range parts {
		running.Go(func() {
			if errs[i] = part(ctx); errs[i] != nil {
				stop()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
