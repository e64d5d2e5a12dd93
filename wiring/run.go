package wiring

import (
	"context"
	"sync"
)

// Runnable runs until the context ends.
type Runnable func(context.Context) error

// Runnables are what every replica runs. Whether it leads is found out while it runs.
func (w *Wiring) Runnables() []Runnable {
	return []Runnable{w.watcher.Run, w.run, w.watchFreshness, w.streams.Run, w.elect, w.serveStandby, w.registerStandby}
}

// run works on namespaces once the objects that moves to safety depend on are known.
func (w *Wiring) run(ctx context.Context) error {
	defer w.moves.ShutDown()
	defer w.objects.ShutDown()
	others := w.watcher.Add(w.rows(false)...)
	select {
	case <-w.watcher.Add(w.rows(true)...):
	case <-ctx.Done():
		return nil
	}
	w.ready.Store(true)
	w.touchAll()
	var running sync.WaitGroup
	running.Go(func() { w.moves.Run(ctx) })
	running.Go(func() { w.objects.Run(ctx) })
	running.Go(func() { w.awaitOthers(ctx, others) })
	running.Wait()
	return nil
}

// awaitOthers permits plans of foreign objects once all kinds are known: an object that is not read yet
// is not absent.
func (w *Wiring) awaitOthers(ctx context.Context, others <-chan struct{}) {
	select {
	case <-others:
		w.foreignKnown.Store(true)
		w.objects.Add(leftovers)
		w.touchAll()
	case <-ctx.Done():
	}
}

// elect follows the election. A new leader looks at everything.
func (w *Wiring) elect(ctx context.Context) error {
	return w.deps.Elect(ctx, func(leads bool) {
		if w.leads.Swap(leads) == leads {
			return
		}
		w.deps.Log.Info("Changed leadership", "leads", leads)
		w.metrics.leader.Set(map[bool]float64{true: 1}[leads])
		w.objects.Add(leftovers)
		w.touchAll()
	})
}
