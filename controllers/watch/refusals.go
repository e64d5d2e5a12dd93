package watch

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// askAgain is how often a request is repeated that the API server refused. A right comes without an event.
const askAgain = 3 * time.Second

// Refusals knows the kinds that the API server refuses to list, by namespace: the right to it is missing, or the namespace is. The
// informers that it makes do not fail by that. They keep what they have, and ask again until the API server answers.
type Refusals struct {
	clock clock.Clock
	log   logr.Logger

	mu sync.Mutex
	// places by namespace; empty: the objects of the cluster, of the namespace of the installation, or of all.
	places map[string]*place
	// changed are called after a change.
	changed []func()
}

// NewRefusals returns Refusals that know of none.
func NewRefusals(clock clock.Clock, log logr.Logger) *Refusals {
	return &Refusals{clock: clock, log: log, places: map[string]*place{}}
}

// NewInformer is the type of cache.Options.NewInformer.
type NewInformer = func(toolscache.ListerWatcher, runtime.Object, time.Duration, toolscache.Indexers) toolscache.SharedIndexInformer

// Around makes informers of a namespace that ask again when the API server refuses a kind that covers reports. An informer of another
// kind fails, as any does. The inner function may be nil.
func (r *Refusals) Around(
	inner NewInformer, scheme *runtime.Scheme, namespace string, covers func(schema.GroupVersionKind) bool,
) NewInformer {
	if inner == nil {
		inner = toolscache.NewSharedIndexInformer
	}
	at := r.place(namespace)
	return func(
		of toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers,
	) toolscache.SharedIndexInformer {
		if kind, err := apiutil.GVKForObject(object, scheme); err == nil && covers(kind) {
			of = at.patient(of, kind)
		}
		return inner(of, object, resync, indexers)
	}
}

func (r *Refusals) place(namespace string) *place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.places[namespace] == nil {
		r.places[namespace] = &place{
			all: r, namespace: namespace, kinds: map[schema.GroupVersionKind]bool{}, turn: make(chan struct{}, 1), again: make(chan struct{}),
		}
	}
	return r.places[namespace]
}

// Has reports whether the API server refuses to list a kind in a namespace; empty: in the cluster, in the namespace of the installation,
// or in all.
func (r *Refusals) Has(namespace string, kind schema.GroupVersionKind) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.places[namespace]
	return at != nil && at.kinds[kind]
}

// follow has a function called after each change. It must not block.
func (r *Refusals) follow(changed func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = append(r.changed, changed)
}

// refusedKinds is the metric of Refusals.
var refusedKinds = prometheus.NewDesc("kedify_gateway_watch_refused_kinds",
	"Kinds of objects that the API server refuses to list, by namespace; without a namespace: of the cluster, "+
		"of the namespace of the installation, or of all.",
	[]string{"namespace"}, nil)

// Describe implements prometheus.Collector.
func (r *Refusals) Describe(to chan<- *prometheus.Desc) { to <- refusedKinds }

// Collect implements prometheus.Collector.
func (r *Refusals) Collect(to chan<- prometheus.Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for namespace, at := range r.places {
		to <- prometheus.MustNewConstMetric(refusedKinds, prometheus.GaugeValue, float64(len(at.kinds)), namespace)
	}
}

// place is a namespace, or all of the cluster.
type place struct {
	all       *Refusals
	namespace string
	// turn has whoever asks again for the place: of many kinds that are refused, one is asked for at a time.
	turn chan struct{}

	// kinds that are refused, and again, which is closed and made anew when one of them is not any more; with all.mu.
	kinds map[schema.GroupVersionKind]bool
	again chan struct{}
}

// patient makes lists and watches that are not refused: they wait.
func (p *place) patient(of toolscache.ListerWatcher, kind schema.GroupVersionKind) toolscache.ListerWatcher {
	inner := toolscache.ToListerWatcherWithContext(of)
	return patient{of, &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (list runtime.Object, err error) {
			err = p.ask(ctx, kind, func() error {
				list, err = inner.ListWithContext(ctx, options)
				return err
			})
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (events apiwatch.Interface, err error) {
			err = p.ask(ctx, kind, func() error {
				events, err = inner.WatchWithContext(ctx, options)
				return err
			})
			return events, err
		},
	}}
}

// patient is a source whose requests wait instead of being refused.
type patient struct {
	of toolscache.ListerWatcher
	*toolscache.ListWatch
}

// IsWatchListSemanticsUnSupported tells a reflector what the source says.
func (p patient) IsWatchListSemanticsUnSupported() bool {
	of, says := p.of.(interface{ IsWatchListSemanticsUnSupported() bool })
	return says && of.IsWatchListSemanticsUnSupported()
}

// ask repeats a request until the API server does not refuse it. An informer that waits here is not synced, or keeps what it knows.
func (p *place) ask(ctx context.Context, kind schema.GroupVersionKind, request func() error) error {
	asks := false // it is this one's turn
	for {
		err := request()
		if !apierrors.IsForbidden(err) {
			p.answered(kind, asks)
			return err
		}
		again := p.refused(kind, err)
		if !asks {
			select {
			case p.turn <- struct{}{}:
				asks = true
			case <-again:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		pause := p.all.clock.NewTimer(askAgain)
		select {
		case <-pause.C():
		case <-ctx.Done():
			pause.Stop()
			<-p.turn
			return ctx.Err()
		}
	}
}

// refused notes that a kind is refused. The log has a line for the first of a namespace, whose others follow from the same cause.
func (p *place) refused(kind schema.GroupVersionKind, err error) (again <-chan struct{}) {
	p.all.mu.Lock()
	fresh, first := !p.kinds[kind], len(p.kinds) == 0
	p.kinds[kind] = true
	again = p.again
	p.all.mu.Unlock()
	if !fresh {
		return again
	}
	if first || p.namespace == "" {
		p.all.log.Info("The API server refuses to list objects, will ask again; what a replica did not read before its start, it serves without",
			"namespace", p.namespace, "kind", kind.Kind, "error", err.Error())
	}
	p.all.tell()
	return again
}

// answered notes that a kind is not refused any more, and has the others asked for.
func (p *place) answered(kind schema.GroupVersionKind, asked bool) {
	p.all.mu.Lock()
	was := p.kinds[kind]
	delete(p.kinds, kind)
	last := was && len(p.kinds) == 0
	if was {
		close(p.again)
		p.again = make(chan struct{})
	}
	p.all.mu.Unlock()
	if asked {
		<-p.turn
	}
	if last || was && p.namespace == "" {
		p.all.log.Info("The API server does not refuse to list objects any more", "namespace", p.namespace, "kind", kind.Kind)
	}
	if was {
		p.all.tell()
	}
}

func (r *Refusals) tell() {
	r.mu.Lock()
	changed := r.changed
	r.mu.Unlock()
	for _, each := range changed {
		each()
	}
}
