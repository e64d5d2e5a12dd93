package hold_test

import (
	"context"
	"net"
	"sync"
	"testing"
)

// forwarder is the address of a control plane that moves, or whose words arrive late.
type forwarder struct {
	address string

	mu     sync.Mutex
	target string
	conns  map[net.Conn]struct{}
	silent chan struct{} // nil: bytes of the target pass; closed when they pass again
}

func newForwarder(t testing.TB, target string) *forwarder {
	t.Helper()
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{address: accept.Addr().String(), target: target, conns: map[net.Conn]struct{}{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := accept.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.forward(client) })
		}
	})
	t.Cleanup(func() {
		_ = accept.Close()
		f.resume()
		f.cut()
		running.Wait()
	})
	return f
}

func (f *forwarder) forward(client net.Conn) {
	f.mu.Lock()
	target := f.target
	f.mu.Unlock()
	upstream, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	f.mu.Lock()
	f.conns[client], f.conns[upstream] = struct{}{}, struct{}{}
	f.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { f.copy(upstream, client, false) })
	both.Go(func() { f.copy(client, upstream, true) })
	both.Wait()
	f.mu.Lock()
	delete(f.conns, client)
	delete(f.conns, upstream)
	f.mu.Unlock()
}

func (f *forwarder) copy(to, from net.Conn, late bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		f.mu.Lock()
		silent := f.silent
		f.mu.Unlock()
		if late && silent != nil {
			<-silent
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// move sends new connections to another target and cuts those there are.
func (f *forwarder) move(target string) {
	f.mu.Lock()
	f.target = target
	f.mu.Unlock()
	f.cut()
}

func (f *forwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		_ = conn.Close()
	}
}

// pause keeps what the target says, until resume.
func (f *forwarder) pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent == nil {
		f.silent = make(chan struct{})
	}
}

func (f *forwarder) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent != nil {
		close(f.silent)
		f.silent = nil
	}
}

func dial(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}
