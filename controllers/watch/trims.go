package watch

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kedify/inference-gateway/internal/contain"
)

// Trims is the transform of a cache: it keeps out of memory what no reader needs.
type Trims struct {
	scheme   *runtime.Scheme
	fallback func(client.Object) client.Object

	mu   sync.RWMutex
	rows map[schema.GroupVersionKind]func(client.Object) client.Object
}

// NewTrims returns the trims of a cache. The fallback trims kinds whose rows have no Trim.
func NewTrims(scheme *runtime.Scheme, fallback func(client.Object) client.Object) *Trims {
	return &Trims{scheme: scheme, fallback: fallback, rows: map[schema.GroupVersionKind]func(client.Object) client.Object{}}
}

// Transform is the cache.Options.DefaultTransform.
func (t *Trims) Transform(object any) (any, error) {
	o, ok := object.(client.Object)
	if !ok {
		return object, nil
	}
	trim := t.fallback
	if gvk, err := apiutil.GVKForObject(o, t.scheme); err == nil {
		t.mu.RLock()
		if own, found := t.rows[gvk]; found {
			trim = own
		}
		t.mu.RUnlock()
	}
	o.SetManagedFields(nil)
	// Its reflector would end with a panic, and read nothing for ever with an error: an object that cannot be trimmed
	// takes more memory.
	trimmed, err := contain.Call(func() (client.Object, error) { return trim(o), nil })
	if err != nil {
		return object, nil //nolint:nilerr // see above
	}
	return trimmed, nil
}

// set is called before the informer of the kind starts. The first row of a kind decides: what the
// cache holds already was trimmed by it.
func (t *Trims) set(gvk schema.GroupVersionKind, trim func(client.Object) client.Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, decided := t.rows[gvk]; !decided {
		t.rows[gvk] = trim
	}
}
