package grpcserve_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kedify/inference-gateway/internal/grpcserve"
)

// A stream that lasts until it is told to end is ended, and Run returns without an error.
func TestRunEndsStreams(t *testing.T) {
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	services := health.NewServer()
	server := grpc.NewServer()
	healthv1.RegisterHealthServer(server, services)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	stream := make(chan struct{})
	go func() {
		ended <- grpcserve.Run(ctx, server, accept, func() { services.Shutdown(); <-stream })
	}()
	connection, err := grpc.NewClient(accept.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	watch, err := healthv1.NewHealthClient(connection).Watch(watching, &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := watch.Recv(); err != nil || answer.Status != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", answer, err)
	}
	cancel()
	if answer, err := watch.Recv(); err != nil || answer.Status != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("%v, %v", answer, err)
	}
	stop()
	close(stream)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRunReportsWhatCannotBeServed(t *testing.T) {
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = accept.Close()
	if err := grpcserve.Run(t.Context(), grpc.NewServer(), accept, func() { t.Error("nothing was to be stopped") }); err == nil {
		t.Error("no error")
	}
}
