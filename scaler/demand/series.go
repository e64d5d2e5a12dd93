package demand

import (
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// series is one demand key.
type series struct {
	key  types.NamespacedName
	text string // of key
	// settings are never nil. They are replaced with mu held.
	settings atomic.Pointer[settings]

	mu sync.Mutex
	// refs counts the proxies that have counters of the key.
	refs    int
	windows []gatewayWindow
	holds   holds
	waits   waits
	// activity is over all gateways and replicas.
	activity window.Activity
	// began is when a proxy was seen first that had counted requests before: when those arrived
	// is not known. Never: there is none.
	began instant.Time
	// counted is the number of requests that arrived in proxies, over all windows; own is the part of it that proxies
	// reported to this replica.
	counted, own uint64
	// work is nil unless the trigger scales by it; ownTokens are the part of its tokens that proxies reported to this replica.
	work      *window.Work
	ownTokens window.Tokens
	// awake: the trigger is active, and those that wait for that were told.
	awake       bool
	subscribers []*subscriber
	removed     bool // from the registry
}

// gatewayWindow is what the proxies of one gateway counted.
type gatewayWindow struct {
	gateway *gatewayCounters
	*window.Window
	// began is series.began while no trigger is in force.
	began instant.Time
}

// find returns the series of a key; nil: no trigger, proxy or replica has reported it.
func (r *Registry) find(key types.NamespacedName) *series {
	if s, ok := r.series.Load(key); ok {
		return s.(*series)
	}
	return nil
}

// lockedSeries returns the series of a key, known or new, with its lock held.
func (r *Registry) lockedSeries(key types.NamespacedName) *series {
	for {
		s := r.find(key)
		if s == nil {
			s = r.newSeries(key)
		}
		s.mu.Lock()
		if !s.removed {
			return s
		}
		s.mu.Unlock()
	}
}

// newSeries adds a series, unless there is one by now.
func (r *Registry) newSeries(key types.NamespacedName) *series {
	// The strings may be parts of a message, which they would keep in memory.
	text := key.String()
	key = types.NamespacedName{Namespace: text[:len(key.Namespace)], Name: text[len(key.Namespace)+1:]}
	s := &series{key: key, text: text, holds: newHolds()}
	s.settings.Store(r.unset)
	known, _ := r.series.LoadOrStore(key, s)
	return known.(*series)
}

func (r *Registry) allSeries() (all []*series) {
	r.series.Range(func(_, s any) bool {
		all = append(all, s.(*series))
		return true
	})
	return all
}

// refer returns the series of a key for a counter that leads to it. Its proxy is locked.
func (r *Registry) refer(key types.NamespacedName) *series {
	s := r.lockedSeries(key)
	defer s.mu.Unlock()
	s.refs++
	return s
}

// unrefer takes a counter away. Its proxy is locked.
func (s *series) unrefer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs--
}

// unused reports whether nothing leads to the series. mu is held.
func (s *series) unused() bool {
	return s.settings.Load().scaler == nil && s.refs == 0 && s.holds.empty() && len(s.subscribers) == 0
}

// apply takes what is to be counted from now on. mu is held.
func (s *series) apply(next *settings) {
	last := s.settings.Swap(next)
	if last.scaler == nil && next.scaler != nil {
		defer s.adoptArrivals()
	}
	s.awake = false
	s.applyWork(next)
	if next.scaler == nil {
		s.windows = nil
		return
	}
	s.windows = slices.DeleteFunc(s.windows, func(w gatewayWindow) bool { return !next.counts(w.gateway) })
	if !last.sizes.SameBuckets(&next.sizes) {
		for i := range s.windows {
			s.windows[i].Window = s.windows[i].Resized(&next.sizes)
		}
	}
}

// applyWork begins or ceases to keep the work of the requests. mu is held.
func (s *series) applyWork(next *settings) {
	switch {
	case next.work == nil:
		s.work, s.ownTokens = nil, window.Tokens{}
	case s.work == nil:
		s.work = window.NewWork(next.work)
	default:
		s.work.Set(next.work)
	}
}

// window returns that of a gateway; nil: no report of its proxies counts for this
// trigger. mu is held.
func (s *series) window(z *settings, g *gatewayCounters) *window.Window {
	if !z.counts(g) {
		return nil
	}
	for i := range s.windows {
		if s.windows[i].gateway == g {
			return s.windows[i].Window
		}
	}
	w := window.New(&z.sizes)
	s.windows = append(s.windows, gatewayWindow{gateway: g, Window: w})
	return w
}

// take takes what one proxy counted. Its proxy is locked.
func (s *series) take(st *step, g *gatewayCounters, in *window.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.settings.Load()
	w := s.window(z, g)
	if w == nil {
		return
	}
	w.Take(&z.sizes, in)
	if z.scaler == nil {
		return // which gateways count is not known: see adoptArrivals
	}
	if in.Requests > 0 {
		s.counted += in.Requests
		if st.own {
			s.own += in.Requests
		}
		s.activity.Arrived = max(s.activity.Arrived, in.At)
	}
	if in.Active > 0 {
		s.activity.Load(&z.sizes, in.At, s.holds.total.Value() > 0)
	}
	if in.Requests > 0 || in.Active > 0 {
		s.worked(st.registry, z, in.At)
	}
}

// takeWork takes the work that one proxy counted. Its proxy is locked.
func (s *series) takeWork(st *step, g *gatewayCounters, in *Work, requests, ended uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.work == nil || !s.settings.Load().counts(g) {
		return
	}
	s.work.Take(&st.Step, in, requests, ended)
	if st.own {
		s.ownTokens.Add(window.TokensOf(in))
	}
}

// adoptArrivals takes over, when a trigger comes into force, what the gateways that count for it counted
// before. mu is held.
func (s *series) adoptArrivals() {
	for _, w := range s.windows {
		s.activity.Arrived = max(s.activity.Arrived, w.Arrived())
		s.began = max(s.began, w.began)
	}
}

// baseline notes that requests arrived at a gateway before counting began. Their proxy is locked.
func (s *series) baseline(g *gatewayCounters, at instant.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.settings.Load()
	switch {
	case s.window(z, g) == nil: // it does not count
	case z.scaler != nil:
		s.began = max(s.began, at)
	default:
		i := slices.IndexFunc(s.windows, func(w gatewayWindow) bool { return w.gateway == g })
		s.windows[i].began = max(s.windows[i].began, at)
	}
}

// lose ends the requests in flight of a proxy that is gone, and locked.
func (s *series) lose(from *proxyCounters, at instant.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.windows {
		if w.gateway == from.gateway {
			w.Lose(from.number, at)
		}
	}
}

// trim drops the memory of what does not count any more. mu is held.
func (s *series) trim(now instant.Time) {
	z := s.settings.Load()
	for _, w := range s.windows {
		w.Trim(&z.sizes, now)
	}
	if s.work != nil {
		s.work.Trim(now)
	}
	if s.activity.Quiet(&z.sizes, now) && s.holds.total.Value() == 0 {
		s.holds.total.Trim()
		for _, w := range s.windows {
			w.TrimLoad()
		}
	}
}
