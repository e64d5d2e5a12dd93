package server

import (
	"google.golang.org/grpc"
)

// admitGateway is an interceptor of the streams of all services. One of a proxy is served while the Gateway of its
// certificate exists, and ends with it. Other clients, and those without an identity, are left to the service.
func (s *Server) admitGateway(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, serve grpc.StreamHandler) error {
	from, err := peerIdentity(stream.Context())
	if err != nil {
		return serve(service, stream)
	}
	until, err := s.gateways.await(stream.Context(), from)
	if err != nil {
		s.log.Info("Refused a proxy", "gateway", from.Gateway.String(), "uid", from.UID, "reason", err.Error())
		return err
	}
	served := make(chan error, 1)
	go func() { served <- serve(service, stream) }() // it ends with the stream, soon after this returns
	select {
	case err := <-served:
		return err
	case <-until:
		return errNoGateway
	}
}
