package hold

import (
	"strings"
	"sync"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// gateway is what the engine wants of one gateway's endpoints, and the backends among them that
// are, were or may become held.
type gateway struct {
	gate *Gate
	key  types.NamespacedName

	// backends are found by calls without mu; it is changed with mu only.
	backends sync.Map // name of endpoints -> *backend

	mu    sync.Mutex
	ready bool
	gone  bool
	// groups are the endpoints of armed hold clusters; moves counts how often they changed.
	groups []*endpointv3.LocalityLbEndpoints
	moves  int
	// wanted are the endpoints of everything that is not a hold cluster.
	wanted map[string]resource.Resource
	// demands are the demand keys of endpoints, by name and cluster; counted is the way back.
	demands map[string]map[string]types.NamespacedName
	counted map[types.NamespacedName]map[string]struct{}
	// clusters are the names of the endpoints that clusters with a demand key use.
	clusters map[string]string
}

func newGateway(gate *Gate, key types.NamespacedName) *gateway {
	return &gateway{
		gate:     gate,
		key:      key,
		groups:   gate.addresses.groups(),
		moves:    1,
		wanted:   map[string]resource.Resource{},
		demands:  map[string]map[string]types.NamespacedName{},
		counted:  map[types.NamespacedName]map[string]struct{}{},
		clusters: map[string]string{},
	}
}

// backend returns the backend of a name; nil when there is none.
func (g *gateway) backend(name string) *backend {
	if found, ok := g.backends.Load(name); ok {
		return found.(*backend)
	}
	return nil
}

// made returns the backend of a name and makes it when there is none. mu is held.
func (g *gateway) made(name string) *backend {
	b := g.backend(name)
	if b == nil {
		b = newBackend(g, name)
		if wanted, ok := g.wanted[name]; ok {
			b.want(&wanted)
		}
		g.backends.Store(name, b)
	}
	return b
}

// each visits all backends. mu is held.
func (g *gateway) each(visit func(*backend)) {
	g.backends.Range(func(_, b any) bool {
		visit(b.(*backend))
		return true
	})
}

// apply takes a change in and hands it on in one piece, with the endpoints of held backends as
// they may be.
func (g *gateway) apply(change resource.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var touched []*backend
	passed := resource.Change{Remove: change.Remove}
	for _, key := range change.Remove {
		if b := g.drop(key); b != nil {
			touched = append(touched, b)
		}
	}
	for _, r := range change.Upsert { // before what they are about
		if name, ok := holdName(r.Key); ok {
			g.made(name).wantHold(&r)
		}
	}
	for _, r := range change.Upsert {
		if b := g.take(r); b != nil {
			touched = append(touched, b)
		} else {
			passed.Upsert = append(passed.Upsert, r)
		}
	}
	for _, b := range touched {
		passed.Upsert = append(passed.Upsert, b.plan()...)
	}
	g.gate.options.Publisher.Apply(ir.Key(g.key), passed)
	for _, b := range touched {
		b.refresh()
	}
}

// holdName returns the name of the endpoints that a hold cluster is about.
func holdName(key resource.Key) (string, bool) {
	name, ok := strings.CutSuffix(key.Name, Suffix)
	return name, ok && key.Type == resource.Endpoint
}

// take notes what the engine wants. It returns the backend that decides what becomes of it; nil:
// it is passed on as it is.
func (g *gateway) take(r resource.Resource) *backend {
	switch r.Type {
	case resource.Cluster:
		g.count(r.Name, &r)
		return nil
	case resource.Endpoint:
	default:
		return nil
	}
	if name, ok := holdName(r.Key); ok {
		return g.backend(name)
	}
	g.wanted[r.Name] = r
	b := g.backend(r.Name)
	if b == nil {
		return nil
	}
	b.want(&r)
	return b
}

// drop notes what the engine wants no more, and returns the backend that it was about.
func (g *gateway) drop(key resource.Key) *backend {
	switch key.Type {
	case resource.Cluster:
		g.count(key.Name, nil)
		return nil
	case resource.Endpoint:
	default:
		return nil
	}
	if name, ok := holdName(key); ok {
		b := g.backend(name)
		if b != nil {
			b.wantHold(nil)
		}
		return b
	}
	delete(g.wanted, key.Name)
	b := g.backend(key.Name)
	if b != nil {
		b.want(nil)
	}
	return b
}

// count notes whose demand a cluster counts; nil: the cluster is gone.
func (g *gateway) count(name string, r *resource.Resource) {
	if endpoints, ok := g.clusters[name]; ok {
		key := g.demands[endpoints][name]
		delete(g.clusters, name)
		delete(g.demands[endpoints], name)
		if len(g.demands[endpoints]) == 0 {
			delete(g.demands, endpoints)
		}
		g.uncount(key, endpoints)
	}
	if r == nil {
		return
	}
	read, ok := readCluster(r)
	if !ok {
		return
	}
	g.clusters[name] = read.endpoints
	if g.demands[read.endpoints] == nil {
		g.demands[read.endpoints] = map[string]types.NamespacedName{}
	}
	g.demands[read.endpoints][name] = read.demand
	if g.counted[read.demand] == nil {
		g.counted[read.demand] = map[string]struct{}{}
	}
	g.counted[read.demand][read.endpoints] = struct{}{}
}

// uncount forgets the way from a demand key to endpoints, unless another cluster leads there.
func (g *gateway) uncount(key types.NamespacedName, endpoints string) {
	for _, other := range g.demands[endpoints] {
		if other == key {
			return
		}
	}
	delete(g.counted[key], endpoints)
	if len(g.counted[key]) == 0 {
		delete(g.counted, key)
	}
}

// becomeReady ends the time in which nothing is decided.
func (g *gateway) becomeReady() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate.options.Publisher.Ready(ir.Key(g.key))
	if g.ready {
		return
	}
	g.ready = true
	g.each((*backend).step)
}

// end sends all requests that wait to ask another replica.
func (g *gateway) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	g.each(func(b *backend) { b.end() })
}

// accepted has the state machines look again at what the news is about.
func (g *gateway) accepted(news publish.Acceptance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if news.Key == (resource.Key{}) {
		g.each((*backend).step)
		return
	}
	if b := g.backend(strings.TrimSuffix(news.Key.Name, Suffix)); b != nil {
		b.step()
	}
}

// move tells the proxies where to ask, in one change.
func (g *gateway) move(addresses Addresses) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone {
		return
	}
	g.groups = addresses.groups()
	g.moves++
	change := resource.Change{}
	g.each(func(b *backend) { change.Upsert = append(change.Upsert, b.plan()...) })
	if !change.Empty() {
		g.gate.options.Publisher.Apply(ir.Key(g.key), change)
	}
	g.each((*backend).refresh)
}

// triggered looks again at the backends of a demand key.
func (g *gateway) triggered(key types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name := range g.counted[key] {
		if b := g.backend(name); b != nil {
			b.step()
		}
	}
}
