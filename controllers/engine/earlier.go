package engine

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
)

// earlier are the statuses of routes that said, when the process started, that proxies refuse something. What another process
// learned from proxies stays said until the proxies of this one have decided: unknown is not accepted.
type earlier struct {
	statuses map[resolve.Object]earlierStatus
	// decided are the gateways whose proxies have since had everything that is desired.
	decided map[types.NamespacedName]bool
}

// earlierStatus is that of one generation of a route.
type earlierStatus struct {
	generation int64
	parents    []gwv1.RouteParentStatus
}

func newEarlier() *earlier {
	return &earlier{statuses: map[resolve.Object]earlierStatus{}, decided: map[types.NamespacedName]bool{}}
}

// observe takes a route that is there at the start.
func (e *earlier) observe(object resolve.Object, found client.Object) {
	parents := route.Refused(store.RouteParents(found), found.GetGeneration())
	if len(parents) > 0 {
		e.statuses[object] = earlierStatus{found.GetGeneration(), parents}
	}
}

// decide takes that the proxies of a gateway have everything, and returns the routes that this may matter to.
func (e *earlier) decide(gateway types.NamespacedName) (routes []resolve.Object) {
	if len(e.statuses) == 0 || e.decided[gateway] {
		return nil
	}
	e.decided[gateway] = true
	for object := range e.statuses {
		routes = append(routes, object)
	}
	return routes
}

// carry adds what the earlier status says to a status for which no proxy has decided.
func (e *earlier) carry(result *resolve.RouteResult, statuses []gwv1.RouteParentStatus) []gwv1.RouteParentStatus {
	before, known := e.statuses[result.Object]
	if !known || before.generation != result.Generation {
		return statuses
	}
	for i, parent := range result.Parents {
		if !e.decided[parent.Gateway] {
			statuses[i] = route.Carry(statuses[i], before.parents)
		}
	}
	return statuses
}

// noteEarlier keeps the status of a route that is there before the first flush.
func (m *Model) noteEarlier(kind store.Kind, object client.Object) {
	if !m.flushed {
		m.earlier.observe(resolve.Object{Kind: kind, Key: store.KeyOf(object)}, object)
	}
}

// decided has the statuses of routes made anew that told what an earlier process knew.
func (m *Model) decided(gateway types.NamespacedName) {
	for _, object := range m.earlier.decide(gateway) {
		m.graph.touch(rejectedOf(sourceOf(object.Kind, object.Key)))
	}
}
