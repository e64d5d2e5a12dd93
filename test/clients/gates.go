package clients

import (
	"context"
	"sync"
)

// gates let the two ends of a stream wait for each other, piece by piece.
type gates struct {
	mu   sync.Mutex
	gate map[gateKey]chan struct{}
}

// gateKey is a piece of an exchange, on its way in one direction.
type gateKey struct {
	what, id, piece string
}

// What gates are about.
const (
	acknowledged = "acknowledged" // by the client
	arrived      = "arrived"      // at the backend
)

func newGates() *gates { return &gates{gate: map[gateKey]chan struct{}{}} }

// of makes a gate when one of both ends comes to it first.
func (g *gates) of(key gateKey) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gate[key] == nil {
		g.gate[key] = make(chan struct{})
	}
	return g.gate[key]
}

func (g *gates) open(what, id, piece string) {
	gate := g.of(gateKey{what, id, piece})
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-gate:
	default:
		close(gate)
	}
}

// wait returns an error when the gate stays closed until the context ends, or for longer than a cell may take.
func (g *gates) wait(ctx context.Context, what, id, piece string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-g.of(gateKey{what, id, piece}):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
