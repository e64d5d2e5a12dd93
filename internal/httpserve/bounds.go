package httpserve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kedify/inference-gateway/internal/connlimit"
)

const (
	// MaxConnections bounds the open connections of one address to one port. API servers,
	// Prometheus and kubelets have a few each.
	MaxConnections = 256
	// headerTime and readTime bound the time to the end of the headers, and of the body, of a request, and writeTime that
	// of its answer; idleTime is how long a connection is kept without one.
	headerTime = 2 * time.Second
	readTime   = 4 * time.Second
	writeTime  = 30 * time.Second
	idleTime   = time.Minute
)

// Listener returns a listener that closes connections of an address beyond MaxConnections.
func Listener(accept net.Listener) net.Listener { return connlimit.Listener(accept, MaxConnections) }

// Server returns a server of a handler with bounds of time.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
	}
}

// Run serves until the context ends. A request that is under way then is cut off: what is served here is asked
// again.
func Run(ctx context.Context, accept net.Listener, handler http.Handler) error {
	server := Server(handler)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(Listener(accept)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Bounds of a handler.
type Bounds struct {
	// Requests is how many requests of one address are answered at once.
	Requests int
	// Body is the longest body in bytes, and Bodies the bytes of those of all requests that are being answered. An
	// address gets at most half of what is free, so that a flood from one leaves room for others.
	Body, Bodies int64
}

// bounded is a handler with bounds.
type bounded struct {
	http.Handler
	Bounds

	mu    sync.Mutex
	open  map[string]share
	taken int64
}

// share is what an address has.
type share struct {
	requests int
	bytes    int64
}

// Handler answers 429 to an address beyond the bounds, 411 to a body without a length and 413 to one that is too long, without
// reading it.
func (b Bounds) Handler(handler http.Handler) http.Handler {
	return &bounded{Handler: handler, Bounds: b, open: map[string]share{}}
}

// ServeHTTP implements http.Handler.
func (b *bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address, size := connlimit.HostOf(r.RemoteAddr), r.ContentLength
	switch {
	case size < 0:
		refuse(w, http.StatusLengthRequired)
	case size > b.Body:
		refuse(w, http.StatusRequestEntityTooLarge)
	case !b.enter(address, size):
		refuse(w, http.StatusTooManyRequests)
	default:
		defer b.leave(address, size)
		b.Handler.ServeHTTP(w, r)
	}
}

func refuse(w http.ResponseWriter, code int) {
	w.Header().Set("Connection", "close") // the body is not read
	http.Error(w, http.StatusText(code), code)
}

func (b *bounded) enter(address string, size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	has := b.open[address]
	if has.requests >= b.Requests || size > 0 && has.bytes+size > (b.Bodies-b.taken+has.bytes)/2 {
		return false
	}
	b.open[address] = share{has.requests + 1, has.bytes + size}
	b.taken += size
	return true
}

func (b *bounded) leave(address string, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	has := b.open[address]
	b.taken -= size
	if has.requests == 1 {
		delete(b.open, address)
		return
	}
	b.open[address] = share{has.requests - 1, has.bytes - size}
}
