package attachments

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Index holds the attachments of all routes.
type Index struct {
	mu        sync.RWMutex
	routes    map[resolve.Object]*resolve.Attachment
	leading   map[string]map[resolve.Object]*resolve.Attachment // by namespace of a backend
	observers []func(namespace string)

	once   sync.Once
	synced chan struct{}
}

// New returns an empty index.
func New() *Index {
	return &Index{
		routes: map[resolve.Object]*resolve.Attachment{}, leading: map[string]map[resolve.Object]*resolve.Attachment{},
		synced: make(chan struct{}),
	}
}

// Set replaces the attachment of a route; nil removes it. Then it calls the observers, once per
// namespace of a backend of before or now.
func (i *Index) Set(route resolve.Object, now *resolve.Attachment) {
	namespaces, observers := i.replace(route, now)
	for _, namespace := range namespaces {
		for _, observe := range observers {
			observe(namespace)
		}
	}
}

func (i *Index) replace(route resolve.Object, now *resolve.Attachment) (namespaces []string, observers []func(string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	touched := map[string]struct{}{}
	for namespace := range namespacesOf(i.routes[route]) {
		touched[namespace] = struct{}{}
		if delete(i.leading[namespace], route); len(i.leading[namespace]) == 0 {
			delete(i.leading, namespace)
		}
	}
	delete(i.routes, route)
	if now != nil {
		i.routes[route] = now
	}
	for namespace := range namespacesOf(now) {
		touched[namespace] = struct{}{}
		if i.leading[namespace] == nil {
			i.leading[namespace] = map[resolve.Object]*resolve.Attachment{}
		}
		i.leading[namespace][route] = now
	}
	return slices.Sorted(maps.Keys(touched)), i.observers
}

func namespacesOf(attachment *resolve.Attachment) map[string]struct{} {
	namespaces := map[string]struct{}{}
	if attachment != nil {
		for _, backend := range attachment.Backends {
			namespaces[backend.Key.Namespace] = struct{}{}
		}
	}
	return namespaces
}

// LeadingTo returns the attachments with a backend in the namespace, empty: all. HTTPRoutes come before
// GRPCRoutes, each by namespace and name.
func (i *Index) LeadingTo(namespace string) []*resolve.Attachment {
	i.mu.RLock()
	from := i.routes
	if namespace != "" {
		from = i.leading[namespace]
	}
	found := slices.AppendSeq(make([]*resolve.Attachment, 0, len(from)), maps.Values(from))
	i.mu.RUnlock()
	slices.SortFunc(found, compare)
	return found
}

func compare(a, b *resolve.Attachment) int {
	return cmp.Or(-cmp.Compare(a.Route.Kind, b.Route.Kind), store.CompareKeys(a.Route.Key, b.Route.Key)) // "HTTPRoute" > "GRPCRoute"
}

// Observe has a function called after each change, with the namespace of a backend. It must not block.
func (i *Index) Observe(observe func(namespace string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.observers = append(i.observers[:len(i.observers):len(i.observers)], observe)
}

// SetSynced tells that the index has every attachment that existed at the start.
func (i *Index) SetSynced() { i.once.Do(func() { close(i.synced) }) }

// Synced is closed by SetSynced. Before, an attachment that is missing says nothing.
func (i *Index) Synced() <-chan struct{} { return i.synced }
