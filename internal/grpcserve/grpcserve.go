// Package grpcserve runs gRPC servers until a context ends.
//
// Job: the one way in which a gRPC server of the product accepts, and stops. Inputs: a server with
// its services, a listener, and what ends the streams of the services. Outputs: none. Ownership:
// Run owns the listener.
package grpcserve

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/internal/connlimit"
)

// StopTimeout bounds the time that calls have to end after the context ended.
const StopTimeout = 5 * time.Second

// Run accepts connections until the context ends, MaxConnections of one address at once. Then it calls stopping, which has streams that
// do not end by themselves end, waits for the calls under way, cuts those that take longer than
// StopTimeout, and returns nil.
func Run(ctx context.Context, server *grpc.Server, accept net.Listener, stopping func()) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(connlimit.Listener(accept, MaxConnections)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stopping()
	hard := time.AfterFunc(StopTimeout, server.Stop)
	defer hard.Stop()
	server.GracefulStop()
	return <-failed
}
