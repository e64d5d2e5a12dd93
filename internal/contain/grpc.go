package contain

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errInternal is what the client of a call that panicked is told.
var errInternal = status.Error(codes.Internal, "the call failed in the control plane, which has logged it")

// ServerOptions make a panic in a handler the end of that call, with codes.Internal. They are the innermost
// interceptors when they are the last options of a server.
func ServerOptions(log logr.Logger) []grpc.ServerOption {
	answer := func(method string, err error) error {
		var panicked *Panic
		if !errors.As(err, &panicked) {
			return err
		}
		Log(log, err, "A call panicked", "method", method)
		return errInternal
	}
	unary := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, serve grpc.UnaryHandler) (any, error) {
		response, err := Call(func() (any, error) { return serve(ctx, request) })
		return response, answer(info.FullMethod, err)
	}
	stream := func(service any, on grpc.ServerStream, info *grpc.StreamServerInfo, serve grpc.StreamHandler) error {
		_, err := Call(func() (struct{}, error) { return struct{}{}, serve(service, on) })
		return answer(info.FullMethod, err)
	}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(unary), grpc.ChainStreamInterceptor(stream)}
}

// Log reports an error, with the stack when it is a Panic.
func Log(log logr.Logger, err error, message string, values ...any) {
	var panicked *Panic
	if errors.As(err, &panicked) {
		values = append(values, "stack", string(panicked.Stack))
	}
	log.Error(err, message, values...)
}
