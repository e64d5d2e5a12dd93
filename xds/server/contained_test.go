package server_test

import (
	"context"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
)

// broken is a stream whose second request panics while it is taken in.
type broken struct {
	grpc.ServerStream
	ctx  context.Context
	seen bool
}

func (b *broken) Context() context.Context { return b.ctx }

func (b *broken) Send(*discovery.DeltaDiscoveryResponse) error { return nil }

func (b *broken) Recv() (*discovery.DeltaDiscoveryRequest, error) {
	if b.seen {
		panic("a request that nothing expects")
	}
	b.seen = true
	return &discovery.DeltaDiscoveryRequest{Node: &corev3.Node{Id: "proxy", Cluster: "shop/edge"}}, nil
}

// TestX10PanicEndsOneStream: what a proxy sends is taken in by a goroutine of its own. A panic there ends the stream.
func TestX10PanicEndsOneStream(t *testing.T) {
	s, err := server.New(server.Options{Publisher: publish.New(publish.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeltaAggregatedResources(&broken{ctx: t.Context()}); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ends with %v", err)
	}
}
