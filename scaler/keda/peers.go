package keda

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// KEDA opens two streams for each trigger over one connection, so a connection has no limit. An address has:
// streamsOfPeer, and streamsOfTrigger for each trigger in force, which leaves room for streams that end while
// others begin.
const (
	streamsOfPeer    = 1024
	streamsOfTrigger = 4
)

// peers counts the open streams of each address.
type peers struct {
	// triggers returns how many are in force.
	triggers func() int

	mu   sync.Mutex
	open map[string]int
}

func newPeers(triggers func() int) *peers { return &peers{triggers: triggers, open: map[string]int{}} }

// stream is a grpc.StreamServerInterceptor.
func (p *peers) stream(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	address := addressOf(stream.Context())
	if most := streamsOfPeer + streamsOfTrigger*p.triggers(); !p.enter(address, most) {
		return status.Errorf(codes.ResourceExhausted, "%s has %d streams open, as many as it may", address, most)
	}
	defer p.leave(address)
	return handler(server, stream)
}

func (p *peers) enter(address string, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[address] >= most {
		return false
	}
	p.open[address]++
	return true
}

func (p *peers) leave(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[address]--; p.open[address] <= 0 {
		delete(p.open, address)
	}
}

func addressOf(ctx context.Context) string {
	from, ok := peer.FromContext(ctx)
	if !ok || from.Addr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(from.Addr.String())
	if err != nil {
		return from.Addr.String()
	}
	return host
}
