// Package freeport finds ports for listeners that a test has another process open.
//
// Job: a port that is free now and that no outgoing connection takes before the other process listens: the kernel takes
// ports of those from 32768 on. Inputs: none. Outputs: a port. Ownership: no state.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

const (
	first, last = 15000, 29999
	attempts    = 100
)

// Get returns a TCP port that was free on all addresses a moment ago.
func Get(t testing.TB) int {
	t.Helper()
	var err error
	for range attempts {
		port := first + rand.IntN(last-first+1)
		var listener net.Listener
		if listener, err = net.Listen("tcp4", fmt.Sprintf(":%d", port)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatalf("no free port among %d: %v", attempts, err)
	return 0
}
