package scaledobject

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// maxAbroad is how many objects of a kind in one other namespace a plan reads: their owner must not decide how long
// the plans of a neighbour take.
const maxAbroad = 100

// referrers are the objects that refer to backends of another namespace. Without them, each
// plan of a namespace would list the routes of the cluster.
type referrers struct {
	mu sync.Mutex
	// made is when each of them was made, by what it refers to and the namespace that it is in.
	made map[reached]map[string]map[types.NamespacedName]time.Time
	// served are the namespaces whose backends the routes of a Gateway lead to, by route.
	served map[types.NamespacedName]map[referrer][]string
}

// reached is a kind of objects and the namespace that they refer to.
type reached struct{ kind, namespace string }

// referrer is an object.
type referrer struct {
	kind string
	key  types.NamespacedName
}

func newReferrers() *referrers {
	return &referrers{
		made:   map[reached]map[string]map[types.NamespacedName]time.Time{},
		served: map[types.NamespacedName]map[referrer][]string{},
	}
}

// set replaces an object; either side may be nil.
func (x *referrers) set(kind string, before, after client.Object) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if before != nil {
		x.remove(kind, before)
	}
	if after != nil {
		x.add(kind, after)
	}
}

func (x *referrers) remove(kind string, object client.Object) {
	from, key := object.GetNamespace(), store.KeyOf(object)
	for _, namespace := range plan.Targets(object) {
		to := reached{kind, namespace}
		if delete(x.made[to][from], key); len(x.made[to][from]) == 0 {
			delete(x.made[to], from)
		}
		if len(x.made[to]) == 0 {
			delete(x.made, to)
		}
	}
	for _, gateway := range plan.Gateways(object) {
		if delete(x.served[gateway], referrer{kind, key}); len(x.served[gateway]) == 0 {
			delete(x.served, gateway)
		}
	}
}

func (x *referrers) add(kind string, object client.Object) {
	from, key := object.GetNamespace(), store.KeyOf(object)
	targets := plan.Targets(object)
	for _, namespace := range targets {
		if namespace == from {
			continue
		}
		to := reached{kind, namespace}
		if x.made[to] == nil {
			x.made[to] = map[string]map[types.NamespacedName]time.Time{}
		}
		if x.made[to][from] == nil {
			x.made[to][from] = map[types.NamespacedName]time.Time{}
		}
		x.made[to][from][key] = object.GetCreationTimestamp().Time
	}
	for _, gateway := range plan.Gateways(object) {
		if x.served[gateway] == nil {
			x.served[gateway] = map[referrer][]string{}
		}
		x.served[gateway][referrer{kind, key}] = targets
	}
}

// into returns the objects of other namespaces that refer to backends of the namespace, of each at most the
// maxAbroad that were made first.
func (x *referrers) into(kind, namespace string) []types.NamespacedName {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []types.NamespacedName
	for _, made := range x.made[reached{kind, namespace}] {
		keys := slices.SortedFunc(maps.Keys(made), func(a, b types.NamespacedName) int {
			return cmp.Or(made[a].Compare(made[b]), store.CompareKeys(a, b))
		})
		all = append(all, keys[:min(len(keys), maxAbroad)]...)
	}
	return all
}

// behind returns the namespaces whose backends the routes of a Gateway lead to.
func (x *referrers) behind(gateway types.NamespacedName) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []string
	for _, targets := range x.served[gateway] {
		all = append(all, targets...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
