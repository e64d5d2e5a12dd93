package wiring

import (
	"errors"
	"net"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	k8sevents "k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler/scale"
)

// LeaseName is the lease of the replica that rewrites foreign objects.
const LeaseName = "kedify-gateway-wiring"

// Deps are what a Wiring needs of its process.
type Deps struct {
	API     API
	Options Options
	// Registry takes the metrics.
	Registry prometheus.Registerer
	// Pod of this replica; the zero value: it does not stand in for the controllers.
	Pod Pod
	// Listen opens a TCP listener. Nil: net.Listen.
	Listen func(address string) (net.Listener, error)
	// Elect says when this replica leads. To lose leadership is no error: a replica without it still moves traffic to
	// safety.
	Elect lead.Elect
	// Clock defaults to the clock of the machine.
	Clock clock.WithTicker
	Log   logr.Logger
}

// API is the API server.
type API struct {
	// Cache has informers; reads come from memory.
	Cache cache.Cache
	// Trims is the transform of Cache; nil if it has none.
	Trims *watch.Trims
	// Direct reads and writes without a cache.
	Direct client.Client
	Mapper meta.RESTMapper
	Scheme *runtime.Scheme
	// Recorder takes events.
	Recorder k8sevents.EventRecorder
	// Scales reads and writes the scale subresource.
	Scales scale.Scales
}

func (d *Deps) setDefaults() {
	if d.Clock == nil {
		d.Clock = clock.RealClock{}
	}
	if d.Listen == nil {
		d.Listen = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	if d.Registry == nil {
		d.Registry = prometheus.NewRegistry()
	}
}

func (d *Deps) validate() error {
	if d.Elect == nil {
		return errors.New("an election is needed: replicas that all rewrite objects fight each other")
	}
	return d.Options.Validate()
}
