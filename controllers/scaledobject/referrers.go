package scaledobject

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// referrers are the objects that refer to backends of another namespace. Without them, each
// plan of a namespace would list the routes of the cluster.
type referrers struct {
	mu   sync.Mutex
	keys map[reached]map[types.NamespacedName]struct{}
}

// reached is a kind of objects and the namespace that they refer to.
type reached struct{ kind, namespace string }

func newReferrers() *referrers {
	return &referrers{keys: map[reached]map[types.NamespacedName]struct{}{}}
}

// set replaces an object; either side may be nil.
func (x *referrers) set(kind string, before, after client.Object) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, to := range reachedBy(kind, before) {
		if delete(x.keys[to], store.KeyOf(before)); len(x.keys[to]) == 0 {
			delete(x.keys, to)
		}
	}
	for _, to := range reachedBy(kind, after) {
		if x.keys[to] == nil {
			x.keys[to] = map[types.NamespacedName]struct{}{}
		}
		x.keys[to][store.KeyOf(after)] = struct{}{}
	}
}

func reachedBy(kind string, object client.Object) []reached {
	if object == nil {
		return nil
	}
	var all []reached
	for _, namespace := range plan.Targets(object) {
		if namespace != object.GetNamespace() {
			all = append(all, reached{kind, namespace})
		}
	}
	return all
}

// into returns the objects of other namespaces that refer to backends of the namespace.
func (x *referrers) into(kind, namespace string) []types.NamespacedName {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Keys(x.keys[reached{kind, namespace}]))
}
