package engine

import (
	"testing"

	"github.com/kedify/inference-gateway/controllers/store"
)

// stales notes that it was marked.
type stales struct{ marked int }

func (s *stales) markStale() { s.marked++ }

// not read any more.
func TestGraphFollowsWhatIsRead(t *testing.T) {
	g, reader := newGraph(), &stales{}
	one, two := gatewayDep{objectOf("one")}, gatewayDep{objectOf("two")}
	var edges []edge
	read := func(deps ...store.Dep) {
		var nodes []*node
		record := g.collect(&nodes)
		for _, dep := range deps {
			record(dep)
		}
		edges = g.link(reader, edges, nodes)
	}
	check := func(what string, byOne, byTwo int) {
		t.Helper()
		for dep, want := range map[store.Dep]int{one: byOne, two: byTwo} {
			reader.marked = 0
			if g.touch(dep); reader.marked != want {
				t.Errorf("%s: marked %d times by %v, want %d", what, reader.marked, dep, want)
			}
		}
	}
	read(one)
	check("one", 1, 0)
	read(two)
	check("two instead", 0, 1)
	read(two, one, two)
	check("both, one of them twice", 1, 1)
	read()
	check("nothing", 0, 0)
	if len(g.nodes) > 0 {
		t.Errorf("%d nodes without a reader", len(g.nodes))
	}
}
