package deltatest

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc/test/bufconn"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
)

// Endpoint is a running server that proxies of this package connect to in memory.
type Endpoint struct {
	accept *bufconn.Listener
	stop   func()
}

// Serve serves a publisher until the test ends or Stop is called.
func Serve(t testing.TB, publisher *publish.Publisher) *Endpoint {
	t.Helper()
	return ServeOptions(t, server.Options{Publisher: publisher})
}

// ServeOptions is Serve with all options of the server.
func ServeOptions(t testing.TB, options server.Options) *Endpoint {
	t.Helper()
	serving, err := server.New(options)
	if err != nil {
		t.Fatalf("xDS server: %v", err)
	}
	accept := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := serving.Serve(ctx, accept); err != nil {
			t.Errorf("xDS server: %v", err)
		}
	})
	made := &Endpoint{accept: accept, stop: func() {
		cancel()
		running.Wait()
	}}
	t.Cleanup(made.Stop)
	return made
}

// Stop ends the server and waits for it.
func (e *Endpoint) Stop() { e.stop() }

// Dial connects to the server.
func (e *Endpoint) Dial(ctx context.Context) (net.Conn, error) { return e.accept.DialContext(ctx) }
