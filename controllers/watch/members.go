package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// joined is the informer of a row in a member.
type joined struct {
	informer cache.Informer
	// handed: what is in the namespace was handed over. What changes is, from then on.
	handed bool
}

// following returns what is done after a move: rows follow the members, and rows that are refused are not waited for. Each row has been
// asked for; one whose API does not answer keeps no member closed.
func (w *Watcher) following(ctx context.Context, rows []*watched, syncing *sync.WaitGroup) func() error {
	return func() error {
		for _, member := range w.members() {
			if err := w.join(ctx, member, rows, syncing); err != nil {
				return err
			}
			if err := w.advance(ctx, member, rows); err != nil {
				return err
			}
		}
		for _, row := range rows {
			w.settle(row)
		}
		return nil
	}
}

func (w *Watcher) members() []*member {
	if w.scoped == nil {
		return nil
	}
	return w.scoped.members
}

// join starts the informers of a member that are missing.
func (w *Watcher) join(ctx context.Context, member *member, rows []*watched, syncing *sync.WaitGroup) error {
	for _, row := range rows {
		if row.feed == nil || member.joined[row] != nil {
			continue
		}
		var err error
		if row.namespaced, err = apiutil.IsGVKNamespaced(row.gvk, w.Mapper); err != nil {
			return fmt.Errorf("ask for %s: %w", row.gvk, err)
		}
		if !row.namespaced {
			continue
		}
		informer, err := member.GetInformer(ctx, row.object, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watch %s in %s: %w", row.gvk, member.namespace, err)
		}
		member.joined[row] = &joined{informer: informer}
		feed := row.feed
		syncing.Go(func() {
			select {
			case <-informer.HasSyncedChecker().Done():
				w.move()
			case <-feed.done:
			case <-ctx.Done():
			}
		})
	}
	return nil
}

// advance opens a member when every kind in it was read, and hands over what is in it.
func (w *Watcher) advance(ctx context.Context, member *member, rows []*watched) error {
	if !member.open.Load() {
		waits := false
		for row, joined := range member.joined {
			if !row.Dispensable && !joined.informer.HasSynced() {
				waits = true
				member.refused = member.refused || w.refuses(member.namespace, row)
			}
		}
		if waits {
			return nil
		}
		member.open.Store(true)
		if member.refused {
			w.Log.Info("Watching a namespace that was refused before", "namespace", member.namespace)
		}
	}
	for _, row := range handedOver(rows) {
		joined := member.joined[row]
		if joined == nil || joined.handed || !joined.informer.HasSynced() {
			continue
		}
		registration, err := joined.informer.AddEventHandler(row.feed.events())
		if err != nil {
			return fmt.Errorf("watch %s in %s: %w", row.gvk, member.namespace, err)
		}
		joined.handed = true
		select { // the next row may refer to what this one has
		case <-registration.HasSyncedChecker().Done():
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// handedOver are the rows in the order in which the objects of a namespace that opens are handed over. Rows that refer to others come
// before those when they are added, so what is referred to is handed over first; what follows from the others is handed over last.
func handedOver(rows []*watched) []*watched {
	order := slices.Clone(rows)
	slices.Reverse(order)
	slices.SortStableFunc(order, func(a, b *watched) int {
		switch {
		case a.Derived == b.Derived:
			return 0
		case a.Derived:
			return 1
		}
		return -1
	})
	return order
}

// settle tells a row when each member has handed its objects over, or is not waited for.
func (w *Watcher) settle(row *watched) {
	if row.feed == nil {
		return
	}
	if row.Dispensable && w.refuses("", row) {
		row.answered()
	}
	for _, member := range w.members() {
		joined := member.joined[row]
		switch {
		case joined == nil && !row.namespaced, joined != nil && joined.handed:
		case !member.open.Load() && member.refused:
		case member.open.Load() && w.refuses(member.namespace, row):
		default:
			return
		}
	}
	row.settled()
}

// refuses reports whether the API server refuses to list the kind of a row.
func (w *Watcher) refuses(namespace string, row *watched) bool {
	return w.Refusals != nil && w.Refusals.Has(namespace, row.gvk)
}

// leave forgets a row in all members: its kind is not served any more.
func (w *Watcher) leave(ctx context.Context, row *watched) error {
	var problems []error
	for _, member := range w.members() {
		if member.joined[row] != nil {
			delete(member.joined, row)
			problems = append(problems, member.RemoveInformer(ctx, row.object))
		}
	}
	return errors.Join(problems...)
}
