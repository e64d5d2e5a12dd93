package peers

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/server"
)

const (
	serviceName = "kedify.gateway.peers.v1.Peers"
	methodName  = "Exchange"
)

// service describes
//
//	service Peers { rpc Exchange(google.protobuf.BytesValue) returns (stream google.protobuf.BytesValue); }
var service = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*exchanger)(nil),
	Streams: []grpc.StreamDesc{{
		StreamName:    methodName,
		ServerStreams: true,
		Handler:       func(exchange any, stream grpc.ServerStream) error { return exchange.(exchanger).exchange(stream) },
	}},
}

type exchanger interface {
	exchange(stream grpc.ServerStream) error
}

// exchange serves one subscriber: what there is, and then what changes. While a send blocks,
// changes gather in the reader.
func (e *Exchange) exchange(stream grpc.ServerStream) error {
	ctx := stream.Context()
	if err := server.PeerReplica(ctx); err != nil {
		return status.Error(codes.PermissionDenied, err.Error())
	}
	hello := &wrapperspb.BytesValue{}
	if err := stream.RecvMsg(hello); err != nil {
		return err
	}
	subscriber, err := open(hello)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	e.options.Log.V(1).Info("Accepted a stream of a peer replica", "replica", subscriber.Replica)
	reader := e.feed.subscribe()
	defer reader.leave()
	followers := e.follow()
	defer followers.leave()
	next := reader.take()
	followers.counts.take(&next)
	followers.readings.take(&next)
	for {
		if err := e.send(stream, next); err != nil {
			return err
		}
		next = envelope{}
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-e.stopping:
			return status.Error(codes.Unavailable, "the replica stops")
		case <-reader.wake:
			next = reader.take()
		case <-followers.countsDue():
			followers.counts.take(&next)
		case <-followers.readingsDue():
			followers.readings.take(&next)
		}
	}
}

func (e *Exchange) send(stream grpc.ServerStream, next envelope) error {
	next.Replica = e.options.Replica
	message, err := next.message()
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return stream.SendMsg(message)
}
