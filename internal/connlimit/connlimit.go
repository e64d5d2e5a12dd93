// Package connlimit bounds the open connections of one address to a listener.
//
// Job: ports of the product are open to every Pod of the cluster, and a connection costs memory before its peer is known. Inputs: a
// listener. Outputs: a listener. Ownership: the returned value has a lock and may be used from any goroutine.
package connlimit

import (
	"net"
	"sync"
)

// limited refuses connections of an address that has too many.
type limited struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[string]int
}

// Listener returns a listener that closes connections of an address over most at once.
func Listener(accept net.Listener, most int) net.Listener {
	return &limited{Listener: accept, most: most, open: map[string]int{}}
}

// Accept is net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := HostOf(connection.RemoteAddr().String())
		if l.enter(address) {
			return &counted{Conn: connection, leave: sync.OnceFunc(func() { l.leave(address) })}, nil
		}
		_ = connection.Close()
	}
}

func (l *limited) enter(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address] >= l.most {
		return false
	}
	l.open[address]++
	return true
}

func (l *limited) leave(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address]--; l.open[address] <= 0 {
		delete(l.open, address)
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close is net.Conn.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// HostOf is the host of host:port, and what has no port itself.
func HostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
