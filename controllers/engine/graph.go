package engine

import (
	"slices"

	"github.com/kedify/inference-gateway/controllers/store"
)

// graph finds, for everything that was read, the units that read it.
type graph struct {
	nodes map[store.Dep]*node
	// reading numbers the computations; node.read holds the last one that read the node.
	reading uint64
}

// node is one thing that was read. It lives as long as it has readers.
type node struct {
	dep     store.Dep
	readers []*edge
	read    uint64
}

// edge is one reader of one node. It stands in the reads of its unit, and the node points to
// it, so that adding and removing a reader does not depend on how many there are.
type edge struct {
	node   *node
	reader reader
	at     int // its position in node.readers
}

// reader is a unit of some memo.
type reader interface{ markStale() }

func newGraph() *graph { return &graph{nodes: map[store.Dep]*node{}} }

// touch marks every reader of the deps as out of date.
func (g *graph) touch(deps ...store.Dep) {
	for _, dep := range deps {
		if n, ok := g.nodes[dep]; ok {
			for _, e := range n.readers {
				e.reader.markStale()
			}
		}
	}
}

// node returns the node of a dep and creates it if it does not exist.
func (g *graph) node(dep store.Dep) *node {
	n, ok := g.nodes[dep]
	if !ok {
		n = &node{dep: dep}
		g.nodes[dep] = n
	}
	return n
}

// collect begins a computation and returns its recorder, which adds each node that is read to
// nodes, once.
func (g *graph) collect(nodes *[]*node) (record func(store.Dep)) {
	g.reading++
	reading := g.reading
	return func(dep store.Dep) {
		if n := g.node(dep); n.read != reading {
			n.read = reading
			*nodes = append(*nodes, n)
		}
	}
}

// link makes the nodes those that the reader reads, instead of old, and returns the new edges.
// The usual case is that nothing changed, and then nothing is touched.
func (g *graph) link(r reader, old []edge, nodes []*node) []edge {
	if slices.EqualFunc(old, nodes, func(e edge, n *node) bool { return e.node == n }) {
		return old
	}
	edges := make([]edge, len(nodes))
	for i, n := range nodes {
		edges[i] = edge{node: n, reader: r, at: len(n.readers)}
		n.readers = append(n.readers, &edges[i])
	}
	g.unlink(old) // last, so that a node that stays keeps a reader
	return edges
}

// unlink removes edges from their nodes, and the nodes that lose their last reader.
func (g *graph) unlink(edges []edge) {
	for i := range edges {
		e := &edges[i]
		readers := e.node.readers
		last := len(readers) - 1
		readers[e.at] = readers[last]
		readers[e.at].at = e.at
		readers[last] = nil
		e.node.readers = readers[:last]
		if last == 0 {
			delete(g.nodes, e.node.dep)
		}
	}
}
