package proxytest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/resource"
)

// ErrRejected is what Try returns for a NACK.
var ErrRejected = errors.New("rejected by the proxy")

// quietTime is how long nothing may be under way before a change counts as taken: a new scope or
// cluster makes the proxy subscribe to further names a moment later.
const quietTime = 60 * time.Millisecond

// server is an incremental ADS server for one proxy.
type server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	port     int
	grpc     *grpc.Server
	services []func(*grpc.Server)

	mu        sync.Mutex
	held      map[resource.Type]map[string]resource.Resource
	changed   chan struct{}
	waiting   map[string]bool // nonces without an answer
	answers   int
	last      time.Time // of the last message in either direction
	connected bool
	rejection error
}

func newServer(services []func(*grpc.Server)) *server {
	return &server{
		services: services,
		held:     map[resource.Type]map[string]resource.Resource{},
		changed:  make(chan struct{}, 1),
		waiting:  map[string]bool{},
	}
}

// listen serves with an authority, on the port of last time if there was one.
func (s *server) listen(t testing.TB, keys *Keys) {
	t.Helper()
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	if err != nil {
		t.Fatal(err)
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	s.grpc = grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{keys.TLS(t, serverName)},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: keys.Pool(), MinVersion: tls.VersionTLS13,
		})),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(s.grpc, s)
	for _, register := range s.services {
		register(s.grpc)
	}
	go func(g *grpc.Server) { _ = g.Serve(listener) }(s.grpc)
	t.Cleanup(s.grpc.Stop)
}

// stop ends the stream; the proxy is connected again when it has asked for something.
func (s *server) stop() {
	s.grpc.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = false
	s.waiting = map[string]bool{}
}

// apply changes the held set and waits until the proxy is at rest with it.
func (s *server) apply(change resource.Change, limit time.Duration) error {
	s.hold(change)
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		rest := s.connected && len(s.waiting) == 0 && time.Since(s.last) > quietTime
		rejection := s.rejection
		s.mu.Unlock()
		if rejection != nil {
			return rejection
		}
		if rest {
			return nil
		}
	}
	return fmt.Errorf("no answer of the proxy within %v", limit)
}

// ask changes the held set and returns as soon as the proxy has answered what is sent at once.
func (s *server) ask(change resource.Change, limit time.Duration) error {
	before := s.hold(change)
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(200 * time.Microsecond) {
		s.mu.Lock()
		answered := s.answers > before && len(s.waiting) == 0
		rejection := s.rejection
		s.mu.Unlock()
		if answered {
			return rejection
		}
	}
	return fmt.Errorf("no answer of the proxy within %v", limit)
}

// hold changes the held set and returns how many answers there were before.
func (s *server) hold(change resource.Change) (answers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range change.Upsert {
		if s.held[r.Type] == nil {
			s.held[r.Type] = map[string]resource.Resource{}
		}
		s.held[r.Type][r.Name] = r
	}
	for _, key := range change.Remove {
		delete(s.held[key.Type], key.Name)
	}
	s.rejection = nil
	s.last = time.Now()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.answers
}

// session is the state of one stream.
type session struct {
	server *server
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	opened map[resource.Type]bool
	names  map[resource.Type]map[string]bool   // subscribed by name
	sent   map[resource.Type]map[string]string // versions
	nonce  int
}

// byName reports the types that a proxy subscribes to by name; of the others it takes all.
func byName(kind resource.Type) bool {
	return kind == resource.Endpoint || kind == resource.Route || kind == resource.Secret
}

func (s *server) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	requests := make(chan *discoveryv3.DeltaDiscoveryRequest)
	go func() {
		defer close(requests)
		for {
			request, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	c := &session{
		server: s, stream: stream, opened: map[resource.Type]bool{},
		names: map[resource.Type]map[string]bool{}, sent: map[resource.Type]map[string]string{},
	}
	for {
		select {
		case request, open := <-requests:
			if !open {
				return nil
			}
			c.take(request)
		case <-s.changed:
		}
		for _, kind := range resource.Types {
			if err := c.push(kind); err != nil {
				return err
			}
		}
	}
}

func (c *session) take(request *discoveryv3.DeltaDiscoveryRequest) {
	kind := resource.Type(request.TypeUrl)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.last = time.Now()
	c.server.connected = true
	if !c.opened[kind] {
		c.opened[kind] = true
		c.names[kind], c.sent[kind] = map[string]bool{}, map[string]string{}
	}
	for _, name := range request.ResourceNamesSubscribe {
		c.names[kind][name] = true
		delete(c.sent[kind], name)
	}
	for _, name := range request.ResourceNamesUnsubscribe {
		delete(c.names[kind], name)
		delete(c.sent[kind], name)
	}
	if request.ResponseNonce == "" {
		return
	}
	delete(c.server.waiting, request.ResponseNonce)
	c.server.answers++
	if request.ErrorDetail != nil && c.server.rejection == nil {
		c.server.rejection = fmt.Errorf("%w: %s: %s", ErrRejected, kind, request.ErrorDetail.Message)
	}
}

// push sends what the proxy does not have of one type.
func (c *session) push(kind resource.Type) error {
	c.server.mu.Lock()
	response := c.difference(kind)
	if response == nil {
		c.server.mu.Unlock()
		return nil
	}
	c.nonce++
	response.Nonce = strconv.Itoa(c.nonce)
	c.server.waiting[response.Nonce] = true
	c.server.last = time.Now()
	c.server.mu.Unlock()
	return c.stream.Send(response)
}

// difference is nil when there is nothing to say.
func (c *session) difference(kind resource.Type) *discoveryv3.DeltaDiscoveryResponse {
	if !c.opened[kind] {
		return nil
	}
	response := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: string(kind)}
	// The first request for all of a type is answered even when there is nothing.
	first := !byName(kind) && len(c.sent[kind]) == 0
	if first {
		c.sent[kind][""] = absent
	}
	for name, r := range c.server.held[kind] {
		if c.wants(kind, name) && c.sent[kind][name] != r.Version {
			c.send(response, r)
		}
	}
	for name, version := range c.sent[kind] {
		if !c.holds(kind, name) && version != absent {
			response.RemovedResources = append(response.RemovedResources, name)
			delete(c.sent[kind], name)
		}
	}
	for name := range c.names[kind] {
		if byName(kind) && !c.holds(kind, name) && c.sent[kind][name] != absent {
			response.RemovedResources = append(response.RemovedResources, name)
			c.sent[kind][name] = absent
		}
	}
	if !first && len(response.Resources) == 0 && len(response.RemovedResources) == 0 {
		return nil
	}
	return response
}

// absent is the version of a name that the proxy was told does not exist.
const absent = "absent"

func (c *session) holds(kind resource.Type, name string) bool {
	_, ok := c.server.held[kind][name]
	return ok
}

func (c *session) wants(kind resource.Type, name string) bool {
	return !byName(kind) || c.names[kind][name]
}

func (c *session) send(response *discoveryv3.DeltaDiscoveryResponse, r resource.Resource) {
	response.Resources = append(response.Resources, &discoveryv3.Resource{
		Name: r.Name, Version: r.Version, Resource: &anypb.Any{TypeUrl: string(r.Type), Value: r.Body},
	})
	c.sent[r.Type][r.Name] = r.Version
	if r.Type == resource.Cluster {
		// A changed cluster waits for its endpoints, but Envoy does not ask again.
		c.sent[resource.Endpoint] = map[string]string{}
	}
}
