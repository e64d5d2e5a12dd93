// Package freeport finds ports for listeners that a test has another process open.
//
// Job: a port that is free now, that no outgoing connection takes before the other process listens (the kernel takes ports
// of those from 32768 on), and that is given to no other test meanwhile: packages are tested side by side. Inputs: none.
// Outputs: a port. Ownership: a process owns blocks of ports while it runs; Get is safe for concurrent use.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

const (
	// Blocks of ports begin beyond those that test/sweep numbers.
	first = 19100
	size  = 100
	count = 109
	// keep is how many blocks a process takes before it gives ports again.
	keep = 4
)

// blocks are those of this process. Another process knows by the first port of a block that it is taken, which the process
// listens on until it ends.
type blocks struct {
	mu     sync.Mutex
	taken  []block
	guards []net.Listener
}

// block is where the next port of a block is.
type block struct{ next, end int }

var own blocks

// Get returns a TCP port that was free on all addresses a moment ago.
func Get(t testing.TB) int {
	t.Helper()
	port, err := own.port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// port gives ports one after the other, and those of the first block again after many.
func (b *blocks) port() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range 2 * keep * size {
		if len(b.taken) == 0 || b.taken[0].next == b.taken[0].end {
			if err := b.turn(); err != nil {
				return 0, err
			}
		}
		port := b.taken[0].next
		b.taken[0].next++
		if listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no free port in %d blocks", len(b.taken))
}

// turn puts a new block in front, or the one that was used up first.
func (b *blocks) turn() error {
	if len(b.taken) < keep {
		for _, i := range rand.Perm(count) {
			at := first + i*size
			if guard, err := net.Listen("tcp4", fmt.Sprintf(":%d", at)); err == nil {
				b.guards = append(b.guards, guard)
				b.taken = append([]block{{at + 1, at + size}}, b.taken...)
				return nil
			}
		}
	}
	if len(b.taken) == 0 {
		return fmt.Errorf("all %d blocks of ports are taken", count)
	}
	last := len(b.taken) - 1
	oldest := b.taken[last]
	oldest.next = oldest.end - size + 1
	b.taken = append([]block{oldest}, b.taken[:last]...)
	return nil
}
