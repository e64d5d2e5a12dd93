package engine

import "github.com/kedify/inference-gateway/controllers/store"

// graph knows, for everything that was read, who read it.
type graph struct {
	nodes map[store.Dep]*node
}

// node is one thing that was read. It lives as long as it has readers.
type node struct {
	dep     store.Dep
	readers []reader
}

// reader is a unit of some memo.
type reader interface{ markDirty() }

func newGraph() *graph { return &graph{nodes: map[store.Dep]*node{}} }

// touch marks every reader of the deps as out of date.
func (g *graph) touch(deps ...store.Dep) {
	for _, dep := range deps {
		if n, ok := g.nodes[dep]; ok {
			for _, r := range n.readers {
				r.markDirty()
			}
		}
	}
}

// node returns the node of a dep, made if need be.
func (g *graph) node(dep store.Dep) *node {
	n, ok := g.nodes[dep]
	if !ok {
		n = &node{dep: dep}
		g.nodes[dep] = n
	}
	return n
}

// unread removes a reader from a node, and the node when that was its last one. The search
// starts at the end because units are dropped most often soon after they were made.
func (g *graph) unread(n *node, r reader) {
	for i := len(n.readers) - 1; i >= 0; i-- {
		if n.readers[i] == r {
			last := len(n.readers) - 1
			n.readers[i] = n.readers[last]
			n.readers[last] = nil
			n.readers = n.readers[:last]
			break
		}
	}
	if len(n.readers) == 0 {
		delete(g.nodes, n.dep)
	}
}
