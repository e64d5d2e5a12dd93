package demand

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// Dump returns what is known of a key.
func (r *Registry) Dump(key types.NamespacedName) debug.Demand {
	s := r.find(key)
	if s == nil {
		return debug.Demand{Key: key.String(), Unknown: "no trigger, proxy or replica has reported this key", Proxies: []debug.ProxyCounters{}}
	}
	now := r.now()
	d := r.dump(s, now)
	for _, p := range r.allProxies() {
		if counts, ok := p.countsOf(s.key); ok {
			d.Proxies = append(d.Proxies, p.dump(r, counts, now))
		}
	}
	sortProxies(&d)
	return d
}

// DumpAll returns what is known of the triggers in force, sorted by key. Each proxy is locked
// once, for as long as it takes to copy its counts.
func (r *Registry) DumpAll() []debug.Demand {
	now := r.now()
	dumps, indexes := []debug.Demand{}, map[types.NamespacedName]int{}
	for _, key := range r.Keys() {
		if s := r.find(key); s != nil {
			indexes[key] = len(dumps)
			dumps = append(dumps, r.dump(s, now))
		}
	}
	for _, p := range r.allProxies() {
		for _, c := range p.allCounts() {
			if i, ok := indexes[c.key]; ok {
				dumps[i].Proxies = append(dumps[i].Proxies, p.dump(r, c.counts, now))
			}
		}
	}
	for i := range dumps {
		sortProxies(&dumps[i])
	}
	return dumps
}

// dump returns what is known of a key without its proxies.
func (r *Registry) dump(s *series, now instant.Time) debug.Demand {
	d := debug.Demand{Key: s.text, Proxies: []debug.ProxyCounters{}}
	r.freshen(s.settings.Load(), now)
	s.mu.Lock()
	defer s.mu.Unlock()
	read, err := s.read(r, now)
	if err == nil {
		err = read.Unknown
	}
	if err != nil {
		d.Unknown = err.Error()
	}
	if z := s.settings.Load(); z.scaler != nil {
		known := s.reading(z, &coverages{registry: r, now: now})
		d.Metric, d.Value, d.Rate, d.Concurrency = string(z.scaler.Spec.Metric.Type), known.Value, known.Rate, known.Concurrency
		d.InFlight, d.Held, d.Active, d.LastGood = known.InFlight, known.Held, known.Active, read.LastGood
	}
	d.Requests, d.HeldBy = s.counted, s.holds.by()
	if s.activity.Arrived != instant.Never {
		d.LastArrival = since(s.activity.Arrived, now)
	}
	return d
}

func sortProxies(d *debug.Demand) {
	slices.SortFunc(d.Proxies, func(a, b debug.ProxyCounters) int {
		return strings.Compare(a.Gateway+"\n"+a.Node, b.Gateway+"\n"+b.Node)
	})
}

func (r *Registry) allProxies() (all []*proxyCounters) {
	for _, g := range r.allGateways() {
		for _, p := range *g.proxies.Load() {
			all = append(all, p)
		}
	}
	return all
}

// keyCounts are the counts of one key.
type keyCounts struct {
	key    types.NamespacedName
	counts Counts
}

func (p *proxyCounters) countsOf(key types.NamespacedName) (Counts, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.keys[key]
	if c == nil {
		return Counts{}, false
	}
	return c.Counts, true
}

func (p *proxyCounters) allCounts() []keyCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]keyCounts, 0, len(p.keys))
	for key, c := range p.keys {
		all = append(all, keyCounts{key, c.Counts})
	}
	return all
}

func (p *proxyCounters) dump(r *Registry, counts Counts, now instant.Time) debug.ProxyCounters {
	state := p.state.Load()
	d := debug.ProxyCounters{
		Gateway: p.Gateway.String(), Node: p.Node, Heard: state.Heard(now, r.timing), Age: since(state.Last, now),
		Requests: counts.Requests, Retries: counts.Retries, InFlight: counts.Active,
	}
	if state.reportedBy != nil {
		d.Replica = state.reportedBy.name
	}
	return d
}

func since(at, now instant.Time) string {
	return time.Duration(now - at).Round(time.Millisecond).String()
}

// Keys returns the keys of the triggers in force, sorted.
func (r *Registry) Keys() []types.NamespacedName {
	var keys []types.NamespacedName
	for _, s := range r.allSeries() {
		if s.settings.Load().scaler != nil {
			keys = append(keys, s.key)
		}
	}
	slices.SortFunc(keys, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// Queues returns the known demand of all triggers in force, by namespace/name. Keys whose
// demand is not known are left out: they are not zero.
func (r *Registry) Queues() map[string]debug.Queue {
	queues := map[string]debug.Queue{}
	for _, key := range r.Keys() {
		if reading, err := r.Read(key); err == nil {
			queues[key.String()] = debug.Queue{Concurrency: reading.Concurrency, RPS: reading.Rate}
		}
	}
	return queues
}
