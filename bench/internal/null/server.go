// Package null is the least that can stand in front of an Envoy: a delta ADS server that holds
// resources built beforehand and sends the right ones when told, with no thought and no wait.
//
// Job: the limit that a control plane is compared with. Inputs: resources made by
// xds/translate, so that both Envoys are given the same. Outputs: messages on one stream.
// Ownership: gRPC's goroutine reads the stream; sending is under one lock and may be done by
// any goroutine.
package null

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/resource"
)

type adsStream = discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer

// Server serves one Envoy.
type Server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	port int
	stop func()

	mu       sync.Mutex
	held     map[resource.Key]resource.Resource
	opened   map[resource.Type]bool
	stream   adsStream
	nonce    int
	rejected error
}

// Serve begins to serve on a free port of the loopback.
func Serve() (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	// The proxy pings its control plane; grpc-go would close the connection for that.
	transport := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}))
	s := &Server{
		port: listener.Addr().(*net.TCPAddr).Port, stop: transport.Stop,
		held: map[resource.Key]resource.Resource{}, opened: map[resource.Type]bool{},
	}
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(transport, s)
	go func() { _ = transport.Serve(listener) }()
	return s, nil
}

// Stop ends the stream.
func (s *Server) Stop() { s.stop() }

// Hold adds resources without sending them: the Envoy is not connected yet, or Push follows.
func (s *Server) Hold(resources ...resource.Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range resources {
		s.held[r.Key] = r
	}
}

// Push holds and sends resources, in the order given, one response for each.
func (s *Server) Push(resources ...resource.Resource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range resources {
		s.held[r.Key] = r
		if err := s.send(r.Type, []resource.Resource{r}, nil); err != nil {
			return err
		}
	}
	return s.rejected
}

// Remove takes resources back, in the order given.
func (s *Server) Remove(keys ...resource.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.held, key)
		if err := s.send(key.Type, nil, []string{key.Name}); err != nil {
			return err
		}
	}
	return s.rejected
}

// DeltaAggregatedResources is the xDS stream.
func (s *Server) DeltaAggregatedResources(stream adsStream) error {
	s.mu.Lock()
	s.stream, s.opened = stream, map[resource.Type]bool{}
	s.mu.Unlock()
	for {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := s.answer(request); err != nil {
			return err
		}
	}
}

// answer sends what a request asks for: everything on the first request of a type that is
// taken whole, what is named for the others.
func (s *Server) answer(request *discoveryv3.DeltaDiscoveryRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request.ErrorDetail != nil {
		s.rejected = fmt.Errorf("the proxy rejected %s: %s", request.TypeUrl, request.ErrorDetail.Message)
	}
	kind := resource.Type(request.TypeUrl)
	first := !s.opened[kind]
	s.opened[kind] = true
	var found []resource.Resource
	var missing []string
	switch kind {
	case resource.Cluster, resource.Listener, resource.Scope:
		if !first {
			return nil
		}
		for key, r := range s.held {
			if key.Type == kind {
				found = append(found, r)
			}
		}
	default:
		for _, name := range request.ResourceNamesSubscribe {
			if r, ok := s.held[resource.Key{Type: kind, Name: name}]; ok {
				found = append(found, r)
			} else {
				missing = append(missing, name)
			}
		}
		if len(found)+len(missing) == 0 {
			return nil
		}
	}
	return s.send(kind, found, missing)
}

// send is called with the lock held.
func (s *Server) send(kind resource.Type, resources []resource.Resource, removed []string) error {
	if s.stream == nil {
		return fmt.Errorf("no Envoy is connected")
	}
	s.nonce++
	response := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: string(kind), Nonce: strconv.Itoa(s.nonce), RemovedResources: removed}
	for _, r := range resources {
		response.Resources = append(response.Resources, &discoveryv3.Resource{
			Name: r.Name, Version: r.Version, Resource: &anypb.Any{TypeUrl: string(kind), Value: r.Body},
		})
	}
	return s.stream.Send(response)
}
