package apitest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kedify/inference-gateway/controllers/watch"
)

// informers is a cache whose reads go to the API server and whose informers watch it.
type informers struct {
	informertest.FakeInformers
	client.Reader
	ctx     context.Context
	api     *Server
	running *sync.WaitGroup
	// namespace of the objects; empty: all. Own: with those of the cluster.
	namespace string
	own       bool
	new       watch.NewInformer

	mu   sync.Mutex
	made map[informed]toolscache.SharedIndexInformer
}

// informed is a kind with a Go type, or without.
type informed struct {
	schema.GroupVersionKind
	untyped bool
}

// Cache returns a cache of its own for a process. Its informers run until the context ends; running
// waits for them.
func (s *Server) Cache(ctx context.Context, running *sync.WaitGroup) cache.Cache {
	return s.CacheOf(ctx, running, watch.Caches{
		Dispensable: func(schema.GroupVersionKind) bool { return false }, Refusals: watch.NewRefusals(clock.RealClock{}, logr.Discard()),
	})
}

// CacheOf is a cache as these make it.
func (s *Server) CacheOf(ctx context.Context, running *sync.WaitGroup, caches watch.Caches) cache.Cache {
	made, err := caches.Make(s.Scheme, s.Mapper(),
		func(namespace string, around func(watch.NewInformer) watch.NewInformer) (cache.Cache, error) {
			return &informers{
				FakeInformers: informertest.FakeInformers{Scheme: s.Scheme}, Reader: s.Client, ctx: ctx, api: s, running: running,
				namespace: namespace, own: namespace == caches.Own, new: around(nil), made: map[informed]toolscache.SharedIndexInformer{},
			}, nil
		})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// has reports whether the cache has the objects of a namespace; empty: those of the cluster.
func (i *informers) has(namespace string) bool {
	return i.namespace == "" || namespace == i.namespace || namespace == "" && i.own
}

func (i *informers) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return i.Reader.Get(ctx, key, object, options...)
}

func (i *informers) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if err := i.Reader.List(ctx, list, options...); err != nil || i.namespace == "" {
		return err
	}
	return i.leaveOut(list)
}

// leaveOut drops the objects that the cache does not have.
func (i *informers) leaveOut(list client.ObjectList) error {
	all, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	return meta.SetList(list, slices.DeleteFunc(all, func(object runtime.Object) bool {
		return !i.has(object.(client.Object).GetNamespace())
	}))
}

func (i *informers) GetInformer(ctx context.Context, object client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	gvk, err := apiutil.GVKForObject(object, i.api.Scheme)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	_, untyped := object.(*unstructured.Unstructured)
	key := informed{gvk, untyped}
	if made, ok := i.made[key]; ok {
		return made, nil
	}
	made := i.new(&listWatch{ctx: i.ctx, api: i.api, of: i, informed: key}, object, 0, toolscache.Indexers{})
	i.made[key] = made
	i.running.Go(func() { made.RunWithContext(i.ctx) })
	return made, nil
}

// listWatch watches before it lists: the fake API server has no history, and what is written
// between a list and a watch would be lost.
type listWatch struct {
	ctx context.Context
	api *Server
	of  *informers
	informed
	watcher apiwatch.Interface
}

// IsWatchListSemanticsUnSupported has a reflector list.
func (l *listWatch) IsWatchListSemanticsUnSupported() bool { return true }

func (l *listWatch) list() (client.ObjectList, error) {
	gvk := listKind(l.GroupVersionKind)
	if l.untyped {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk)
		return list, nil
	}
	if !l.api.Scheme.Recognizes(gvk) { // a CustomResourceDefinition: there are none
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk)
		return list, nil
	}
	list, err := l.api.Scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	return list.(client.ObjectList), nil
}

func (l *listWatch) List(metav1.ListOptions) (runtime.Object, error) {
	list, err := l.list()
	if err != nil {
		return nil, err
	}
	if _, none := list.(*metav1.PartialObjectMetadataList); none {
		l.watcher = apiwatch.NewFake()
		return list, nil
	}
	if _, refused := l.api.unlisted.Load(l.Kind); refused {
		return nil, errors.New("the conversion webhook is away")
	}
	if l.api.refused(l.of.namespace, l.Kind) {
		return nil, apierrors.NewForbidden(schema.GroupResource{Group: l.Group, Resource: l.Kind}, "", errors.New("no role permits it"))
	}
	if l.watcher, err = l.api.Client.Watch(l.ctx, list); err != nil {
		return nil, err
	}
	if l.untyped {
		l.watcher = newRelay(l.watcher, l.untype)
	}
	if l.of.namespace != "" {
		l.watcher = newRelay(l.watcher, l.within)
	}
	// A reflector that ends between its list and its watch stops no watcher.
	context.AfterFunc(l.ctx, l.watcher.Stop)
	return list, l.of.List(l.ctx, list)
}

// within passes the events of objects that the cache has.
func (l *listWatch) within(event apiwatch.Event) (apiwatch.Event, bool) {
	object, is := event.Object.(client.Object)
	return event, !is || l.of.has(object.GetNamespace())
}

// untype makes the object of an event unstructured: the fake client keeps what has a Go type typed.
func (l *listWatch) untype(event apiwatch.Event) (apiwatch.Event, bool) {
	if _, is := event.Object.(*unstructured.Unstructured); is {
		return event, true
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(event.Object)
	if err != nil {
		l.api.t.Error(err)
		return event, false
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(l.GroupVersionKind)
	event.Object = object
	return event, true
}

func (l *listWatch) Watch(metav1.ListOptions) (apiwatch.Interface, error) { return l.watcher, nil }

// relay is a watch whose events are changed on the way. That of client-go keeps its goroutine when a
// reflector stops reading.
type relay struct {
	apiwatch.Interface
	results chan apiwatch.Event
	stopped chan struct{}
	stop    func()
}

func newRelay(from apiwatch.Interface, change func(apiwatch.Event) (apiwatch.Event, bool)) *relay {
	r := &relay{Interface: from, results: make(chan apiwatch.Event), stopped: make(chan struct{})}
	r.stop = sync.OnceFunc(func() { close(r.stopped); from.Stop() })
	go func() {
		defer close(r.results)
		for event := range from.ResultChan() {
			changed, keep := change(event)
			if !keep {
				continue
			}
			select {
			case r.results <- changed:
			case <-r.stopped:
				return
			}
		}
	}()
	return r
}

// Stop implements apiwatch.Interface.
func (r *relay) Stop() { r.stop() }

// ResultChan implements apiwatch.Interface.
func (r *relay) ResultChan() <-chan apiwatch.Event { return r.results }
