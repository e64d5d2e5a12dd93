package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/internal/grpcserve"
	"github.com/kedify/inference-gateway/xds/publish"
)

const (
	// maxMessage bounds a message in bytes. A proxy that reconnects lists the versions of
	// everything it has; 100,000 names are about 10 MiB.
	maxMessage = 64 << 20
	// maxHeaders bounds the metadata of a call in bytes: a few names.
	maxHeaders = 64 << 10
	// MaxNode bounds the id of a node in bytes: those of the product are a namespace and the name of a Pod.
	MaxNode = 512
	// maxStreams bounds the streams of one connection: ADS and the other services of one
	// proxy.
	maxStreams = 1024
)

// Options configure a Server.
type Options struct {
	Publisher *publish.Publisher
	// TLS must verify client certificates. Nil serves cleartext, where the node names its
	// own gateway: for tests on loopback only.
	TLS *tls.Config
	// Gateways are those of which proxies may call, for each service of the server. Required with TLS.
	Gateways *Gateways
	// Register adds other services to the same port.
	Register func(*grpc.Server)
	Log      logr.Logger
}

// Server serves delta ADS.
type Server struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer

	publisher *publish.Publisher
	gateways  *Gateways
	secure    bool
	log       logr.Logger
	grpc      *grpc.Server
	health    *health.Server

	mu       sync.Mutex
	stopping bool
	sessions map[*publish.Session]GatewayIdentity
}

// ErrNoClientVerification says that Options.TLS would accept every client.
var ErrNoClientVerification = errors.New("TLS of the xDS server must require and verify client certificates")

// ErrNoGateways says that Options.Gateways is missing: a certificate would outlive its Gateway.
var ErrNoGateways = errors.New("the xDS server must know which Gateways exist")

// New returns a server that does not listen yet.
func New(options Options) (*Server, error) {
	s := &Server{
		publisher: options.Publisher,
		gateways:  options.Gateways,
		secure:    options.TLS != nil,
		log:       options.Log,
		health:    health.NewServer(),
		sessions:  map[*publish.Session]GatewayIdentity{},
	}
	settings := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(grpcserve.HandshakeTimeout),
		// Proxies ping to notice a dead control plane; answering costs nothing.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		// And the other way round: a proxy that vanished leaves the counts after 15 s.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}
	if options.TLS != nil {
		verifies := options.TLS.ClientAuth == tls.RequireAndVerifyClientCert
		if !verifies && options.TLS.GetConfigForClient == nil {
			return nil, ErrNoClientVerification
		}
		if options.Gateways == nil {
			return nil, ErrNoGateways
		}
		settings = append(settings, grpc.Creds(credentials.NewTLS(options.TLS)), grpc.ChainStreamInterceptor(s.admitGateway))
	}
	s.grpc = grpc.NewServer(append(settings, contain.ServerOptions(options.Log)...)...)
	discovery.RegisterAggregatedDiscoveryServiceServer(s.grpc, s)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	if options.Register != nil {
		options.Register(s.grpc)
	}
	return s, nil
}

// Serve accepts connections until the context ends, then ends all streams, waits for other
// calls for a few seconds and returns nil.
func (s *Server) Serve(ctx context.Context, accept net.Listener) error {
	return grpcserve.Run(ctx, s.grpc, accept, s.stop)
}

func (s *Server) stop() {
	s.health.Shutdown()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	for session := range s.sessions {
		session.Close()
	}
}

func (s *Server) admit(session *publish.Session, from GatewayIdentity) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.sessions[session] = from
	return true
}

// Disconnect ends the sessions of the proxies of all other Gateways of a name. When it returns nothing more is sent to
// them, but for a response that is being written.
func (s *Server) Disconnect(gateway types.NamespacedName, except types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session, from := range s.sessions {
		if from.Gateway == gateway && from.UID != except {
			session.Close()
		}
	}
}

func (s *Server) leave(session *publish.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session)
}
