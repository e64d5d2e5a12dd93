package server

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
)

// Peer is a proxy that opened a stream.
type Peer struct {
	Gateway types.NamespacedName
	Node    string // node id
	Address string
}

// StreamAggregatedResources refuses the state-of-the-world variant.
func (s *Server) StreamAggregatedResources(grpc.BidiStreamingServer[discovery.DiscoveryRequest, discovery.DiscoveryResponse]) error {
	return status.Error(codes.Unimplemented, "state-of-the-world xDS is not served: set api_type DELTA_GRPC in ads_config")
}

// DeltaAggregatedResources serves one proxy until its stream, its gateway or the server ends.
func (s *Server) DeltaAggregatedResources(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	from, err := s.identify(stream.Context(), first.GetNode())
	if err != nil {
		s.log.Info("proxy was refused", "node", first.GetNode().GetId(), "cluster", first.GetNode().GetCluster(), "reason", err.Error())
		return err
	}
	session := s.publisher.Connect(ir.Key(from.Gateway), from.Node, stream.Send)
	identity := s.identityOf(stream.Context())
	if !s.admit(session, identity) || !s.exists(identity) {
		session.Close() // before it asked for anything
	}
	defer s.leave(session)
	s.log.V(1).Info("proxy connected", "gateway", from.Gateway.String(), "node", from.Node, "address", from.Address)
	go s.read(stream, session, first)
	<-session.Done()
	s.log.V(1).Info("proxy disconnected", "gateway", from.Gateway.String(), "node", from.Node, "reason", session.Err())
	return streamError(stream.Context(), session.Err())
}

// read hands requests to the session until the stream ends, and the session with it. A panic ends the session, and its
// proxy opens another one.
func (s *Server) read(
	stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer,
	session *publish.Session, first *discovery.DeltaDiscoveryRequest,
) {
	defer session.Close()
	err := contain.Do(func() {
		for request := first; ; {
			if session.Receive(request) != nil {
				return
			}
			var err error
			if request, err = stream.Recv(); err != nil {
				return
			}
		}
	})
	if err != nil {
		contain.Log(s.log, err, "A request of a proxy panicked; its session ends", "node", first.GetNode().GetId())
	}
}

// streamError says to the proxy why its stream ended. It connects again in any case.
func streamError(ctx context.Context, reason error) error {
	switch {
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(reason, publish.ErrForgotten):
		return status.Error(codes.Unavailable, "the gateway was deleted")
	case errors.Is(reason, publish.ErrTooManySessions), errors.Is(reason, publish.ErrTooManyNames),
		errors.Is(reason, publish.ErrTooMuchBacklog), errors.Is(reason, publish.ErrLongName):
		return status.Error(codes.ResourceExhausted, reason.Error())
	default:
		return status.Error(codes.Unavailable, "the stream was ended by the control plane")
	}
}

// identify finds out whose proxy opened the stream.
func (s *Server) identify(ctx context.Context, node *corev3.Node) (Peer, error) {
	if node.GetId() == "" {
		return Peer{}, status.Error(codes.InvalidArgument, "the first request of a stream must carry a node with an id")
	}
	if len(node.GetId()) > MaxNode {
		return Peer{}, status.Errorf(codes.InvalidArgument, "the id of the node is longer than %d bytes", MaxNode)
	}
	found := Peer{Node: node.GetId()}
	if from, ok := peer.FromContext(ctx); ok && from.Addr != nil {
		found.Address = from.Addr.String()
	}
	var err error
	if s.secure {
		if found.Gateway, err = PeerGateway(ctx); err != nil {
			return Peer{}, status.Error(codes.Unauthenticated, err.Error())
		}
		if claimed := node.GetCluster(); claimed != "" && claimed != found.Gateway.String() {
			return Peer{}, status.Errorf(codes.PermissionDenied, "node cluster %q is not the gateway of the certificate, %s", claimed, found.Gateway)
		}
	} else if found.Gateway, err = parseCluster(node.GetCluster()); err != nil {
		return Peer{}, status.Error(codes.InvalidArgument, err.Error())
	}
	return found, nil
}

// identityOf is the identity of a connection; the zero value: cleartext.
func (s *Server) identityOf(ctx context.Context) GatewayIdentity {
	from, _ := peerIdentity(ctx) // it was read once without an error
	return from
}

// exists reports whether the Gateway of an identity still exists. A session that was connected before Disconnect ends
// by that; one that is connected after it, by this.
func (s *Server) exists(from GatewayIdentity) bool {
	if !s.secure {
		return true
	}
	until, _ := s.gateways.admit(from)
	return until != nil
}
