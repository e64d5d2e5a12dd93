package attachments

import (
	"slices"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

func route(kind store.Kind, namespace, name string) resolve.Object {
	return resolve.Object{Kind: kind, Key: types.NamespacedName{Namespace: namespace, Name: name}}
}

// to is the attachment of a route with a backend in each of the namespaces.
func to(route resolve.Object, namespaces ...string) *resolve.Attachment {
	attachment := &resolve.Attachment{Route: route}
	for _, namespace := range namespaces {
		backend := resolve.BackendRef{Kind: store.Service, Key: types.NamespacedName{Namespace: namespace, Name: "web"}, Port: 80}
		attachment.Backends = append(attachment.Backends, backend)
	}
	return attachment
}

func routesOf(attachments []*resolve.Attachment) (routes []resolve.Object) {
	for _, attachment := range attachments {
		routes = append(routes, attachment.Route)
	}
	return routes
}

func TestIndexOrder(t *testing.T) {
	index := New()
	grpc, b, a, other := route(store.GRPCRoute, "a", "a"), route(store.HTTPRoute, "b", "a"), route(store.HTTPRoute, "a", "z"),
		route(store.HTTPRoute, "b", "b")
	for _, object := range []resolve.Object{grpc, b, a} {
		index.Set(object, to(object, "shop", "shop"))
	}
	index.Set(other, to(other, "infra"))
	if got, want := routesOf(index.LeadingTo("shop")), []resolve.Object{a, b, grpc}; !slices.Equal(got, want) {
		t.Errorf("in namespace shop: %v, want %v", got, want)
	}
	if got, want := routesOf(index.LeadingTo("")), []resolve.Object{a, b, other, grpc}; !slices.Equal(got, want) {
		t.Errorf("in all namespaces: %v, want %v", got, want)
	}
	if got := index.LeadingTo("elsewhere"); len(got) > 0 {
		t.Errorf("in a namespace without backends: %v", got)
	}
}

// Observers hear of the namespaces of before and of now, and can read the index.
func TestIndexChanges(t *testing.T) {
	index := New()
	object := route(store.HTTPRoute, "apps", "web")
	var observed []string
	index.Observe(func(namespace string) {
		observed = append(observed, namespace)
		index.LeadingTo(namespace)
	})
	for _, step := range []struct {
		now      *resolve.Attachment
		observed []string
		leading  map[string]int
	}{
		{to(object, "shop", "infra", "shop"), []string{"infra", "shop"}, map[string]int{"shop": 1, "infra": 1, "": 1}},
		{to(object, "shop", "apps"), []string{"apps", "infra", "shop"}, map[string]int{"shop": 1, "infra": 0, "apps": 1, "": 1}},
		{nil, []string{"apps", "shop"}, map[string]int{"shop": 0, "apps": 0, "": 0}},
		{nil, nil, map[string]int{"": 0}},
	} {
		observed = nil
		index.Set(object, step.now)
		if !slices.Equal(observed, step.observed) {
			t.Errorf("observed %q, want %q", observed, step.observed)
		}
		for namespace, want := range step.leading {
			if got := len(index.LeadingTo(namespace)); got != want {
				t.Errorf("%d attachments lead to namespace %q, want %d", got, namespace, want)
			}
		}
	}
	if len(index.routes)+len(index.leading) > 0 {
		t.Errorf("an index without attachments keeps %v and %v", index.routes, index.leading)
	}
}

func TestIndexSynced(t *testing.T) {
	index := New()
	select {
	case <-index.Synced():
		t.Fatal("synced before it was set")
	default:
	}
	index.SetSynced()
	index.SetSynced()
	<-index.Synced()
}

// Set, Observe and LeadingTo from several goroutines: the race detector is the test.
func TestIndexConcurrently(t *testing.T) {
	index := New()
	object := route(store.HTTPRoute, "apps", "web")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				index.Set(object, to(object, "shop"))
				index.Observe(func(string) {})
				index.LeadingTo("shop")
				index.Set(object, nil)
			}
		})
	}
	group.Wait()
	if got := index.LeadingTo(""); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}
