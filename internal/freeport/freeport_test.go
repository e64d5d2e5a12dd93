package freeport

import (
	"fmt"
	"net"
	"testing"
)

// TestPortsAreGivenOnce: no two tests have one port, of this process or of two.
func TestPortsAreGivenOnce(t *testing.T) {
	var one, other blocks
	defer one.end()
	defer other.end()
	seen := map[int]bool{}
	for range keep * (size - 2) { // a port or two may be in use
		for _, process := range []*blocks{&one, &other} {
			port, err := process.port()
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] {
				t.Fatalf("port %d is given twice", port)
			}
			seen[port] = true
		}
	}
}

// TestPortsGoRound: a process that has had many gets free ones again, and passes over those in use.
func TestPortsGoRound(t *testing.T) {
	var b blocks
	defer b.end()
	used, err := b.port()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", used))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for range 3 * keep * size {
		if port, err := b.port(); err != nil || port == used {
			t.Fatalf("port %d while %d is in use, %v", port, used, err)
		}
	}
	if len(b.guards) != keep {
		t.Errorf("%d blocks are taken", len(b.guards))
	}
}

// end gives the blocks back, as the end of a process does.
func (b *blocks) end() {
	for _, guard := range b.guards {
		_ = guard.Close()
	}
}
