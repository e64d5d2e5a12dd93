package keda

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/internal/grpcserve"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// Registry reads demand; demand.Registry implements it.
type Registry interface {
	// Read answers from memory, with an error that wraps demand.ErrUnknown when it is blind.
	Read(key types.NamespacedName) (demand.Reading, error)
	// Wake signals when requests begin to be held and when the trigger becomes active.
	Wake(key types.NamespacedName) (changed <-chan struct{}, cancel func())
}

// Options of a Server.
type Options struct {
	// Catalog is observed, so the server is to be made before the first trigger is set.
	Catalog  *scaler.Catalog
	Registry Registry
	// Replicas returns spec.replicas of a trigger's target, from memory, and whether they are known.
	// Nil: they are never known.
	Replicas func(scaler.Scaler) (replicas int32, known bool)
	// Peak returns the highest value of the last seconds of the metric at a position of a trigger, for triggers of which KEDA is to get
	// that (burst.Burster); false: the value of now. Nil: none has one.
	Peak func(key types.NamespacedName, position int) (float64, bool)
	// Ready returns status.readyReplicas of a trigger's target, from memory, and whether they are known. Nil: they are never known.
	Ready func(scaler.Scaler) (ready int32, known bool)
	// Running reports whether a target has replicas, and whether that is known. It may ask the API
	// server and take most of the 200 ms. It is called when Replicas does not know and past arrivals
	// are not settled. Nil: it is never known.
	Running func(scaler.Scaler) (running, known bool)
	// TLS of the port; whether KEDA must show a certificate is up to it. Nil: plaintext.
	TLS *tls.Config
	// ConnectionAge bounds the life of connections and streams, so that KEDA looks for another server
	// behind the same address. Zero: no bound.
	ConnectionAge time.Duration
	// Metrics, see NewMetrics. Nil: none are kept.
	Metrics *Metrics
	Log     logr.Logger
}

// Server is KEDA's external scaler. One per process; Serve may be called once.
type Server struct {
	pb.UnimplementedExternalScalerServer
	options Options
	index   *index
	asked   *asked
	limit   time.Duration // of an answer
	grpc    *grpc.Server
	health  *health.Server

	stop     sync.Once
	stopping chan struct{} // closed when streams are to end
}

// New returns a server that does not listen yet.
func New(options Options) *Server {
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	if options.Replicas == nil {
		options.Replicas = func(scaler.Scaler) (int32, bool) { return 0, false }
	}
	if options.Peak == nil {
		options.Peak = func(types.NamespacedName, int) (float64, bool) { return 0, false }
	}
	if options.Ready == nil {
		options.Ready = func(scaler.Scaler) (int32, bool) { return 0, false }
	}
	if options.Running == nil {
		options.Running = func(scaler.Scaler) (bool, bool) { return false, false }
	}
	s := &Server{
		options: options, index: newIndex(), asked: newAsked(), limit: answerTime, health: health.NewServer(), stopping: make(chan struct{}),
	}
	options.Catalog.Observe(s.index.set)
	options.Catalog.Observe(s.asked.set)
	s.grpc = grpc.NewServer(append(s.settings(), contain.ServerOptions(options.Log)...)...)
	pb.RegisterExternalScalerServer(s.grpc, s)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	return s
}

// settings of the port.
func (s *Server) settings() []grpc.ServerOption {
	settings := []grpc.ServerOption{
		// KEDA sends no pings; a proxy or mesh between may.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(s.keepalive()),
		grpc.UnaryInterceptor(s.options.Metrics.unary),
		grpc.ChainStreamInterceptor(s.options.Metrics.stream, newPeers(s.options.Catalog.Len).stream),
		grpc.ConnectionTimeout(grpcserve.HandshakeTimeout),
	}
	if s.options.TLS != nil {
		settings = append(settings, grpc.Creds(credentials.NewTLS(s.options.TLS)))
	}
	return settings
}

// keepalive ends connections. With an age, a stream ends by itself at that age; one that began when
// its connection was as old has as long again.
func (s *Server) keepalive() keepalive.ServerParameters {
	// A node that vanished leaves its streams after 15 s.
	parameters := keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}
	if age := s.options.ConnectionAge; age > 0 {
		parameters.MaxConnectionAge, parameters.MaxConnectionAgeGrace = age, 2*age
	}
	return parameters
}

// old returns a channel that says that a stream is to end, and what releases it.
func (s *Server) old() (<-chan time.Time, func()) {
	if s.options.ConnectionAge == 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(s.options.ConnectionAge)
	return timer.C, func() { timer.Stop() }
}

// Serve accepts connections until the context ends. Then it ends all streams without an error,
// so that KEDA comes back after 2 s, waits for calls under way and returns nil.
func (s *Server) Serve(ctx context.Context, accept net.Listener) error {
	endStreams := func() { s.stop.Do(func() { close(s.stopping) }) }
	defer endStreams()
	return grpcserve.Run(ctx, s.grpc, accept, func() {
		s.health.Shutdown()
		endStreams()
	})
}
