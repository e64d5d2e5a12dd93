package watch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Readable makes informers that an object without a Go form does not stop.
//
// The schema of a CRD may permit what the Go type of a field does not parse: "1e1.5" is a quantity by the pattern
// that generators write, and resource.Quantity refuses it. A typed list with one such object is an error as a
// whole, so its author takes the objects of all tenants from every replica. Here a kind that cannot be decoded as
// a whole is read without types and converted object by object. A route that has no Go form comes with what
// can be read and v1alpha1.UnreadableAnnotation, and is refused; other objects are as if they were not there,
// and are logged.
type Readable struct {
	// client lists and watches without types, past any cache.
	client client.WithWatch
	scheme *runtime.Scheme
	log    logr.Logger
}

// NewReadable returns a Readable for the caches of a cluster. The caches are to be made from the config afterwards: it has the requests
// of their informers tell of which namespace they are.
func NewReadable(config *rest.Config, scheme *runtime.Scheme, log logr.Logger) (Readable, error) {
	config.Wrap(locating)
	made, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	return Readable{client: made, scheme: scheme, log: log}, err
}

// NewInformer is cache.Options.NewInformer. The cache must select no objects but by namespace: the selectors of a cache are not
// known here.
func (r Readable) NewInformer(
	typed toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	return toolscache.NewSharedIndexInformer(r.source(typed, object), object, resync, indexers)
}

// source returns what an informer of the kind reads.
func (r Readable) source(typed toolscache.ListerWatcher, object runtime.Object) toolscache.ListerWatcher {
	switch object.(type) {
	case runtime.Unstructured, *metav1.PartialObjectMetadata:
		return typed // every object has these forms
	}
	gvk, err := apiutil.GVKForObject(object, r.scheme)
	if err != nil {
		return typed
	}
	s := &source{
		client: r.client, scheme: r.scheme, gvk: gvk, log: r.log.WithValues("kind", gvk.Kind),
		typed: toolscache.ToListerWatcherWithContext(typed),
	}
	return &toolscache.ListWatch{ListWithContextFunc: s.list, WatchFuncWithContext: s.watch}
}

// source lists and watches one kind.
type source struct {
	client client.WithWatch
	scheme *runtime.Scheme
	gvk    schema.GroupVersionKind
	typed  toolscache.ListerWatcherWithContext
	log    logr.Logger
	// untyped: an object could not be decoded. A list without such an object ends it.
	untyped atomic.Bool
	// at is where the last request with types went: this informer is of one namespace, or of all.
	at location
}

func (s *source) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list, err := s.typed.ListWithContext(s.at.learn(ctx), options)
	if err == nil {
		s.untyped.Store(false)
		return list, nil
	}
	if !undecoded(ctx, err) {
		return list, err
	}
	s.untyped.Store(true)
	return s.listOneByOne(ctx, options)
}

// listOneByOne lists object by object.
func (s *source) listOneByOne(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	found := s.emptyList()
	if err := s.client.List(ctx, found, &client.ListOptions{Raw: &options, Namespace: s.at.namespace()}); err != nil {
		return nil, err
	}
	var items []runtime.Object
	for i := range found.Items {
		if object, _ := s.convert(&found.Items[i]); object != nil {
			items = append(items, object)
		}
	}
	list, err := s.scheme.New(s.gvk.GroupVersion().WithKind(s.gvk.Kind + "List"))
	if err != nil {
		return nil, err
	}
	if err := meta.SetList(list, items); err != nil {
		return nil, err
	}
	of, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	of.SetResourceVersion(found.GetResourceVersion())
	of.SetContinue(found.GetContinue())
	of.SetRemainingItemCount(found.GetRemainingItemCount())
	return list, nil
}

func (s *source) emptyList() *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(s.gvk.GroupVersion().WithKind(s.gvk.Kind + "List"))
	return list
}

