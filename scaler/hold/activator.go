package hold

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/server"
)

// ActivatorOptions configure an Activator. The zero value is usable.
type ActivatorOptions struct {
	// Gateway says whose proxy calls; nil: its certificate does (server.PeerGateway).
	Gateway func(context.Context) (types.NamespacedName, error)
}

// Activator serves envoy.service.ext_proc.v3.ExternalProcessor, headers of requests only.
type Activator struct {
	extprocv3.UnimplementedExternalProcessorServer

	gate     *Gate
	identify func(context.Context) (types.NamespacedName, error)
	stop     sync.Once
	stopped  chan struct{}
}

var errStopping = status.Error(codes.Unavailable, "this replica is stopping; ask another")

// NewActivator returns an activator for the backends of a gate.
func NewActivator(gate *Gate, options ActivatorOptions) *Activator {
	a := &Activator{gate: gate, identify: options.Gateway, stopped: make(chan struct{})}
	if a.identify == nil {
		a.identify = server.PeerGateway
	}
	return a
}

// Register adds the service to a server.
func (a *Activator) Register(s *grpc.Server) { extprocv3.RegisterExternalProcessorServer(s, a) }

// Run calls Stop when the context ends, and returns nil.
func (a *Activator) Run(ctx context.Context) error {
	<-ctx.Done()
	a.Stop()
	return nil
}

// Stop sends everybody who waits or asks from now on to another replica.
func (a *Activator) Stop() { a.stop.Do(func() { close(a.stopped) }) }

// Process answers about one request.
func (a *Activator) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	gateway, err := a.identify(stream.Context())
	if err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	asked, err := readQuestion(stream.Context(), gateway)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	headers := first.GetRequestHeaders()
	if headers == nil {
		return status.Error(codes.InvalidArgument, "the first message is not the headers of a request")
	}
	c := &call{
		stream: stream, activator: a, gate: a.gate, question: asked, node: nodeOf(first),
		scaler: a.gate.options.Catalog.Get(asked.demand), headers: headers,
	}
	return c.serve()
}

// call is one request that a proxy asks about.
type call struct {
	question
	stream    extprocv3.ExternalProcessor_ProcessServer
	activator *Activator
	gate      *Gate
	node      string
	scaler    *scaler.Scaler // nil: the trigger is not in force
	headers   *extprocv3.HttpHeaders
	head      *head // of the headers, when they were looked at
	probe     bool
}

// serve finds the answer. Health checks come first: what asks them shows no page and is not to
// be kept waiting.
func (c *call) serve() error {
	if reads(c.scaler) {
		c.probe = c.look().probe(&c.scaler.Spec.HealthCheck)
		if c.probe && (c.scaler.Spec.HealthCheck.Response == healthStatic || c.scaler.Maintenance != nil) {
			return c.reply(healthy(), answeredProbe)
		}
		if page := c.maintenance(); page != nil {
			return c.reply(page, answeredMaintenance)
		}
	}
	for {
		b := c.gate.gateway(c.gateway).askedFor(c.backend)
		v, look := b.enter(caller{node: c.node, probe: c.probe})
		switch v {
		case elsewhere:
			continue
		case goOn:
			c.gate.options.Metrics.went.Inc()
			return c.goOn(b, goneOn, look)
		default:
		}
		switch {
		case c.probe:
			return c.reply(healthy(), answeredProbe)
		case c.showsPage(b):
			c.gate.ledger.arrived(c.demand)
			return c.reply(page(c.scaler.WaitingPage, "hold_waiting_page"), answeredWaitingPage)
		}
		again, err := c.wait(b)
		if !again {
			return err
		}
	}
}

// look reads the headers.
func (c *call) look() *head {
	if c.head == nil {
		h := readHead(c.headers.GetHeaders())
		c.head = &h
	}
	return c.head
}

func (c *call) maintenance() *reply {
	if c.scaler.Maintenance == nil {
		return nil
	}
	return page(c.scaler.Maintenance, "hold_maintenance_page")
}

// showsPage reports whether a person is shown the waiting page: while there is no endpoint, not
// while the proxy learns of it.
func (c *call) showsPage(b *backend) bool {
	return c.scaler != nil && c.scaler.WaitingPage != nil && !b.hasEndpoint() && c.look().navigation()
}

// wait has the request wait and answers what came of it. again: the backend is another one by
// now.
func (c *call) wait(b *backend) (again bool, err error) {
	limits := &c.gate.options.Limits
	timeout, most := limits.Timeout, limits.MaxPending
	if c.scaler != nil && c.scaler.Spec.Hold.Timeout != nil {
		timeout = c.scaler.Spec.Hold.Timeout.Duration
	}
	if c.scaler != nil && c.scaler.Spec.Hold.MaxPending != nil {
		most = int(*c.scaler.Spec.Hold.MaxPending)
	}
	if refused := c.gate.ledger.enter(c.demand, most); refused != "" {
		return false, c.reply(crowded(limits.RetryAfter, refused), refused)
	}
	w, v, look := b.queue(caller{node: c.node, probe: c.probe}, timeout)
	switch v {
	case elsewhere:
		c.gate.ledger.leave(c.demand)
		return true, nil
	case goOn: // since it was looked at
		c.gate.ledger.leave(c.demand)
		c.gate.options.Metrics.went.Inc()
		return false, c.goOn(b, goneOn, look)
	default:
	}
	if look {
		b.stepLater()
	}
	f := c.sleep(b, w)
	c.gate.ledger.leave(c.demand)
	return false, c.wake(b, w, f)
}

// sleep returns what became of the wait.
func (c *call) sleep(b *backend, w *waiter) fate {
	select {
	case <-w.done:
		return w.fate
	case <-c.stream.Context().Done():
		return b.leave(w, left)
	case <-c.activator.stopped:
		return b.leave(w, bounced)
	}
}

// wake answers a request that waited.
func (c *call) wake(b *backend, w *waiter, f fate) error {
	metrics := c.gate.options.Metrics
	switch f {
	case released:
		metrics.answered(answeredReleased)
		metrics.waits.Observe(c.gate.options.Clock.Now().Sub(w.since).Seconds())
		return c.goOn(b, wentOn, false)
	case expired:
		return c.reply(late(c.gate.options.Limits.RetryAfter), answeredTimeout)
	case left:
		metrics.answered(answeredGone)
		return status.FromContextError(c.stream.Context().Err()).Err()
	default:
		metrics.answered(answeredElsewhere)
		return errStopping
	}
}

// goOn tells the proxy to route the request, and waits until it confirms: it ends the call when
// it has read the answer.
func (c *call) goOn(b *backend, answer *extprocv3.ProcessingResponse, look bool) error {
	defer b.confirm()
	if err := c.stream.Send(answer); err != nil {
		return err
	}
	if look {
		b.stepLater()
	}
	for {
		if _, err := c.stream.Recv(); err != nil {
			return nil
		}
	}
}

// reply has the proxy answer the client itself.
func (c *call) reply(r *reply, as string) error {
	c.gate.options.Metrics.answered(as)
	return c.stream.Send(r.message(c.look()))
}

// askedFor returns the backend that a proxy asks about, and remembers the name when it is not
// known.
func (g *gateway) askedFor(name string) *backend {
	if b := g.backend(name); b != nil {
		return b
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.backend(name)
	if b == nil {
		b = g.made(name)
		b.step()
	}
	return b
}

func (b *backend) hasEndpoint() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stocked
}
