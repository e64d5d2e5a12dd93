package plane

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// suspects are the rules that statuses call refused. A replica that starts finds them in the statuses of its predecessor, which
// stay until its own proxies have decided. The methods may be called from any goroutine.
type suspects struct {
	mu     sync.RWMutex
	routes map[ir.Source][]route.RefusedRule // few: a message lists no more
}

func newSuspects() *suspects { return &suspects{routes: map[ir.Source][]route.RefusedRule{}} }

// observe takes a version of an object in.
func (s *suspects) observe(kind store.Kind, object client.Object) {
	found := route.RefusedRules(store.RouteParents(object), object.GetGeneration())
	source := sourceOf(kind, object)
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.routes, source); len(found) > 0 {
		s.routes[source] = found
	}
}

// forget drops an object that was deleted.
func (s *suspects) forget(kind store.Kind, object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.routes, sourceOf(kind, object))
}

// form is isolate.Options.Suspected.
func (s *suspects) form(object ir.Source, rule string) resource.Form {
	object.Section = ""
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, refused := range s.routes[object] {
		if refused.Name != rule {
			continue
		}
		if refused.Absent {
			return resource.Absent
		}
		return resource.Failing
	}
	return resource.Whole
}

func sourceOf(kind store.Kind, object client.Object) ir.Source {
	return ir.Source{Kind: string(kind), Namespace: object.GetNamespace(), Name: object.GetName()}
}
