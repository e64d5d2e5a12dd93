package count

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/scaler"
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
	// ErrTooManyProxies says that a gateway has as many proxies as this replica remembers.
	ErrTooManyProxies = errors.New("too many proxies of the gateway report")
	// ErrNoNode says that the first message of a stream does not name its proxy.
	ErrNoNode = errors.New("the first message of a stream must carry a node with an id")
)

// Options of a Service.
type Options struct {
	Registry Registry
	// Catalog says which demand keys the proxies of a gateway count for. Counters of other keys are left out.
	// Messages that come before it is complete are too: nothing is lost, because counters are cumulative.
	Catalog *scaler.Catalog
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

	mu       sync.Mutex
	gateways map[types.NamespacedName]*gatewayStreams
}

// maxSplit is how many proxies of a gateway are remembered that are refused.
const maxSplit = 64

// gatewayStreams are those of one gateway.
type gatewayStreams struct {
	// proxies by node, that have a stream.
	proxies map[string]*proxyStreams
	// split are nodes that send more than one message per flush. Half of a flush looks like a proxy that lost half of
	// its counters, so they are refused; the newest of them are.
	split []string
}

// proxyStreams are the streams of one proxy. The lock is held while a message is reported, so that
// messages of two streams of a proxy are not mixed.
type proxyStreams struct {
	mu sync.Mutex
	// newest is its newest stream. Messages of an older one are late, and the end of an older
	// one says nothing about the proxy.
	newest  *stream
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
	return &Service{options: options, ending: newEnding(), gateways: map[types.NamespacedName]*gatewayStreams{}}
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
		works: map[types.NamespacedName]*demand.Work{},
	}
}

// add returns the streams of a proxy, known or new.
func (s *Service) add(proxy demand.Proxy) (*proxyStreams, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.gateways[proxy.Gateway]
	if of == nil {
		of = &gatewayStreams{proxies: map[string]*proxyStreams{}}
	}
	switch {
	case slices.Contains(of.split, proxy.Node):
		return nil, ErrSplit
	case of.proxies[proxy.Node] == nil && len(of.proxies) >= demand.MaxProxies:
		return nil, ErrTooManyProxies
	case of.proxies[proxy.Node] == nil:
		of.proxies[proxy.Node] = &proxyStreams{}
	}
	s.gateways[proxy.Gateway] = of
	return of.proxies[proxy.Node], nil
}

func (s *Service) remove(proxy demand.Proxy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.gateways[proxy.Gateway]
	delete(of.proxies, proxy.Node)
	if len(of.proxies) == 0 && len(of.split) == 0 {
		delete(s.gateways, proxy.Gateway)
	}
}

// refuse refuses a proxy from now on. Its stream is open.
func (s *Service) refuse(proxy demand.Proxy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.gateways[proxy.Gateway]
	if len(of.split) == maxSplit {
		of.split = slices.Delete(of.split, 0, 1)
	}
	of.split = append(of.split, proxy.Node)
}

// admit makes a stream the newest of its proxy.
func (s *Service) admit(st *stream) error {
	for {
		l, err := s.add(st.proxy)
		if err != nil {
			return err
		}
		l.mu.Lock()
		removed := l.removed
		if !removed {
			l.newest, st.streams = st, l
		}
		l.mu.Unlock()
		if !removed {
			return nil
		}
	}
}

// report reports a message, unless its stream is not the newest of its proxy.
func (s *Service) report(st *stream, r demand.Report) error {
	l := st.streams
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.newest != st:
		return ErrSuperseded
	case s.options.Catalog.Complete():
		s.options.Registry.Report(r)
	}
	return nil
}

// leave notes the end of a stream. split: the proxy sends more than one message per flush.
func (s *Service) leave(st *stream, split bool) {
	if split {
		s.refuse(st.proxy)
	}
	l := st.streams
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest != st {
		return
	}
	l.newest, l.removed = nil, true
	s.options.Registry.Gone(st.proxy)
	s.remove(st.proxy)
}
