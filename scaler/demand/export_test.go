package demand

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
)

// Tidy is one round of Run.
func (r *Registry) Tidy() { r.tidy() }

// Counted returns the requests that were counted for a key.
func (r *Registry) Counted(text string) uint64 {
	key, _ := scaler.ParseKey(text)
	s := r.find(key)
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counted
}

// Entries and Proxies return how many there are in memory.
func (r *Registry) Entries() int { return len(r.allSeries()) }

// Busy returns how many keys of a proxy are listed as in use.
func (r *Registry) Busy(key Proxy) int {
	p := r.proxy(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.busy)
}

// Proxies returns how many proxies are in memory.
func (r *Registry) Proxies() int { return len(r.allProxies()) }

// Nodes returns how many proxies of a gateway are remembered.
func (r *Registry) Nodes(gateway types.NamespacedName) int {
	return len(*r.gateway(gateway).proxies.Load())
}
