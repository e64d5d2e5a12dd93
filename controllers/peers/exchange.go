package peers

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
	"github.com/kedify/inference-gateway/scaler/engines"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/server"
)

// Defaults of Options.
const (
	// DefaultGrace is ten times what an Envoy waits at most before it connects again
	// (500 ms, with jitter).
	DefaultGrace = 5 * time.Second
	// DefaultFadeDelay is twice that: an Envoy that lost its replica is back, at any other.
	DefaultFadeDelay = time.Second
)

// Options of an Exchange.
type Options struct {
	// Replica is the name of this replica, unlike all others: its pod's.
	Replica string
	// Deliver takes what the proxies of all replicas have. It must not block.
	Deliver func(publish.Delivery)
	// Knows reports whether this replica has a gateway, see publish.Publisher.Knows.
	Knows func(types.NamespacedName) bool
	// Registry counts and holds; demand.Registry is one. Nil: nothing is counted or held here.
	Registry Registry
	// Engines reads model Pods; engines.Reader is one. Nil: nothing is read here.
	Engines Engines
	// Discover returns the addresses, host:port, of the other replicas.
	Discover func(context.Context) ([]string, error)
	// Certificates signs what this replica shows to others; ServerName is what it expects in
	// their certificates.
	Certificates Certificates
	ServerName   string
	// Grace is how long the last state of a replica counts after its stream ended. Zero:
	// DefaultGrace. After it the replica's proxies are unknown, and unknown is not served.
	Grace time.Duration
	// FadeDelay is how long a delivery must stay worse before that is delivered, see fades. Zero:
	// DefaultFadeDelay.
	FadeDelay time.Duration
	Metrics   *Metrics
	Log       logr.Logger
}

// Registry is the demand of this replica: what it tells the others, and what it hears of them.
// Merge is called with what one replica tells in order, Lost when its stream ends.
type Registry interface {
	Follow() *replica.Follower
	Merge(replica string, delta replica.Delta)
	Lost(replica string)
}

// Engines is what this replica reads of model Pods, tells the others, and hears of them.
type Engines interface {
	Follow() *engines.Follower
	Merge(replica string, delta engines.Delta)
	Lost(replica string)
}

// Exchange adds up deliveries over all replicas.
type Exchange struct {
	options  Options
	feed     *feed
	view     *view
	identity *identity
	stopping chan struct{}
	stop     func()
}

// New returns an Exchange that knows of no peer until Run.
func New(options Options) *Exchange {
	if options.Grace == 0 {
		options.Grace = DefaultGrace
	}
	if options.FadeDelay == 0 {
		options.FadeDelay = DefaultFadeDelay
	}
	if options.Metrics == nil {
		options.Metrics = NewMetrics()
	}
	stopping := make(chan struct{})
	return &Exchange{
		options:  options,
		feed:     newFeed(options.Knows),
		view:     newView(options),
		identity: &identity{certificates: options.Certificates, as: server.ReplicaIdentity, serverName: options.ServerName},
		stopping: stopping,
		stop:     sync.OnceFunc(func() { close(stopping) }),
	}
}

// Deliver takes what the proxies of this replica have, see publish.Options.OnDelivery.
func (e *Exchange) Deliver(d publish.Delivery) {
	e.view.set(d)
	e.feed.set(d)
}

// Forget drops a gateway that the publisher has forgotten.
func (e *Exchange) Forget(gateway types.NamespacedName) {
	e.view.forget(gateway)
	e.feed.forget(gateway)
}

// Elsewhere returns what the other replicas say about a gateway, sorted by replica.
func (e *Exchange) Elsewhere(gateway types.NamespacedName) []debug.PeerState {
	return e.view.elsewhere(gateway)
}

// Register adds the service to a server, see server.Options.Register.
func (e *Exchange) Register(on *grpc.Server) { on.RegisterService(&service, e) }

// Run follows the other replicas until the context ends, and then ends the streams of those
// that follow this one.
func (e *Exchange) Run(ctx context.Context) error {
	defer e.view.close()
	defer e.stop()
	callers := callers{exchange: e, running: map[string]context.CancelFunc{}}
	defer callers.wait()
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		if addresses, err := e.options.Discover(ctx); err == nil {
			callers.follow(ctx, addresses)
		} else if ctx.Err() == nil {
			e.options.Log.Error(err, "Failed to discover peer replicas; keeping the known ones")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
