package scaledobject

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/controllers/work"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

const (
	// fieldOwner of everything that is written here.
	fieldOwner = client.FieldOwner("kedify-gateway-scaledobject")

	kindScaledObject = "ScaledObject"

	workers = 2
	// batchDelay lets what is applied together be computed together. It is longer than the engine
	// gathers changes: the attachment of a route that is applied with a trigger is then known.
	batchDelay = 100 * time.Millisecond
	// foreignPatience is how long a replica waits, when it leads first, for objects of other controllers.
	foreignPatience = 10 * time.Second

	firstRetry = 200 * time.Millisecond
	lastRetry  = time.Minute
)

// Options of a Controller. Cache and Client need a scheme with the types of KEDA, of the
// Gateway API, of the Inference Extension and of the product.
type Options struct {
	// Cache is read. It is that of Watcher.
	Cache client.Reader
	// Watcher watches the kinds that plans are made from; the caller runs it.
	Watcher *watch.Watcher
	// Attachments of routes, as the engine has them.
	Attachments Attachments
	// Client writes, and reads past the cache whether a name is taken.
	Client client.Client
	// Within permits writes, see work.Options. Nil: always.
	Within func(context.Context, func(context.Context)) bool
	// Events tells the owners of ScaledObjects.
	Events *events.Writer
	Clock  clock.WithTicker
	Log    logr.Logger

	// ScalerAddress is where KEDA reaches our scaler, host:port.
	ScalerAddress string
	// Authentication that admission has triggers of the product refer to.
	Authentication trigger.Authentication
	// Requested reports whether a request of an HTTPScaler came through a proxy, from memory. Nil:
	// no request ever did.
	Requested func(scaler types.NamespacedName) bool
	// Hold has the defaults of the installation for triggers that say nothing.
	Hold v1alpha1.HTTPScalerHold
	// Autowire: the command "wiring" owns condition Rewired.
	Autowire bool
	// CountsOthers: Envoys that users run may count for triggers.
	CountsOthers bool
	// ClassName of the generated Gateways; v1alpha1.GatewayClassName unless set.
	ClassName string
	// Shared: one proxy in Namespace, that of the installation, serves all namespaces.
	Shared    bool
	Namespace string
	// Values is the name of the ConfigMap in Namespace with the values of generated Gateways; empty:
	// there are none.
	Values string
}

// Attachments says which routes lead to which backends; attachments.Index is one.
type Attachments interface {
	// LeadingTo returns the attachments with a backend in the namespace, empty: all.
	LeadingTo(namespace string) []*resolve.Attachment
	// Observe has a function called with the namespace of a backend when its attachments changed.
	Observe(func(namespace string))
	// Synced is closed when a missing attachment means that there is none.
	Synced() <-chan struct{}
}

// Controller writes within Options.Within.
type Controller struct {
	Options
	queue    *work.Queue[partition]
	backfill *backfill
	engine   *apply.Engine
	kinds    *kinds
	// referrers are the objects of other namespaces that refer to backends of a namespace.
	referrers *referrers

	handover   *handover
	proxyGrace *proxyGrace

	// watch has the Watcher watch what plans are made from; known and foreign are closed when they were read.
	watch          func()
	known, foreign <-chan struct{}

	// foreignKnown is set when the objects of other controllers were handed over.
	foreignKnown atomic.Bool

	mu sync.Mutex
	// active are the namespaces with triggers of the product.
	active map[string]bool
}

// partition is a namespace, or empty with a shared proxy.
type partition string

// New returns a Controller; Start runs it.
func New(options Options) *Controller {
	if options.ClassName == "" {
		options.ClassName = v1alpha1.GatewayClassName
	}
	if options.Requested == nil {
		options.Requested = func(types.NamespacedName) bool { return false }
	}
	c := &Controller{
		Options:    options,
		kinds:      &kinds{synced: map[string]bool{}},
		referrers:  newReferrers(),
		handover:   newHandover(),
		proxyGrace: newProxyGrace(options.Clock),
		active:     map[string]bool{},
	}
	c.queue = work.New(work.Options[partition]{
		Name: "scaledobject", Workers: workers, FirstRetry: firstRetry, LastRetry: lastRetry, Clock: options.Clock,
		Within: options.Within, Do: c.attempt, Log: options.Log,
	})
	c.engine = newEngine(options, c.kinds)
	c.watch = sync.OnceFunc(func() { c.known, c.foreign = c.Watcher.Add(c.rows(false)...), c.Watcher.Add(c.rows(true)...) })
	c.backfill = newBackfill(options)
	return c
}

