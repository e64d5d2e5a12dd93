package deltatest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Options describe a proxy.
type Options struct {
	Gateway ir.Key
	// Node is the node id; empty: "proxy".
	Node string
	// Dial connects to the server, see Endpoint.Dial.
	Dial func(context.Context) (net.Conn, error)
	// Credentials; nil: cleartext.
	Credentials credentials.TransportCredentials
	// Reject returns why the proxy refuses a resource, "" when it takes it. It is called
	// with the lock of the proxy held.
	Reject func(resource.Key, []byte) string
	// Missing are clusters that routes may name although they do not exist.
	Missing []string
}

// Proxy behaves like Envoy on a delta ADS stream.
type Proxy struct {
	t       testing.TB
	options Options
	changed *sync.Cond // of mu: anything happened

	mu         sync.Mutex
	model      *model
	events     []Event
	violations []string
	paused     map[resource.Type]bool
	link       *link
	failure    error // why the last stream ended
}

// link is one connection.
type link struct {
	conn   *grpc.ClientConn
	stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	cancel context.CancelFunc
	ended  chan struct{}
	first  bool // the next request carries the node
}

// New returns a proxy that is not connected and knows nothing.
func New(t testing.TB, options Options) *Proxy {
	if options.Node == "" {
		options.Node = "proxy"
	}
	p := &Proxy{t: t, options: options, paused: map[resource.Type]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.model = newModel(options.Missing)
	t.Cleanup(p.Disconnect)
	return p
}

// Start returns a connected proxy.
func Start(t testing.TB, options Options) *Proxy {
	t.Helper()
	p := New(t, options)
	p.Connect()
	return p
}

// Redial has the next Connect go to another server.
func (p *Proxy) Redial(dial func(context.Context) (net.Conn, error)) { p.options.Dial = dial }

// Connect opens a stream. Like Envoy the proxy subscribes again to all it had subscribed to,
// and lists the versions it has; a new proxy subscribes to clusters.
func (p *Proxy) Connect() {
	p.t.Helper()
	if err := p.TryConnect(); err != nil {
		p.t.Fatalf("proxy %s: %v", p.options.Node, err)
	}
}

// TryConnect is Connect for servers that may refuse the connection.
func (p *Proxy) TryConnect() error {
	ctx, cancel := context.WithCancel(context.Background())
	transport := p.options.Credentials
	if transport == nil {
		transport = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient("passthrough:///deltatest",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return p.options.Dial(ctx) }),
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		cancel()
		return err
	}
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		cancel()
		_ = conn.Close()
		return err
	}
	opened := &link{conn: conn, stream: stream, cancel: cancel, ended: make(chan struct{}), first: true}
	p.mu.Lock()
	p.link, p.failure = opened, nil
	p.model.reconnect()
	p.flush()
	p.mu.Unlock()
	go p.receive(opened)
	return nil
}

// Reconnect is Disconnect and Connect.
func (p *Proxy) Reconnect() {
	p.t.Helper()
	p.Disconnect()
	p.Connect()
}

// Disconnect ends the stream and waits until it ended. What the proxy has stays.
func (p *Proxy) Disconnect() {
	p.mu.Lock()
	open := p.link
	p.link = nil
	p.mu.Unlock()
	if open == nil {
		return
	}
	open.cancel()
	<-open.ended
	_ = open.conn.Close()
}

func (p *Proxy) receive(open *link) {
	defer close(open.ended)
	for {
		response, err := open.stream.Recv()
		p.mu.Lock()
		if err != nil {
			if p.link == open {
				p.failure = err
			}
			p.changed.Broadcast()
			p.mu.Unlock()
			return
		}
		if p.link == open {
			p.take(response)
			p.flush()
		}
		p.changed.Broadcast()
		p.mu.Unlock()
	}
}

// take applies a response and queues its answer.
func (p *Proxy) take(response *discovery.DeltaDiscoveryResponse) {
	p.record(response)
	kind := resource.Type(response.GetTypeUrl())
	if !p.model.known(kind) {
		return // like Envoy: "which we have not subscribed to. Ignoring."
	}
	refused := ""
	for _, r := range response.GetResources() {
		key := resource.Key{Type: kind, Name: r.GetName()}
		if p.options.Reject != nil {
			if why := p.options.Reject(key, r.GetResource().GetValue()); why != "" {
				refused = why
				if kind == resource.Cluster {
					continue // the other clusters of the response are applied
				}
				break // what of the response was applied is unknown
			}
		}
		if err := p.model.put(key, r.GetVersion(), r.GetResource().GetValue()); err != nil {
			refused = err.Error()
		}
	}
	for _, name := range response.GetRemovedResources() {
		p.model.remove(resource.Key{Type: kind, Name: name})
	}
	for _, violation := range p.model.takeViolations() {
		p.violations = append(p.violations, violation+", received:\n"+p.tail())
	}
	p.model.queueAnswer(answer{kind: kind, nonce: response.GetNonce(), refused: refused})
}

// flush sends the requests that are due.
func (p *Proxy) flush() {
	if p.link == nil {
		return
	}
	for _, request := range p.model.requests(p.paused) {
		if p.link.first {
			request.Node = &corev3.Node{Id: p.options.Node, Cluster: p.options.Gateway.String()}
			p.link.first = false
		}
		if err := p.link.stream.Send(request); err != nil {
			return // the reader learns why
		}
	}
}

// Opened counts the types that the proxy has spoken of on its stream.
func (p *Proxy) Opened() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	opened := 0
	for _, s := range p.model.subscriptions {
		if s.opened {
			opened++
		}
	}
	return opened
}

// Pause withholds all answers to responses of a type.
func (p *Proxy) Pause(kind resource.Type) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused[kind] = true
}

// Resume sends the withheld answers.
func (p *Proxy) Resume(kind resource.Type) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.paused, kind)
	p.flush()
}

// Subscribe asks for names of a type by hand, for example for secrets.
func (p *Proxy) Subscribe(kind resource.Type, names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		p.model.watch(kind, name)
	}
	p.flush()
}

// Unsubscribe takes Subscribe back.
func (p *Proxy) Unsubscribe(kind resource.Type, names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		p.model.unwatch(kind, name)
	}
	p.flush()
}

// Send sends a request as it is, for what a well-behaved proxy would not do.
func (p *Proxy) Send(request *discovery.DeltaDiscoveryRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link == nil {
		return fmt.Errorf("proxy %s is not connected", p.options.Node)
	}
	if p.link.first {
		request.Node = &corev3.Node{Id: p.options.Node, Cluster: p.options.Gateway.String()}
		p.link.first = false
	}
	p.model.subscription(resource.Type(request.GetTypeUrl()))
	return p.link.stream.Send(request)
}
