package grpcserve

import (
	"net"
	"sync"
	"time"
)

const (
	// MaxConnections bounds the open connections of one address, before anything is known of the peer. Each
	// worker thread of an Envoy has one for each replica, and the Envoys of a node may share its address.
	MaxConnections = 4096
	// HandshakeTimeout bounds the time to a connection that can be used, with TLS and the preface of HTTP/2.
	// gRPC's own is two minutes.
	HandshakeTimeout = 10 * time.Second
)

// limited refuses connections of an address that has too many.
type limited struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[string]int
}

// Limit returns a listener that closes connections of an address over most at once.
func Limit(accept net.Listener, most int) net.Listener {
	return &limited{Listener: accept, most: most, open: map[string]int{}}
}

// Accept is net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := hostOf(connection.RemoteAddr())
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

func hostOf(address net.Addr) string {
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}
