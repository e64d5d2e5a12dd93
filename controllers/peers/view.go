package peers

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/xds/publish"
)

// view adds up what all replicas say, and tells what comes of it when that changes.
type view struct {
	deliver          func(publish.Delivery)
	knows            func(types.NamespacedName) bool
	grace, fadeDelay time.Duration

	mu     sync.Mutex
	closed bool
	own    map[types.NamespacedName]publish.Delivery
	others map[string]*other // by address
	told   map[types.NamespacedName]*told
}

// other is what another replica says.
type other struct {
	replica    string
	deliveries map[types.NamespacedName]publish.Delivery
	lost       *time.Timer // the grace after the end of its stream; nil while that is open
}

// told is what was delivered of a gateway.
type told struct {
	delivery publish.Delivery
	fading   *time.Timer // delivers a change for the worse when it fires; nil: none waits
}

func newView(options Options) *view {
	return &view{
		deliver: options.Deliver, knows: options.Knows, grace: options.Grace, fadeDelay: options.FadeDelay,
		own: map[types.NamespacedName]publish.Delivery{}, others: map[string]*other{}, told: map[types.NamespacedName]*told{},
	}
}

// set takes what the proxies of this replica have.
func (v *view) set(d publish.Delivery) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.knows(types.NamespacedName(d.Gateway)) {
		return // forgotten while the delivery was on its way
	}
	v.own[types.NamespacedName(d.Gateway)] = d
	v.tell(types.NamespacedName(d.Gateway))
}

func (v *view) forget(gateway types.NamespacedName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.own, gateway)
	if was := v.told[gateway]; was != nil && was.fading != nil {
		was.fading.Stop()
	}
	delete(v.told, gateway)
}

// replace takes all that another replica knows, as the first envelope of a stream says.
func (v *view) replace(address string, said envelope) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.remove(address)
	after := &other{replica: said.Replica, deliveries: map[types.NamespacedName]publish.Delivery{}}
	v.others[address] = after
	for _, d := range said.Deliveries {
		after.deliveries[types.NamespacedName(d.Gateway)] = d
	}
	for gateway := range after.deliveries {
		v.tell(gateway)
	}
	for gateway := range before {
		v.tell(gateway)
	}
}

// change takes what is new at another replica.
func (v *view) change(address string, said envelope) {
	v.mu.Lock()
	defer v.mu.Unlock()
	from := v.others[address]
	if from == nil {
		return
	}
	for _, d := range said.Deliveries {
		from.deliveries[types.NamespacedName(d.Gateway)] = d
		v.tell(types.NamespacedName(d.Gateway))
	}
	for _, gateway := range said.Forgotten {
		delete(from.deliveries, gateway)
		v.tell(gateway)
	}
}

// lose begins the grace of a replica whose stream ended.
func (v *view) lose(address string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	gone := v.others[address]
	if gone == nil || gone.lost != nil || v.closed {
		return
	}
	gone.lost = time.AfterFunc(v.grace, func() { v.expire(address, gone) })
}

// expire drops what a replica said last, unless it spoke again.
func (v *view) expire(address string, gone *other) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.others[address] != gone || v.closed {
		return
	}
	for gateway := range v.remove(address) {
		v.tell(gateway)
	}
}

func (v *view) remove(address string) map[types.NamespacedName]publish.Delivery {
	was := v.others[address]
	if was == nil {
		return nil
	}
	if was.lost != nil {
		was.lost.Stop()
	}
	delete(v.others, address)
	return was.deliveries
}

// tell delivers the current state of a gateway, if it changed. A change for the worse
// waits for the fade delay. It is delivered with the lock held, so that the order is right.
func (v *view) tell(gateway types.NamespacedName) {
	own, desired := v.own[gateway]
	if !desired || v.closed {
		return // other replicas may know a gateway earlier, or longer
	}
	now := merge(own, v.said(gateway))
	was := v.told[gateway]
	if was == nil {
		v.told[gateway] = &told{delivery: now}
		v.deliver(now)
		return
	}
	if !fades(was.delivery, now) {
		v.conclude(was, now)
		return
	}
	if was.fading == nil {
		was.fading = time.AfterFunc(v.fadeDelay, func() { v.faded(gateway, was) })
	}
}

// faded delivers what is true after the fade delay, better or worse.
func (v *view) faded(gateway types.NamespacedName, was *told) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.told[gateway] != was || was.fading == nil || v.closed {
		return
	}
	v.conclude(was, merge(v.own[gateway], v.said(gateway)))
}

// said returns what the other replicas say of a gateway.
func (v *view) said(gateway types.NamespacedName) (all []publish.Delivery) {
	for _, from := range v.others {
		if d, ok := from.deliveries[gateway]; ok {
			all = append(all, d)
		}
	}
	return all
}

func (v *view) conclude(was *told, now publish.Delivery) {
	if was.fading != nil {
		was.fading.Stop()
		was.fading = nil
	}
	if !equal(was.delivery, now) {
		was.delivery = now
		v.deliver(now)
	}
}

func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, from := range v.others {
		if from.lost != nil {
			from.lost.Stop()
		}
	}
	for _, was := range v.told {
		if was.fading != nil {
			was.fading.Stop()
		}
	}
}

// elsewhere returns the states of the other replicas, sorted.
func (v *view) elsewhere(gateway types.NamespacedName) (states []debug.PeerState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, from := range v.others {
		if d, ok := from.deliveries[gateway]; ok {
			states = append(states, debug.PeerState{Replica: from.replica, Connected: d.Connected > 0, Synced: d.Synced})
		}
	}
	slices.SortFunc(states, func(a, b debug.PeerState) int { return cmp.Compare(a.Replica, b.Replica) })
	return states
}
