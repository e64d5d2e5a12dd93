package count

import (
	"context"
	"errors"
	"io"
	"sync"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/internal/contain"
)

// description describes envoy.service.metrics.v3.MetricsService, with messages that are read
// where they lie.
var description = grpc.ServiceDesc{
	ServiceName: metricsv3.MetricsService_ServiceDesc.ServiceName,
	HandlerType: (*receiver)(nil),
	Streams: []grpc.StreamDesc{{
		StreamName:    metricsv3.MetricsService_ServiceDesc.Streams[0].StreamName,
		ClientStreams: true,
		Handler:       func(service any, stream grpc.ServerStream) error { return service.(receiver).receive(stream) },
	}},
}

type receiver interface {
	receive(stream grpc.ServerStream) error
}

// ending ends streams.
type ending struct {
	stopping chan struct{}
	stop     func()
}

func newEnding() ending {
	stopping := make(chan struct{})
	return ending{stopping: stopping, stop: sync.OnceFunc(func() { close(stopping) })}
}

// Run ends all streams when the context ends, so that proxies report to another replica, and
// returns nil.
func (e ending) Run(ctx context.Context) error {
	<-ctx.Done()
	e.stop()
	return nil
}

// follow reads messages until the stream, take or the service ends it. A stream that the
// proxy closes gets the empty answer.
func (e ending) follow(from grpc.ServerStream, counted *streams, take func([]byte) error, end func()) error {
	counted.open.Inc()
	done := make(chan error, 1)
	go func() {
		defer counted.open.Dec()
		defer end()
		_, err := contain.Call(func() (struct{}, error) { return struct{}{}, readAll(from, counted, take) })
		done <- err
	}()
	select {
	case err := <-done:
		return ended(from, err)
	case <-e.stopping:
		return status.Error(codes.Unavailable, "the replica stops")
	}
}

func readAll(from grpc.ServerStream, counted *streams, take func([]byte) error) error {
	for {
		in := &message{take: take}
		if err := from.RecvMsg(in); err != nil {
			return err
		}
		if in.err != nil {
			counted.refused.Inc()
			return in.err
		}
		counted.messages.Inc()
	}
}

// ended says to the proxy why its stream ended.
func ended(to grpc.ServerStream, reason error) error {
	switch {
	case errors.Is(reason, io.EOF):
		return to.SendMsg(&metricsv3.StreamMetricsResponse{})
	case errors.Is(reason, errWire), errors.Is(reason, ErrNoNode), errors.Is(reason, errLongNode):
		return status.Error(codes.InvalidArgument, reason.Error())
	case errors.Is(reason, ErrSplit):
		return status.Error(codes.FailedPrecondition, reason.Error())
	case errors.Is(reason, ErrTooManyProxies):
		return status.Error(codes.ResourceExhausted, reason.Error())
	case errors.Is(reason, ErrSuperseded):
		return status.Error(codes.Aborted, reason.Error())
	}
	return reason
}
