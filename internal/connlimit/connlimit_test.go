package connlimit

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// TestX4ConnectionsOfAnAddress: an address has so many connections at once and no more; one that is closed makes room,
// and the others are not touched.
func TestX4ConnectionsOfAnAddress(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := Listener(inner, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- connection
		}
	}()
	dial := func(from string) net.Conn {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		connection, err := dialer.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		return connection
	}
	refused := func(connection net.Conn) bool {
		t.Helper()
		_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := connection.Read(make([]byte, 1))
		return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	}
	dial("127.0.0.1")
	first := <-accepted
	dial("127.0.0.1")
	second := <-accepted
	if !refused(dial("127.0.0.1")) {
		t.Error("a third connection is open")
	}
	dial("127.0.0.2")
	other := <-accepted
	_ = first.Close()
	_ = first.Close() // makes room once
	dial("127.0.0.1")
	third := <-accepted
	if !refused(dial("127.0.0.1")) {
		t.Error("a connection over the limit is open")
	}
	for _, connection := range []net.Conn{second, other, third} {
		_ = connection.Close()
	}
	_ = listener.Close()
	<-accepted
	if open := listener.(*limited).open; len(open) > 0 {
		t.Errorf("%v are remembered", open)
	}
}
