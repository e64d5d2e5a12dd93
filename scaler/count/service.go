package count

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/server"
)

// Registry receives the reports of proxies; demand.Registry is one.
type Registry interface {
	Report(demand.Report)
	Gone(demand.Proxy)
}

// Reasons to end a stream.
var (
	// ErrSplit says that a proxy sends more than one message per flush.
	ErrSplit = errors.New("a flush came in several messages: batch_size must not be set for this metrics service")
	// ErrSuperseded says that the proxy has opened another stream.
	ErrSuperseded = errors.New("the proxy has opened another stream")
	// ErrNoNode says that the first message of a stream does not name its proxy.
	ErrNoNode = errors.New("the first message of a stream must carry a node with an id")
)

// Options of a Service.
type Options struct {
	Registry Registry
	// Identify returns the gateway of a connection. Nil: server.PeerGateway, the one that the
	// client certificate names.
	Identify func(context.Context) (types.NamespacedName, error)
	// Flush is how often proxies report. Zero: demand.DefaultFlush.
	Flush   time.Duration
	Metrics *Metrics
	Log     logr.Logger
}

// Service is the metrics service for our own proxies.
type Service struct {
	options Options
	ending

	mu sync.Mutex
	// proxies have a stream, or are refused.
	proxies map[demand.Proxy]*proxyStreams
}

// proxyStreams are the streams of one proxy. The lock is held while a message is reported, so that
// messages of two streams of a proxy are not mixed.
type proxyStreams struct {
	mu sync.Mutex
	// newest is its newest stream. Messages of an older one are late, and the end of an older
	// one says nothing about the proxy.
	newest *stream
	// split: the proxy sends more than one message per flush. Half of a flush looks like a proxy that
	// lost half of its counters, so it is refused for good.
	split   bool
	removed bool // from the service
}

// New returns a service that is not registered yet. Run is to be called.
func New(options Options) *Service {
	if options.Identify == nil {
		options.Identify = server.PeerGateway
	}
	if options.Flush <= 0 {
		options.Flush = demand.DefaultFlush
	}
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	return &Service{options: options, ending: newEnding(), proxies: map[demand.Proxy]*proxyStreams{}}
}

// Register adds the service to a server, see server.Options.Register.
func (s *Service) Register(on *grpc.Server) { on.RegisterService(&description, s) }

// receive takes the messages of one proxy until its stream ends.
func (s *Service) receive(from grpc.ServerStream) error {
	gateway, err := s.options.Identify(from.Context())
	if err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	st := s.stream(gateway)
	return s.follow(from, s.options.Metrics.own, st.take, st.end)
}

func (s *Service) stream(gateway types.NamespacedName) *stream {
	return &stream{
		service: s, proxy: demand.Proxy{Gateway: gateway},
		slots: map[string]*slot{}, counts: map[types.NamespacedName]demand.Counts{},
	}
}

// streamsOf returns the streams of a proxy, with their lock held.
func (s *Service) streamsOf(proxy demand.Proxy) *proxyStreams {
	for {
		s.mu.Lock()
		l := s.proxies[proxy]
		if l == nil {
			l = &proxyStreams{}
			s.proxies[proxy] = l
		}
		s.mu.Unlock()
		l.mu.Lock()
		if !l.removed {
			return l
		}
		l.mu.Unlock()
	}
}

// admit makes a stream the newest of its proxy.
func (s *Service) admit(st *stream) error {
	l := s.streamsOf(st.proxy)
	defer l.mu.Unlock()
	if l.split {
		return ErrSplit
	}
	l.newest = st
	return nil
}

// report reports a message, unless its stream is not the newest of its proxy.
func (s *Service) report(st *stream, r demand.Report) error {
	l := s.streamsOf(st.proxy)
	defer l.mu.Unlock()
	if l.newest != st {
		return ErrSuperseded
	}
	s.options.Registry.Report(r)
	return nil
}

// leave notes the end of a stream.
func (s *Service) leave(st *stream, split bool) {
	l := s.streamsOf(st.proxy)
	defer l.mu.Unlock()
	l.split = l.split || split
	if l.newest != st {
		return
	}
	l.newest = nil
	s.options.Registry.Gone(st.proxy)
	if !l.split {
		l.removed = true
		s.mu.Lock()
		delete(s.proxies, st.proxy)
		s.mu.Unlock()
	}
}