// Watch has the Watcher watch what plans are made from, before Start does.
func (c *Controller) Watch() { c.watch() }

// Start is manager.Runnable. It returns when the context ends.
func (c *Controller) Start(ctx context.Context) error {
	defer c.queue.ShutDown()
	defer c.backfill.queue.ShutDown()
	c.Attachments.Observe(c.touchActive)
	c.Watch()
	for _, synced := range []<-chan struct{}{c.known, c.Attachments.Synced()} {
		select {
		case <-synced:
		case <-ctx.Done():
			return nil
		}
	}
	var others sync.WaitGroup
	others.Go(func() { c.awaitForeign(ctx) })
	c.giveForeignTime(ctx)
	others.Go(func() { c.backfill.queue.Run(ctx) })
	others.Go(func() { c.followRequests(ctx) })
	c.queue.Run(ctx)
	others.Wait()
	return nil
}

// giveForeignTime waits for the objects of other controllers, but not for long: an API server that
// cannot list one kind must not keep every trigger from being reconciled.
func (c *Controller) giveForeignTime(ctx context.Context) {
	timer := c.Clock.NewTimer(foreignPatience)
	defer timer.Stop()
	select {
	case <-c.foreign:
		c.foreignKnown.Store(true) // before the first plan: what is known must not look unread
	case <-ctx.Done():
	case <-timer.C():
		c.Log.Info("Reconciling triggers although Ingresses, VirtualServices, Routes or Rollouts are not listed yet; "+
			"what bypasses the proxies stays as it was", "waited", foreignPatience.String())
	}
}

// awaitForeign makes all plans anew when the objects of other controllers are known.
func (c *Controller) awaitForeign(ctx context.Context) {
	select {
	case <-c.foreign:
		c.foreignKnown.Store(true)
		c.touchAll()
	case <-ctx.Done():
	}
}

func (c *Controller) attempt(ctx context.Context, partition partition) work.Next {
	if err := c.reconcile(ctx, partition); err != nil && ctx.Err() == nil {
		c.Log.Error(err, "Failed to apply what triggers need, will retry", "namespace", string(partition))
		return work.Retry()
	}
	return work.Done()
}

// reconcile makes a partition as it should be.
func (c *Controller) reconcile(ctx context.Context, partition partition) error {
	if !c.kinds.has(kindScaledObject) {
		return nil // what is not known is not absent: without KEDA nothing is made and nothing deleted
	}
	world, find, err := c.readWorld(ctx, partition)
	if err != nil {
		return err
	}
	made := plan.Make(world)
	if find.err != nil {
		return find.err
	}
	return c.carryOut(ctx, partition, world, made)
}

// of returns the partition of a namespace.
func (c *Controller) partitionOf(namespace string) partition {
	if c.Shared {
		return ""
	}
	return partition(namespace)
}

func (c *Controller) setting(s partition) plan.Setting {
	namespace := string(s)
	if c.Shared {
		namespace = c.Namespace
	}
	return plan.Setting{
		Proxy:         types.NamespacedName{Namespace: namespace, Name: v1alpha1.ProxyGatewayName},
		ClassName:     c.ClassName,
		Shared:        c.Shared,
		ScalerAddress: c.ScalerAddress,
		Hold:          c.Hold,
		Autowire:      c.Autowire,
		CountsOthers:  c.CountsOthers,
		Values:        c.values(),
	}
}

// values is the ConfigMap with the values of generated Gateways; without a name there are none.
func (c *Controller) values() types.NamespacedName {
	if c.Values == "" {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Values}
}

// touch asks for a look at the partition of a namespace.
func (c *Controller) touch(namespace string) { c.queue.AddAfter(c.partitionOf(namespace), batchDelay) }

// touchActive does so if the namespace has triggers of the product.
func (c *Controller) touchActive(namespace string) {
	c.mu.Lock()
	active := c.active[namespace]
	c.mu.Unlock()
	if active {
		c.touch(namespace)
	}
}

func (c *Controller) touchAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for namespace := range c.active {
		c.touch(namespace)
	}
}

// setActive notes whether a namespace has triggers of the product. It is set before the partition is
// looked at and taken back after, so that no change in between is missed.
func (c *Controller) setActive(namespace string, active bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if active {
		c.active[namespace] = true
	} else {
		delete(c.active, namespace)
	}
}
