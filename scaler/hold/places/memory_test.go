package places

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// TestX6MemoryIsShared: a tenant leaves room on each proxy for the requests of others, with any number of requests that it holds there and
// elsewhere; what it gives back can be taken again.
func TestX6MemoryIsShared(t *testing.T) {
	const limit, large, small = 100 << 20, 16 << 20, 96 << 10
	m := NewMemory()
	one, other := Proxy{Node: "one"}, Proxy{Gateway: types.NamespacedName{Name: "other"}, Node: "one"}
	fill := func(of Proxy, tenant string, bytes int) (spaces []Space) {
		for {
			space, found := m.Take(of, tenant, bytes, limit)
			if !found {
				return spaces
			}
			spaces = append(spaces, space)
		}
	}
	evil := fill(one, "evil", large)
	if len(evil) != 5 { // four fifths
		t.Errorf("one tenant holds %d large requests", len(evil))
	}
	small2 := fill(one, "evil", small)
	if taken := m.proxies[one].total; taken > limit*81/100 {
		t.Errorf("one tenant alone has %d of %d bytes", taken, limit)
	}
	if n := len(fill(one, "shop", small)); n < 100 {
		t.Errorf("beside it another tenant holds %d small requests", n)
	}
	if n := len(fill(other, "evil", large)); n != 5 {
		t.Errorf("on another proxy there is room for %d", n)
	}
	for _, space := range append(evil, small2...) {
		m.Leave(space)
	}
	if n := len(fill(one, "third", large)); n == 0 {
		t.Error("what was given back cannot be taken")
	}
}

// TestX6MemoryOfSmallProxies: a proxy that holds nothing takes a request that is larger than its share, and no second one;
// without a limit there is none.
func TestX6MemoryOfSmallProxies(t *testing.T) {
	m, of := NewMemory(), Proxy{Node: "small"}
	space, found := m.Take(of, "shop", 16<<20, 8<<20)
	if _, second := m.Take(of, "evil", 1, 8<<20); !found || second {
		t.Errorf("the first: %v, the second: %v", found, second)
	}
	if _, found = m.Take(Proxy{Node: "unknown"}, "shop", 1<<40, 0); !found {
		t.Error("a limit that is not known")
	}
	m.Leave(space)
	if len(m.proxies) != 1 {
		t.Errorf("%d proxies are remembered", len(m.proxies))
	}
}
