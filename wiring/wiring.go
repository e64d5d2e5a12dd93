package wiring

import (
	"sync"
	"sync/atomic"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/compare"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/controllers/work"
	"github.com/kedify/inference-gateway/wiring/plan"
	"github.com/kedify/inference-gateway/wiring/standby"
	"github.com/kedify/inference-gateway/wiring/streams"
)

const (
	// workers is how many namespaces are worked on at once.
	workers = 8
	// moveDelay and batchDelay let what changes together be planned together.
	moveDelay  = 10 * time.Millisecond
	batchDelay = 100 * time.Millisecond

	firstRetry = 100 * time.Millisecond
	// A move that failed is tried again soon: requests fail meanwhile.
	lastMoveRetry = 2 * time.Second
	lastRetry     = 30 * time.Second
)

// Wiring is one replica of the process.
type Wiring struct {
	deps    Deps
	metrics *metrics
	events  *events.Writer
	world   *world
	watcher *watch.Watcher
	// moves have a queue of their own: many objects to rewrite keep no Service from safety.
	moves, objects *work.Queue[string]
	machines       *machines
	memories       *memories
	refusals       *refusals
	engine         *apply.Engine
	patcher        *patcher
	waker          *waker
	standby        *standby.Server
	streams        *streams.Poller

	// leads: this replica rewrites, restores, moves back and deletes.
	leads atomic.Bool
	// ready: HTTPScalers, Services and EndpointSlices are known. foreignKnown: all other kinds are, too.
	ready, foreignKnown atomic.Bool
	// fresh: the API server answers, and informers are not behind it.
	fresh atomic.Bool
	// pods is done when Pods are watched.
	pods sync.Once
}

// New makes a Wiring; the caller runs its Runnables.
func New(deps Deps) (*Wiring, error) {
	deps.setDefaults()
	if err := deps.validate(); err != nil {
		return nil, err
	}
	w := &Wiring{deps: deps, world: newWorld()}
	var err error
	if w.metrics, err = newMetrics(deps.Registry); err != nil {
		return nil, err
	}
	// The objects of events are read live: ScaledObjects are not watched here.
	w.events = events.NewWriter(deps.API.Recorder, deps.API.Direct)
	w.patcher = newPatcher(deps.API.Direct, w.metrics)
	w.waker = newWaker(deps, w.events, w.metrics)
	w.engine = apply.New(apply.Options{
		Client: deps.API.Direct, Cache: deps.API.Cache, FieldOwner: fieldOwner, Owner: ownerOf,
		Lists: compare.Lists{Merged: []string{"ports", "ownerReferences"}}, Log: deps.Log,
	})
	w.watcher = watch.New(watch.Options{
		Informers: deps.API.Cache, Mapper: deps.API.Mapper, Scheme: deps.API.Scheme, Trims: deps.API.Trims,
		Clock: deps.Clock, Log: deps.Log.WithName("watch"),
	})
	w.standby = standby.New(standby.Options{TLS: deps.Options.kedaTLS()})
	w.streams = streams.New(streams.Options{
		Controllers: w.controllerAddresses, Token: tokenIn(deps.Options.TokenFile), Changed: w.streamsChanged, Clock: deps.Clock,
	})
	w.machines = newMachines(deps.Options)
	w.memories = &memories{all: map[string]plan.Memory{}}
	w.refusals = newRefusals()
	w.moves = work.New(work.Options[string]{
		Name: "wiring_moves", Workers: workers, FirstRetry: firstRetry, LastRetry: lastMoveRetry, Clock: deps.Clock, Do: w.move,
		Log: deps.Log,
	})
	w.objects = work.New(work.Options[string]{
		Name: "wiring_objects", Workers: workers, FirstRetry: firstRetry, LastRetry: lastRetry, Clock: deps.Clock, Do: w.wire,
		Log: deps.Log,
	})
	return w, nil
}

// ownerOf is the apply.OwnerPolicy. The label of the product is not enough: the Service of the proxies of a
// Gateway "web" has the name of the wired Service of a Service "web".
func ownerOf(live, desired client.Object) apply.Owner {
	same := func(of func(client.Object) map[string]string, key string) bool {
		return of(live)[key] == of(desired)[key]
	}
	own := v1alpha1.Managed(live)
	if _, slice := desired.(*discoveryv1.EndpointSlice); slice {
		own = own && same(client.Object.GetLabels, discoveryv1.LabelManagedBy) && same(client.Object.GetLabels, discoveryv1.LabelServiceName)
	} else {
		own = own && same(client.Object.GetAnnotations, v1alpha1.WiresAnnotation)
	}
	if own {
		return apply.Own
	}
	return apply.Foreign
}

// Ready reports whether the objects that moves to safety depend on are known.
func (w *Wiring) Ready() bool { return w.ready.Load() }
