package hold

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/xds/server"
)

// ActivatorOptions configure an Activator. The zero value is usable.
type ActivatorOptions struct {
	// Gateway returns the gateway of the proxy that calls. Nil: read from its certificate
	// (server.PeerGateway).
	Gateway func(context.Context) (types.NamespacedName, error)
}

// Activator serves envoy.service.ext_proc.v3.ExternalProcessor for the headers of requests.
type Activator struct {
	extprocv3.UnimplementedExternalProcessorServer

	gate     *Gate
	identify func(context.Context) (types.NamespacedName, error)
	stop     sync.Once
	stopped  chan struct{}
}

// errTooManyBackends: see maxUnknownBackends.
var errTooManyBackends = status.Error(codes.ResourceExhausted, "too many backends that are not known")

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

// Stop sends held requests, and those that are asked about from now on, to another replica.
func (a *Activator) Stop() { a.stop.Do(func() { close(a.stopped) }) }

// Process answers about one request.
func (a *Activator) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	gateway, err := a.identify(stream.Context())
	if err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	about, err := readSubject(stream.Context(), gateway)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	trigger := a.gate.options.Catalog.Get(about.demand)
	if trigger != nil && !trigger.CountedBy(gateway) {
		// Its route is gone for a moment, or it is made up. The proxy routes the request without a wait.
		a.gate.options.Metrics.refused.WithLabelValues(refusedDemand).Inc()
		return status.Errorf(codes.PermissionDenied, "gateway %s does not count for the trigger %s", gateway, about.demand)
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
		subject: about, stream: stream, activator: a, gate: a.gate, node: nodeOf(first),
		scaler: trigger, raw: headers,
	}
	return c.serve()
}
