package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// streamPath is answered at once and ends when the client goes or the backend is told.
const streamPath = "/stream"

// backends serve every workload.
type backends struct {
	Good, Failing, Refusing uint32 // ports
	// attempts that reached a backend of the workload with one that fails.
	attempts atomic.Int64
	end      chan struct{} // closed: streams end
}

func startBackends(ctx context.Context) (*backends, error) {
	b := &backends{end: make(chan struct{})}
	var err error
	if b.Good, err = serve(ctx, b.good); err != nil {
		return nil, err
	}
	if b.Failing, err = serve(ctx, b.failing); err != nil {
		return nil, err
	}
	b.Refusing, err = freePort()
	return b, err
}

func (b *backends) good(w http.ResponseWriter, r *http.Request) {
	if r.Host == host(keyRetries) {
		b.attempts.Add(1)
	}
	if r.URL.Path == eventsPath {
		stream(w)
		return
	}
	w.WriteHeader(http.StatusOK)
	if r.URL.Path != streamPath {
		return
	}
	_ = http.NewResponseController(w).Flush()
	select {
	case <-r.Context().Done():
	case <-b.end:
	}
}

func (b *backends) failing(w http.ResponseWriter, _ *http.Request) {
	b.attempts.Add(1)
	w.WriteHeader(http.StatusServiceUnavailable)
}

func serve(ctx context.Context, handle http.HandlerFunc) (uint32, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	s := &http.Server{Handler: handle, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return uint32(listener.Addr().(*net.TCPAddr).Port), nil
}

// freePort was free a moment ago. It has no listener until an Envoy opens one.
func freePort() (uint32, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return uint32(listener.Addr().(*net.TCPAddr).Port), nil
}
