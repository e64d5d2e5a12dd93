package scaledobject

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// syncedReader reads the cache. A kind that is not synced has no objects there; the cache itself
// would wait for its informer.
type syncedReader struct {
	cache  client.Reader
	client client.Client
	kinds  *kinds
}

func (r syncedReader) synced(object runtime.Object) bool {
	gvk, err := r.client.GroupVersionKindFor(object)
	return err == nil && r.kinds.has(strings.TrimSuffix(gvk.Kind, "List"))
}

// Get implements client.Reader.
func (r syncedReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if !r.synced(object) {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	return r.cache.Get(ctx, key, object, options...)
}

// List implements client.Reader. The objects are shared with the cache and must not be modified.
func (r syncedReader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if !r.synced(list) {
		return nil
	}
	return r.cache.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...)
}
