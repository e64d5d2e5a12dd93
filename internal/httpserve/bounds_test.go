package httpserve_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/kedify/inference-gateway/internal/httpserve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// waiting is a handler whose requests wait until they are let go.
type waiting struct {
	entered chan struct{}
	leave   chan struct{}
	// done counts those that are being answered.
	done sync.WaitGroup
}

func (h *waiting) ServeHTTP(http.ResponseWriter, *http.Request) {
	h.entered <- struct{}{}
	<-h.leave
}

// request asks with a body that is only said to have a size: what is refused is refused before it is read.
func (h *waiting) request(t *testing.T, bounded http.Handler, address string, size int64) (code func() int) {
	t.Helper()
	question := httptest.NewRequest(http.MethodPost, "/validate", nil)
	question.RemoteAddr, question.ContentLength = address+":1", size
	answer := httptest.NewRecorder()
	over := make(chan struct{})
	h.done.Go(func() { bounded.ServeHTTP(answer, question); close(over) })
	select {
	case <-h.entered:
	case <-over:
	}
	return func() int { <-over; return answer.Code }
}

// TestX4FloodOfOneAddress: an address that sends more than it may is refused, and others are answered as before.
func TestX4FloodOfOneAddress(t *testing.T) {
	handler := &waiting{entered: make(chan struct{}), leave: make(chan struct{})}
	bounded := httpserve.Bounds{Requests: 8, Body: 4 << 20, Bodies: 16 << 20}.Handler(handler)
	var codes []func() int
	for range 20 {
		codes = append(codes, handler.request(t, bounded, "10.0.0.66", 3<<20))
	}
	neighbours := []func() int{
		handler.request(t, bounded, "10.0.0.1", 3<<20), handler.request(t, bounded, "10.0.0.2", 1<<20),
		handler.request(t, bounded, "10.0.0.3", 0),
	}
	refused := []func() int{
		handler.request(t, bounded, "10.0.0.4", -1), handler.request(t, bounded, "10.0.0.4", 4<<20+1),
	}
	close(handler.leave)
	taken := 0
	for _, code := range codes {
		switch got := code(); got {
		case http.StatusOK:
			taken++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("flood: %d", got)
		}
	}
	if taken != 2 {
		t.Errorf("%d requests of the flood were answered at once, want 2 (6 MiB of 16)", taken)
	}
	for i, code := range neighbours {
		if got := code(); got != http.StatusOK {
			t.Errorf("neighbour %d: %d", i, got)
		}
	}
	if got := refused[0](); got != http.StatusLengthRequired {
		t.Errorf("without a length: %d", got)
	}
	if got := refused[1](); got != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: %d", got)
	}
	for range 100 { // nothing is left of the flood
		if got := handler.request(t, bounded, "10.0.0.66", 3<<20)(); got != http.StatusOK {
			t.Fatalf("after the flood: %d", got)
		}
	}
	handler.done.Wait()
}

// TestX4Connections: an address has so many connections; the others of a port are served.
func TestX4Connections(t *testing.T) {
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- httpserve.Run(ctx, accept, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "served") }))
	}()
	var open []net.Conn
	for range httpserve.MaxConnections + 50 {
		connection, err := net.Dial("tcp", accept.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, connection)
	}
	refused := 0
	for _, connection := range open[httpserve.MaxConnections:] {
		if _, err := connection.Read(make([]byte, 1)); err != nil {
			refused++
		}
	}
	if refused != 50 {
		t.Errorf("%d connections were refused, want 50", refused)
	}
	if got := ask(t, accept.Addr().String()); got != "served" { // from 127.0.0.2
		t.Errorf("another address: %q", got)
	}
	for _, connection := range open {
		_ = connection.Close()
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// ask asks from another address of the loopback.
func ask(t *testing.T, address string) string {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	connection, err := dialer.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, "GET / HTTP/1.0\r\n\r\n")
	text, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	return body
}