func (s *source) empty() (client.Object, error) {
	made, err := s.scheme.New(s.gvk)
	if err != nil {
		return nil, err
	}
	typed, ok := made.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%s is no object", s.gvk)
	}
	return typed, nil
}

func (s *source) watch(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
	if s.untyped.Load() {
		events, err := s.client.Watch(ctx, s.emptyList(), &client.ListOptions{Raw: &options, Namespace: s.at.namespace()})
		if err != nil {
			return nil, err
		}
		return newEvents(events, s.converting()), nil
	}
	events, err := s.typed.WatchWithContext(s.at.learn(ctx), options)
	if err != nil {
		return nil, err
	}
	return newEvents(events, s.noticed), nil
}

// noticed passes an event on. After one that could not be decoded the informer asks anew, without types.
func (s *source) noticed(event apiwatch.Event) (apiwatch.Event, bool) {
	if event.Type == apiwatch.Error && undecodedEvent(event.Object) {
		s.untyped.Store(true)
	}
	return event, true
}

// converting gives the object of an event its Go form. An object that is to be absent is deleted for the informer.
// When all that there is was sent and has a Go form, the next watch is one with types.
func (s *source) converting() func(apiwatch.Event) (apiwatch.Event, bool) {
	refused := false
	return func(event apiwatch.Event) (apiwatch.Event, bool) {
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok || event.Type == apiwatch.Error {
			return event, true
		}
		if event.Type == apiwatch.Bookmark && object.GetAnnotations()[metav1.InitialEventsAnnotationKey] != "" {
			s.untyped.Store(refused)
		}
		typed, err := s.convert(object)
		refused = refused || err != nil
		if typed != nil {
			return apiwatch.Event{Type: event.Type, Object: typed}, true
		}
		if typed, err = s.empty(); err != nil {
			return event, false
		}
		typed.SetNamespace(object.GetNamespace())
		typed.SetName(object.GetName())
		typed.SetUID(object.GetUID())
		typed.SetResourceVersion(object.GetResourceVersion())
		return apiwatch.Event{Type: apiwatch.Deleted, Object: typed}, true
	}
}

// undecoded reports whether the API server answered, and not with an error: what it said could not be decoded.
func undecoded(ctx context.Context, err error) bool {
	var status apierrors.APIStatus
	var transport *url.Error
	return ctx.Err() == nil && !errors.As(err, &status) && !errors.As(err, &transport)
}

// undecodedEvent reports whether client-go could not decode an event.
func undecodedEvent(object runtime.Object) bool {
	status, ok := object.(*metav1.Status)
	if !ok || status.Details == nil {
		return false
	}
	for _, cause := range status.Details.Causes {
		if cause.Type == metav1.CauseType("ClientWatchDecoding") {
			return true
		}
	}
	return false
}

// events passes the events of a watch on, changed. Unlike apiwatch.Filter it ends with Stop when its events are not read any more, as
// a reflector leaves them.
type events struct {
	from   apiwatch.Interface
	change func(apiwatch.Event) (changed apiwatch.Event, pass bool)
	to     chan apiwatch.Event
	done   chan struct{}
	stop   func()
}

func newEvents(from apiwatch.Interface, change func(apiwatch.Event) (apiwatch.Event, bool)) *events {
	e := &events{from: from, change: change, to: make(chan apiwatch.Event), done: make(chan struct{})}
	e.stop = sync.OnceFunc(func() { close(e.done); from.Stop() })
	go e.run()
	return e
}

func (e *events) run() {
	defer close(e.to)
	for event := range e.from.ResultChan() {
		changed, pass := e.change(event)
		if !pass {
			continue
		}
		select {
		case e.to <- changed:
		case <-e.done:
			return
		}
	}
}

// ResultChan implements watch.Interface.
func (e *events) ResultChan() <-chan apiwatch.Event { return e.to }

// Stop implements watch.Interface.
func (e *events) Stop() { e.stop() }
