package infra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/controllers/work"
)

const (
	// workers is how many Gateways are worked on at once: enough for a cold start of a large
	// cluster, few enough to leave the API server to others.
	workers = 4

	firstRetry = 200 * time.Millisecond
	lastRetry  = time.Minute
)

// Live reads the product's own objects as they are, and tells when one changes.
type Live interface {
	client.Reader
	// Watch returns when everything that exists can be read. From then on it reports, until
	// the context ends, the Gateway of each object that changes.
	Watch(ctx context.Context, changed func(gateway types.NamespacedName)) error
}

// Certificates makes the client certificates of the Envoys (certs.Keeper).
type Certificates interface {
	ClientCertificate(existing map[string][]byte, identity string) (certs.Certificate, error)
}

// Options of an Applier.
type Options struct {
	Config Config
	// Client writes, and reads what Live does not know.
	Client client.Client
	Live   Live
	// Certificates for Identity, the name under which a Gateway's Envoys meet the xDS server.
	Certificates Certificates
	Identity     func(gateway types.NamespacedName, uid types.UID) string
	// Within permits writes, see work.Options. Nil: always.
	Within func(context.Context, func(context.Context)) bool
	Clock  clock.WithTicker
	Log    logr.Logger
	// Report is called after an attempt whose outcome differs from the one before; from any
	// goroutine. It may be nil.
	Report func(Result)
}

// Result is the outcome of the last attempt to bring the data plane of a Gateway about. Err
// is nil, a ParametersError (stays until the parameters change), or something that is being
// tried again, such as an AddressError or apply.ErrForeign.
type Result struct {
	Gateway    types.NamespacedName
	Generation int64
	Err        error
}

// Applier keeps the data planes of all Gateways as they should be.
type Applier struct {
	options Options
	engine  *apply.Engine
	queue   *work.Queue[types.NamespacedName]

	mu      sync.Mutex
	desired map[types.NamespacedName]desired
	results map[types.NamespacedName]string
	// expiries are when the client certificates end that were last found, or written.
	expiries map[types.NamespacedName]time.Time
}

// desired is the newest desired state of a Gateway; with a nil spec it has no data plane.
type desired struct{ spec *Spec }

// NewApplier returns an Applier that collects desired states; Run applies them.
func NewApplier(options Options) *Applier {
	if options.Report == nil {
		options.Report = func(Result) {}
	}
	a := &Applier{
		options: options,
		engine:  newEngine(options),
		desired: map[types.NamespacedName]desired{},
		results: map[types.NamespacedName]string{},

		expiries: map[types.NamespacedName]time.Time{},
	}
	a.queue = work.New(work.Options[types.NamespacedName]{
		Name: "infrastructure", Workers: workers, FirstRetry: firstRetry, LastRetry: lastRetry, Clock: options.Clock,
		Within: options.Within, Do: a.attempt, Log: options.Log,
	})
	return a
}

// Apply asks for a data plane. The newest call for a Gateway wins; nothing is written when the cluster
// already is so.
func (a *Applier) Apply(spec Spec) { a.want(spec.Gateway, desired{spec: &spec}) }

// Delete asks for no data plane: for Gateways that went to another class. Those that were
// deleted need it only to be forgotten, their objects go with them. It writes nothing when
// there is nothing.
func (a *Applier) Delete(gateway types.NamespacedName) { a.want(gateway, desired{}) }

// Refresh looks at every data plane again: the CA has changed.
func (a *Applier) Refresh() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for gateway := range a.desired {
		a.queue.Add(gateway)
	}
}

func (a *Applier) want(gateway types.NamespacedName, newest desired) {
	a.mu.Lock()
	a.desired[gateway] = newest
	a.mu.Unlock()
	a.queue.AddNow(gateway) // a new state need not wait for the backoff of the last
}

// Run applies desired states, within Options.Within, until the context ends. It is called once.
func (a *Applier) Run(ctx context.Context) error {
	defer a.queue.ShutDown()
	if err := a.options.Live.Watch(ctx, a.changed); err != nil {
		return fmt.Errorf("watch the data planes: %w", err)
	}
	a.queue.Run(ctx)
	return nil
}

// changed is called for every change of an object of a data plane, those that the applier made
// included: a look costs a rendering and a comparison.
func (a *Applier) changed(gateway types.NamespacedName) {
	a.mu.Lock()
	_, known := a.desired[gateway]
	a.mu.Unlock()
	if known {
		a.queue.Add(gateway)
	}
}

// attempt applies the desired state of one Gateway. The next look comes soon after a failure, and at the renewal of the
// certificate otherwise.
func (a *Applier) attempt(ctx context.Context, gateway types.NamespacedName) work.Next {
	a.mu.Lock()
	newest, known := a.desired[gateway]
	a.mu.Unlock()
	if !known {
		return work.Done()
	}
	log := a.options.Log.WithValues("kind", "Gateway", "object", gateway.String())
	if newest.spec == nil {
		if err := a.remove(ctx, gateway); err != nil {
			log.Error(err, "Failed to remove the data plane, will retry")
			return work.Retry()
		}
		a.forget(gateway, newest)
		return work.Done()
	}
	renew, err := a.apply(ctx, *newest.spec)
	switch {
	case ctx.Err() != nil:
		return work.Done()
	case errors.Is(err, apply.ErrTerminating), apply.NamespaceGone(err): // the Gateway is about to go
		log.V(1).Info("Left the data plane to the deletion of its namespace", "reason", err.Error())
		return work.Done()
	}
	a.report(Result{Gateway: gateway, Generation: newest.spec.Generation, Err: err})
	var parameters *ParametersError
	var addresses *AddressError
	switch {
	case err == nil:
		return work.After(renew.Sub(a.options.Clock.Now()))
	case errors.As(err, &parameters): // new parameters bring the Gateway back
		log.Info("Failed to build the data plane from its parameters", "error", err.Error())
		return work.Done()
	case errors.As(err, &addresses): // an address may become free
		log.Info("Failed to make Services for addresses, will retry", "error", err.Error())
		return work.Retry()
	}
	log.Error(err, "Failed to apply the data plane, will retry")
	return work.Retry()
}

// forget drops a desired state that is in place, unless a newer one has come.
func (a *Applier) forget(gateway types.NamespacedName, done desired) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.desired[gateway] == done {
		delete(a.desired, gateway)
		delete(a.results, gateway)
		delete(a.expiries, gateway)
	}
}

// Expiries returns when the client certificates of the Envoys end, by Gateway, as they were last found or written: current
// while this replica leads.
func (a *Applier) Expiries() map[types.NamespacedName]time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.expiries)
}

// note notes when the certificate of a Gateway ends, which may have gone meanwhile.
func (a *Applier) note(gateway types.NamespacedName, expiry time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if newest, known := a.desired[gateway]; known && newest.spec != nil {
		a.expiries[gateway] = expiry
	}
}

// report tells of an outcome once, however often it repeats.
func (a *Applier) report(result Result) {
	text := fmt.Sprintf("%d %v", result.Generation, result.Err)
	a.mu.Lock()
	repeated := a.results[result.Gateway] == text
	a.results[result.Gateway] = text
	a.mu.Unlock()
	if !repeated {
		a.options.Report(result)
	}
}
