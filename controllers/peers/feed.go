package peers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/publish"
)

// feed is what this replica tells the others. It keeps the newest delivery of each gateway,
// and each reader keeps only names: a slow one skips states, and costs no memory.
type feed struct {
	knows func(types.NamespacedName) bool

	mu      sync.Mutex
	own     map[types.NamespacedName]publish.Delivery
	readers map[*reader]struct{}
}

// reader is one subscriber.
type reader struct {
	feed *feed
	wake chan struct{} // something is due
	due  map[types.NamespacedName]struct{}
	told map[types.NamespacedName]struct{} // gateways sent to the subscriber, so that their end is sent as well
}

func newFeed(knows func(types.NamespacedName) bool) *feed {
	return &feed{knows: knows, own: map[types.NamespacedName]publish.Delivery{}, readers: map[*reader]struct{}{}}
}

// set takes a delivery, unless its gateway was forgotten in the meantime.
func (f *feed) set(d publish.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.knows(types.NamespacedName(d.Gateway)) {
		return
	}
	f.own[types.NamespacedName(d.Gateway)] = d
	for r := range f.readers {
		r.mark(types.NamespacedName(d.Gateway))
	}
}

func (f *feed) forget(gateway types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.own, gateway)
	for r := range f.readers {
		if _, heard := r.told[gateway]; heard {
			r.mark(gateway)
		} else {
			delete(r.due, gateway)
		}
	}
}

// subscribe returns a reader to whom everything is due.
func (f *feed) subscribe() *reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &reader{feed: f, wake: make(chan struct{}, 1), due: map[types.NamespacedName]struct{}{}, told: map[types.NamespacedName]struct{}{}}
	for gateway := range f.own {
		r.due[gateway] = struct{}{}
	}
	f.readers[r] = struct{}{}
	return r
}

func (r *reader) leave() {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	delete(r.feed.readers, r)
}

// mark has the lock of the feed.
func (r *reader) mark(gateway types.NamespacedName) {
	r.due[gateway] = struct{}{}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take returns what is due, as it is now.
func (r *reader) take() (taken envelope) {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	for gateway := range r.due {
		if d, ok := r.feed.own[gateway]; ok {
			taken.Deliveries = append(taken.Deliveries, d)
			r.told[gateway] = struct{}{}
		} else {
			taken.Forgotten = append(taken.Forgotten, gateway)
			delete(r.told, gateway)
		}
	}
	clear(r.due)
	return taken
}
