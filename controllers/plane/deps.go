package plane

import (
	"context"
	"net"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	k8sevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler/scale"
	"github.com/kedify/inference-gateway/xds/stage"
)

// Deps are what a Plane needs of its process.
type Deps struct {
	API     API
	Options controllers.Options
	// Replica is the name of this replica, unlike all others: its Pod's.
	Replica string
	// Elect says when this replica leads. To lose leadership ends nothing but writes.
	Elect lead.Elect
	// Registry takes the metrics.
	Registry prometheus.Registerer
	// Listen opens a TCP listener. Nil: net.Listen.
	Listen func(address string) (net.Listener, error)
	// DialPod connects to a model Pod. Nil: a net.Dialer.
	DialPod func(ctx context.Context, network, address string) (net.Conn, error)
	// Clock defaults to the clock of the machine.
	Clock  clock.WithTickerAndDelayedExecution
	Timing Timing
	// Before returns a stage in front of the first one, for tests that put into a resource what Envoy refuses.
	// Nil: none.
	Before func(stage.Stage) stage.Stage
	Log    logr.Logger
}

// API is the API server.
type API struct {
	// Cache has informers; reads come from memory.
	Cache cache.Cache
	// Refusals are those of Cache.
	Refusals *watch.Refusals
	// Trims is the transform of Cache; nil if it has none.
	Trims *watch.Trims
	// Client writes; its reads may come from the cache.
	Client client.Client
	// Direct reads and writes without a cache: for the few objects that are not watched.
	Direct client.Client
	Mapper meta.RESTMapper
	// Resources are the kinds that are served at the moment, by version.
	Resources watch.Resources
	Scheme    *runtime.Scheme
	// Recorder takes events.
	Recorder k8sevents.EventRecorder
	// Owned watches the objects of data planes.
	Owned infra.Live
	// Scales reads and writes the scale subresource.
	Scales scale.Scales
}

// Timing has the durations that tests shorten. Zero values are the defaults of the packages.
type Timing struct {
	// RemoveGrace, see publish.Options.
	RemoveGrace time.Duration
	// PeerGrace, see peers.Options.Grace.
	PeerGrace time.Duration
	// RouteGrace, see linger.New.
	RouteGrace time.Duration
	// Patience with requests and with Envoys, see served.Options.Patience and proxypods.Options.Patience.
	Patience time.Duration
	// ListPatience is how long a replica waits for optional kinds that the API server does not list.
	ListPatience time.Duration
}

func (d *Deps) setDefaults() {
	if d.Clock == nil {
		d.Clock = clock.RealClock{}
	}
	if d.Timing.ListPatience == 0 {
		d.Timing.ListPatience = defaultListPatience
	}
	if d.Listen == nil {
		d.Listen = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
}
