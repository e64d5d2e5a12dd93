package watch

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/scope"
)

// NewCache makes caches of the watched namespaces: for each kind of them an informer in each, for each kind of the cluster one.
func NewCache(watched scope.Scope) cache.NewCacheFunc {
	if watched.All() {
		return cache.New
	}
	return func(config *rest.Config, options cache.Options) (cache.Cache, error) {
		options.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range watched.Namespaces() {
			options.DefaultNamespaces[namespace] = cache.Config{}
		}
		made, err := cache.New(config, options)
		if err != nil {
			return nil, err
		}
		return Scoped(made, watched), nil
	}
}

// Scoped is a cache in which there is nothing in namespaces that are not watched. To that of controller-runtime, a question about them is
// an error: a reader could not tell it from one that the API server did not answer.
func Scoped(of cache.Cache, watched scope.Scope) cache.Cache { return scoped{of, watched} }

type scoped struct {
	cache.Cache
	watched scope.Scope
}

// Get implements client.Reader.
func (s scoped) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if !s.watched.Has(key.Namespace) {
		return apierrors.NewNotFound(schema.GroupResource{}, key.String())
	}
	return s.Cache.Get(ctx, key, object, options...)
}

// List implements client.Reader.
func (s scoped) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var of client.ListOptions
	of.ApplyOptions(options)
	if !s.watched.Has(of.Namespace) {
		return meta.SetList(list, nil)
	}
	return s.Cache.List(ctx, list, options...)
}
