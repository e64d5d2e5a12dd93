package watch

import (
	"context"
	"errors"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kedify/inference-gateway/controllers/scope"
)

// Caches makes the caches of a process.
type Caches struct {
	// Own is the namespace of the installation. Its Roles and the ClusterRole come with the chart: what they lack keeps a replica that
	// starts from serving, but for the kinds of which Dispensable reports true.
	Own         string
	Watched     scope.Scope
	Dispensable func(schema.GroupVersionKind) bool
	Refusals    *Refusals
}

// KindsOf reports which kinds objects are of.
func KindsOf(scheme *runtime.Scheme, objects []client.Object) (func(schema.GroupVersionKind) bool, error) {
	kinds := map[schema.GroupVersionKind]bool{}
	for _, object := range objects {
		kind, err := apiutil.GVKForObject(object, scheme)
		if err != nil {
			return nil, err
		}
		kinds[kind] = true
	}
	return func(kind schema.GroupVersionKind) bool { return kinds[kind] }, nil
}

// New is a cache.NewCacheFunc: a cache of the watched namespaces.
func (c Caches) New(config *rest.Config, options cache.Options) (cache.Cache, error) {
	return c.Make(options.Scheme, options.Mapper, func(namespace string, around func(NewInformer) NewInformer) (cache.Cache, error) {
		part := options
		part.NewInformer = around(options.NewInformer)
		if namespace != "" {
			part.DefaultNamespaces = map[string]cache.Config{namespace: {}}
		}
		return cache.New(config, part)
	})
}

// Make makes a cache of parts: one of all namespaces, or one for each namespace that is watched, of which that of the installation has
// the objects of the cluster, too. The informers of a part are to be made around those that it would have otherwise.
func (c Caches) Make(
	scheme *runtime.Scheme, mapper meta.RESTMapper, part func(namespace string, around func(NewInformer) NewInformer) (cache.Cache, error),
) (cache.Cache, error) {
	if c.Watched.All() {
		return part("", c.around(scheme, "", c.Dispensable))
	}
	own, err := part(c.Own, c.around(scheme, "", c.Dispensable))
	if err != nil {
		return nil, err
	}
	made := &scoped{Cache: own, own: c.Own, scheme: scheme, mapper: mapper}
	for _, namespace := range c.Watched.Namespaces() {
		if namespace == c.Own {
			continue
		}
		of, err := part(namespace, c.around(scheme, namespace, func(schema.GroupVersionKind) bool { return true }))
		if err != nil {
			return nil, err
		}
		made.members = append(made.members, &member{Cache: of, namespace: namespace, joined: map[*watched]*joined{}})
	}
	return made, nil
}

func (c Caches) around(scheme *runtime.Scheme, namespace string, covers func(schema.GroupVersionKind) bool) func(NewInformer) NewInformer {
	return func(inner NewInformer) NewInformer { return c.Refusals.Around(inner, scheme, namespace, covers) }
}

// scoped is a cache of some namespaces. The embedded cache is that of the namespace of the installation and of the cluster; its informers
// are what GetInformer returns. A Watcher has those of the members besides. There is nothing in a namespace that is not watched, nor in
// one that has not opened: a question about it has an answer, unlike in the cache of controller-runtime for several namespaces.
type scoped struct {
	cache.Cache
	own     string
	scheme  *runtime.Scheme
	mapper  meta.RESTMapper
	members []*member
}

// member is a watched namespace other than that of the installation. Its administrators may take the rights to it away. A Watcher opens
// it, whole, when each kind in it could be read, and does not wait for that.
type member struct {
	cache.Cache
	namespace string
	// open: readers find what is in it. It stays open: what was read is the last that is known.
	open atomic.Bool
	// refused: a kind was refused before it opened. This and joined belong to the goroutine of Watcher.Run.
	refused bool
	joined  map[*watched]*joined
}

// reader of a namespace; nil: there is nothing in it.
func (s *scoped) reader(namespace string) client.Reader {
	if namespace == "" || namespace == s.own {
		return s.Cache
	}
	for _, member := range s.members {
		if member.namespace == namespace && member.open.Load() {
			return member.Cache
		}
	}
	return nil
}

// Get implements client.Reader.
func (s *scoped) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	reader := s.reader(key.Namespace)
	if reader == nil {
		return apierrors.NewNotFound(schema.GroupResource{}, key.String())
	}
	return reader.Get(ctx, key, object, options...)
}

// List implements client.Reader. It knows no limit.
func (s *scoped) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var of client.ListOptions
	of.ApplyOptions(options)
	namespaced, err := apiutil.IsObjectNamespaced(list, s.scheme, s.mapper)
	if err != nil {
		return err
	}
	if of.Namespace != "" || !namespaced {
		if reader := s.reader(of.Namespace); reader != nil {
			return reader.List(ctx, list, options...)
		}
		return meta.SetList(list, nil)
	}
	each := list.DeepCopyObject().(client.ObjectList)
	if err := s.Cache.List(ctx, list, options...); err != nil {
		return err
	}
	all, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	for _, member := range s.members {
		if !member.open.Load() {
			continue
		}
		if err := member.List(ctx, each, options...); err != nil {
			return err
		}
		found, err := meta.ExtractList(each)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	return meta.SetList(list, all)
}

// Start implements cache.Informers.
func (s *scoped) Start(ctx context.Context) error {
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return s.Cache.Start(ctx) })
	for _, member := range s.members {
		running.Go(func() error { return member.Start(ctx) })
	}
	if err := running.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
