package places

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Proxy is one Envoy of a gateway.
type Proxy struct {
	Gateway types.NamespacedName
	Node    string
}

// Memory shares what each proxy has for held requests, in bytes, among tenants, as the places of a replica are: a tenant that
// holds large bodies leaves room for the requests of all others of the proxy (docs/adr/0041-memory-of-held-requests.md).
type Memory struct {
	mu      sync.Mutex
	proxies map[Proxy]*ledger // no empty ones
}

// Space is what one request takes.
type Space struct {
	of     Proxy
	tenant string
	bytes  int
}

// NewMemory returns a Memory of which nothing is taken.
func NewMemory() *Memory { return &Memory{proxies: map[Proxy]*ledger{}} }

// Take takes bytes of a proxy that has limit for all requests together; false: there is no room. A limit of zero is none.
// A proxy that holds nothing has room for one request, however large it is.
func (m *Memory) Take(of Proxy, tenant string, bytes, limit int) (Space, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.proxies[of]
	if taken == nil {
		empty := newLedger(limit, poolWeight)
		taken = &empty
	}
	taken.limit = limit
	if limit > 0 && taken.total > 0 && !taken.fits(tenant, bytes) {
		return Space{}, false
	}
	taken.add(tenant, bytes)
	m.proxies[of] = taken
	return Space{of, tenant, bytes}, true
}

// Leave gives space back.
func (m *Memory) Leave(space Space) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.proxies[space.of]
	taken.leave(space.tenant, space.bytes)
	if taken.total == 0 {
		delete(m.proxies, space.of)
	}
}
