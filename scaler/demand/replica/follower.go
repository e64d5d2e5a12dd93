package replica

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// interval is the shortest time between two deltas with counts to one replica. That requests
// begin or cease to be held is told at once.
const interval = 250 * time.Millisecond

// Local is the demand of this replica, which followers are told of.
type Local interface {
	Now() instant.Time
	// Proxies and Keys return all of them, Past what is known of the past.
	Proxies() []Proxy
	Keys() []Key
	Past(now instant.Time) *Past
}

// Proxy is a proxy of which something is known.
type Proxy interface {
	// Delta returns what changed after a step of the proxy, and the step that it is at now.
	// Any: there is something to be told. All: to a replica that knows nothing.
	Delta(since uint64, all bool, now instant.Time) (d ProxyDelta, step uint64, any bool)
	// Removed reports whether nothing will ever be told of it again.
	Removed() bool
	// Silence ends the stream of a proxy whose reports come through a replica, if that is so.
	Silence(replica string, now instant.Time)
}

// Key is a key that requests may be held for.
type Key interface {
	// Holding returns what this replica holds.
	Holding(now instant.Time) HoldingDelta
	// Release ends what another replica holds.
	Release(replica string, now instant.Time)
}

// Followers are the other replicas that are told.
type Followers struct {
	local Local
	clock clock.WithDelayedExecution

	changing sync.Mutex // held to change all
	all      atomic.Pointer[[]*Follower]
}

// NewFollowers returns none.
func NewFollowers(local Local, on clock.WithDelayedExecution) *Followers {
	f := &Followers{local: local, clock: on}
	f.all.Store(&[]*Follower{})
	return f
}

// Follower is another replica that is told what this one counts and holds. It keeps only what
// is due: a slow one skips states, and costs no memory.
type Follower struct {
	followers *Followers
	wake      chan struct{}
	// steps of the proxies that it was told of. The caller of Take owns them.
	steps map[Proxy]uint64

	mu      sync.Mutex
	all     bool // nothing was told yet
	proxies map[Proxy]struct{}
	keys    map[Key]struct{}
	last    instant.Time // when something was taken
	timer   clock.Timer  // it will be woken; nil: nothing is due that can wait
	left    bool
}

// Follow returns a follower to whom everything is due. Leave is to be called.
func (s *Followers) Follow() *Follower {
	f := &Follower{
		followers: s, wake: make(chan struct{}, 1), all: true,
		proxies: map[Proxy]struct{}{}, keys: map[Key]struct{}{}, steps: map[Proxy]uint64{},
	}
	f.wake <- struct{}{}
	s.changing.Lock()
	defer s.changing.Unlock()
	all := append(slices.Clone(*s.all.Load()), f)
	s.all.Store(&all)
	return f
}

// Leave ends it.
func (f *Follower) Leave() {
	s := f.followers
	s.changing.Lock()
	all := slices.DeleteFunc(slices.Clone(*s.all.Load()), func(other *Follower) bool { return other == f })
	s.all.Store(&all)
	s.changing.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = true
	if f.timer != nil {
		f.timer.Stop()
	}
}

// Wake gets a value when something is due.
func (f *Follower) Wake() <-chan struct{} { return f.wake }

// ProxyChanged makes a proxy that reports to this replica due for all followers.
func (s *Followers) ProxyChanged(p Proxy, atOnce bool) {
	for _, f := range *s.all.Load() {
		f.mu.Lock()
		f.proxies[p] = struct{}{}
		f.due(atOnce)
		f.mu.Unlock()
	}
}

// HoldingChanged makes what this replica holds for a key due for all followers.
func (s *Followers) HoldingChanged(k Key, atOnce bool) {
	for _, f := range *s.all.Load() {
		f.mu.Lock()
		f.keys[k] = struct{}{}
		f.due(atOnce)
		f.mu.Unlock()
	}
}

// due wakes the follower, now or when the interval is over. mu is held.
func (f *Follower) due(atOnce bool) {
	if f.timer != nil && !atOnce || f.left {
		return
	}
	rest := time.Duration(f.last + instant.Time(interval) - f.followers.local.Now())
	if atOnce || rest <= 0 {
		f.signal()
		return
	}
	f.timer = f.followers.clock.AfterFunc(rest, f.signal)
}

func (f *Follower) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Take returns what is due. It blocks for no longer than it takes to copy.
func (f *Follower) Take() Delta {
	local := f.followers.local
	f.mu.Lock()
	now := local.Now()
	proxies, keys, all := f.proxies, f.keys, f.all
	f.proxies, f.keys, f.all, f.last = map[Proxy]struct{}{}, map[Key]struct{}{}, false, now
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	f.mu.Unlock()
	d := Delta{All: all}
	if all {
		proxies, keys = set(local.Proxies()), set(local.Keys())
		d.Past = local.Past(now)
	}
	for p := range proxies {
		if told, any := f.proxy(p, all, now); any {
			d.Proxies = append(d.Proxies, told)
		}
	}
	for k := range keys {
		if told := k.Holding(now); told.Held > 0 || told.Waits != nil || !all {
			d.Holding = append(d.Holding, told)
		}
	}
	return d
}

// proxy returns what is due of one proxy.
func (f *Follower) proxy(p Proxy, all bool, now instant.Time) (ProxyDelta, bool) {
	if p.Removed() {
		delete(f.steps, p)
		return ProxyDelta{}, false
	}
	told, step, any := p.Delta(f.steps[p], all, now)
	if any {
		f.steps[p] = step
	}
	return told, any
}

func set[T comparable](of []T) map[T]struct{} {
	all := make(map[T]struct{}, len(of))
	for _, v := range of {
		all[v] = struct{}{}
	}
	return all
}
