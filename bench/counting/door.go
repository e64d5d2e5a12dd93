package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// door is where the proxy of one gateway connects.
type door struct {
	address  string // after the first time the same again
	received atomic.Int64

	listener net.Listener
	cancel   context.CancelFunc
	ended    chan error

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// open serves until close.
func (d *door) open(p *Plane) error {
	listener, err := net.Listen("tcp4", d.address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := p.server(ctx)
	if err != nil {
		cancel()
		return err
	}
	d.address = listener.Addr().String()
	d.listener, d.conns, d.ended, d.cancel = listener, map[net.Conn]struct{}{}, make(chan error, 1), cancel
	go func() { d.ended <- s.Serve(ctx, counted{Listener: listener, door: d}) }()
	return nil
}

// close breaks every connection without a word, and then ends what served them.
func (d *door) close() error {
	d.mu.Lock()
	for conn := range d.conns {
		conn.Close()
	}
	d.mu.Unlock()
	d.cancel()
	return <-d.ended
}

// counted is a listener whose connections count what arrives, below TLS.
type counted struct {
	net.Listener
	door *door
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.door.mu.Lock()
	c.door.conns[conn] = struct{}{}
	c.door.mu.Unlock()
	return countedConn{Conn: conn, door: c.door}, nil
}

type countedConn struct {
	net.Conn
	door *door
}

func (c countedConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	c.door.received.Add(int64(n))
	return n, err
}
