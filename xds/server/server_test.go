package server_test

import (
	"context"
	"net"
	"strings"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

func dial(t *testing.T, endpoint *deltatest.Endpoint) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return endpoint.Dial(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// The state-of-the-world variant says what to configure instead.
func TestStateOfTheWorld(t *testing.T) {
	endpoint := deltatest.Serve(t, publish.New(publish.Options{}))
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(dial(t, endpoint)).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "DELTA_GRPC") {
		t.Errorf("error %v", err)
	}
}

// The first message of a stream must name its node.
func TestNode(t *testing.T) {
	endpoint := deltatest.Serve(t, publish.New(publish.Options{}))
	conn := dial(t, endpoint)
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&discovery.DeltaDiscoveryRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("error %v", err)
	}
	nameless := deltatest.Start(t, deltatest.Options{Gateway: ir.Key{Namespace: "", Name: ""}, Dial: endpoint.Dial})
	nameless.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
	if status.Code(nameless.Err()) != codes.InvalidArgument {
		t.Errorf("error %v", nameless.Err())
	}
}

// Stopping ends the streams at once, and says so to health checks.
func TestStop(t *testing.T) {
	registered := false
	endpoint := deltatest.ServeOptions(t, server.Options{
		Publisher: publish.New(publish.Options{}),
		Register:  func(*grpc.Server) { registered = true },
	})
	if !registered {
		t.Error("other services were not registered")
	}
	health := healthv1.NewHealthClient(dial(t, endpoint))
	answer, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v", answer, err)
	}
	p := deltatest.Start(t, deltatest.Options{Gateway: ir.Key{Namespace: "a", Name: "b"}, Dial: endpoint.Dial})
	p.Wait("a connection", func(deltatest.State) bool { return true })
	endpoint.Stop()
	p.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
	if status.Code(p.Err()) != codes.Unavailable {
		t.Errorf("error %v", p.Err())
	}
}
