package demand

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// Dump is everything known about one key, for people and tests.
type Dump struct {
	Key    string `json:"key"`
	Metric string `json:"metric,omitempty"`
	// Unknown says why the demand is not known, and KEDA gets an error. Rate and the others
	// are what is known as well.
	Unknown     string  `json:"unknown,omitempty"`
	Value       float64 `json:"value"`
	Rate        float64 `json:"rate"`
	Concurrency float64 `json:"concurrency"`
	InFlight    uint64  `json:"inFlight"`
	Active      bool    `json:"active"`
	LastGood    bool    `json:"lastGood,omitempty"`
	// LastArrival is how long ago a request arrived; empty: none is known of.
	LastArrival string `json:"lastArrival,omitempty"`
	// Requests were counted since this replica began.
	Requests uint64 `json:"requests"`
	// Held is over all replicas, HeldBy what each holds; "" is this one.
	Held    int            `json:"held"`
	HeldBy  map[string]int `json:"heldBy,omitempty"`
	Proxies []ProxyDump    `json:"proxies"`
}

// ProxyDump is what one proxy counted of one key.
type ProxyDump struct {
	Gateway string `json:"gateway"`
	Node    string `json:"node"`
	// Replica receives the reports of the proxy; empty: this one.
	Replica string `json:"replica,omitempty"`
	Heard   bool   `json:"heard"`
	// Age is how long ago its last report was.
	Age      string `json:"age"`
	Requests uint64 `json:"requests"`
	Retries  uint64 `json:"retries,omitempty"`
	InFlight uint64 `json:"inFlight"`
}

// Dump returns what is known of a key.
func (r *Registry) Dump(key types.NamespacedName) Dump {
	s := r.find(key)
	if s == nil {
		return Dump{Key: key.String(), Unknown: "no trigger, proxy or replica has reported this key", Proxies: []ProxyDump{}}
	}
	now := r.now()
	d := r.dump(s, now)
	for _, p := range r.allProxies() {
		if counts, ok := p.countsOf(s.key); ok {
			d.Proxies = append(d.Proxies, p.dump(r, counts, now))
		}
	}
	d.sort()
	return d
}

// DumpAll returns what is known of the triggers in force, sorted by key. Each proxy is locked
// once, for as long as it takes to copy its counts.
func (r *Registry) DumpAll() []Dump {
	now := r.now()
	dumps, indexes := []Dump{}, map[types.NamespacedName]int{}
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
		dumps[i].sort()
	}
	return dumps
}

// dump returns what is known of a key without its proxies.
func (r *Registry) dump(s *series, now instant.Time) Dump {
	d := Dump{Key: s.text, Proxies: []ProxyDump{}}
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

func (d *Dump) sort() {
	slices.SortFunc(d.Proxies, func(a, b ProxyDump) int { return strings.Compare(a.Gateway+"\n"+a.Node, b.Gateway+"\n"+b.Node) })
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

func (p *proxyCounters) dump(r *Registry, counts Counts, now instant.Time) ProxyDump {
	state := p.state.Load()
	d := ProxyDump{
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

// Queue is the demand of one key in the form that users of the vendor's interceptor know.
type Queue struct {
	Concurrency float64 `json:"Concurrency"`
	RPS         float64 `json:"RPS"`
}

// Queues returns the known demand of all triggers in force, by namespace/name. Keys whose
// demand is not known are left out: they are not zero.
func (r *Registry) Queues() map[string]Queue {
	queues := map[string]Queue{}
	for _, key := range r.Keys() {
		if reading, err := r.Read(key); err == nil {
			queues[key.String()] = Queue{Concurrency: reading.Concurrency, RPS: reading.Rate}
		}
	}
	return queues
}
