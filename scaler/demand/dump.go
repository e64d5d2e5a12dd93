package demand

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Dump is everything known about one key, for people and tests.
type Dump struct {
	Key    string `json:"key"`
	Metric string `json:"metric,omitempty"`
	// Unknown says why the demand is not known, and KEDA gets an error. Rate and the others
	// are what is known all the same.
	Unknown     string  `json:"unknown,omitempty"`
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
	// Replica hears the proxy; empty: this one.
	Replica string `json:"replica,omitempty"`
	Heard   bool   `json:"heard"`
	// Age is how long ago its last report was.
	Age      string `json:"age"`
	Requests uint64 `json:"requests"`
	Retries  uint64 `json:"retries,omitempty"`
	InFlight uint64 `json:"inFlight"`
}

// Dump returns what is known of a key.
func (b *Registry) Dump(key types.NamespacedName) Dump {
	d := Dump{Key: key.String(), Proxies: []ProxyDump{}}
	e := b.entry(key)
	if e == nil {
		d.Unknown = "nobody spoke of it"
		return d
	}
	now, reading := b.now(), Reading{}
	b.freshen(e.plan.Load(), now)
	e.mu.Lock()
	p := e.plan.Load()
	if _, err := e.read(b, now); err != nil {
		d.Unknown = err.Error()
	}
	if p.scaler != nil {
		reading = e.sum(b, p, now)
		reading.Active = e.active(p, now, reading)
		d.Metric = string(p.scaler.Spec.Metric.Type)
	}
	d.Rate, d.Concurrency, d.InFlight, d.Held = reading.Rate, reading.Concurrency, reading.InFlight, reading.Held
	d.Active, d.Requests, d.HeldBy = reading.Active, e.counted, e.heldBy()
	if e.arrived != never {
		d.LastArrival = since(e.arrived, now)
	}
	e.mu.Unlock()
	for _, g := range b.allGateways() {
		for _, from := range g.all() {
			if dump, ok := from.dump(b, e.key, now); ok {
				d.Proxies = append(d.Proxies, dump)
			}
		}
	}
	slices.SortFunc(d.Proxies, func(a, b ProxyDump) int { return strings.Compare(a.Gateway+"\n"+a.Node, b.Gateway+"\n"+b.Node) })
	return d
}

// heldBy has mu.
func (e *entry) heldBy() map[string]int {
	by := map[string]int{}
	if e.own.Held > 0 {
		by[""] = e.own.Held
	}
	for _, h := range e.holdings {
		by[h.from.name] = h.held
	}
	return by
}

func (p *proxy) dump(b *Registry, key types.NamespacedName, now instant) (ProxyDump, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.cells[key]
	if c == nil {
		return ProxyDump{}, false
	}
	d := ProxyDump{
		Gateway: p.Gateway.String(), Node: p.Node, Heard: p.heard(b, now), Age: since(p.last, now),
		Requests: c.counts.Requests, Retries: c.counts.Retries, InFlight: c.counts.Active,
	}
	if p.ear != nil {
		d.Replica = p.ear.name
	}
	return d, true
}

func since(at, now instant) string {
	return time.Duration(now - at).Round(time.Millisecond).String()
}

// Keys returns the keys of the triggers in force, sorted.
func (b *Registry) Keys() []types.NamespacedName {
	var keys []types.NamespacedName
	for _, e := range b.allEntries() {
		if e.plan.Load().scaler != nil {
			keys = append(keys, e.key)
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
func (b *Registry) Queues() map[string]Queue {
	queues := map[string]Queue{}
	for _, key := range b.Keys() {
		if r, err := b.Read(key); err == nil {
			queues[key.String()] = Queue{Concurrency: r.Concurrency, RPS: r.Rate}
		}
	}
	return queues
}
