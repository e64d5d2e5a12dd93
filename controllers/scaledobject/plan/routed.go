package plan

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// target is a backend as routes name it.
type target struct {
	pool bool
	key  types.NamespacedName
	port int32
}

// userRoute is an object of the user that leads requests to backends. Only HTTPRoutes and
// GRPCRoutes have parents.
type userRoute struct {
	object   Object
	kind     string
	parents  []gwv1.ParentReference
	statuses []gwv1.RouteParentStatus
	// targets without ports.
	targets []target
}

// Targets returns the namespaces of the Services and pools that a route leads to, sorted: where a change of the
// route may matter. Namespaces that the route names without being permitted are none of them: its author must not have
// the plans of others made anew.
func Targets(route Object) []string {
	var namespaces []string
	read := readRoute(route)
	for _, to := range read.targets {
		if read.mayLeadTo(to) {
			namespaces = append(namespaces, to.key.Namespace)
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// Gateways returns the Gateways that a route names as parents.
func Gateways(route Object) []types.NamespacedName {
	var gateways []types.NamespacedName
	for _, parent := range readRoute(route).parents {
		if key, isGateway := parentKey(parent, route.GetNamespace()); isGateway {
			gateways = append(gateways, key)
		}
	}
	return gateways
}

func readRoute(object Object) userRoute {
	read := userRoute{object: object}
	add := func(ref gwv1.BackendRef) {
		if to, ok := backendOf(ref, object.GetNamespace()); ok {
			read.targets = append(read.targets, to)
		}
	}
	switch route := object.(type) {
	case *gwv1.HTTPRoute:
		read.kind, read.parents, read.statuses = foreign.HTTPRoute.Kind, route.Spec.ParentRefs, route.Status.Parents
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				add(ref.BackendRef)
			}
		}
	case *gwv1.GRPCRoute:
		read.kind, read.parents, read.statuses = foreign.GRPCRoute.Kind, route.Spec.ParentRefs, route.Status.Parents
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				add(ref.BackendRef)
			}
		}
	case *unstructured.Unstructured:
		read.kind, read.targets = route.GetKind(), foreignTargets(route)
	}
	return read
}

// userRoutes returns, by backend, the first route of the user on a Gateway of this controller.
func (m *maker) userRoutes() map[target]string {
	routed := map[target]string{}
	for _, attachment := range m.Attachments {
		where := m.servedBy(attachment)
		if attachment.Generated || where == "" {
			continue
		}
		for _, backend := range attachment.Backends {
			to := target{pool: backend.Kind == store.InferencePool, key: backend.Key, port: backend.Port}
			if _, known := routed[to]; !known {
				routed[to] = fmt.Sprintf("%s %s of %s", attachment.Route.Kind, attachment.Route.Key, where)
			}
		}
	}
	return routed
}

// servedBy returns the first parent that serves the route, without the generated Gateway: what that
// serves is the product's doing.
func (m *maker) servedBy(attachment *resolve.Attachment) string {
	for _, parent := range attachment.Parents {
		object := parent.Parent
		if object.Kind == store.Gateway && object.Key == m.Proxy {
			if gateway := m.Find.Gateway(object.Key); gateway == nil || Managed(gateway) {
				continue
			}
		}
		return fmt.Sprintf("%s %s", object.Kind, object.Key)
	}
	return ""
}

func (m *maker) gateway(isGateway bool, key types.NamespacedName) *gwv1.Gateway {
	if !isGateway {
		return nil
	}
	return m.Find.Gateway(key)
}

func parentKey(parent gwv1.ParentReference, namespace string) (key types.NamespacedName, isGateway bool) {
	key = types.NamespacedName{Namespace: namespace, Name: string(parent.Name)}
	if parent.Namespace != nil && *parent.Namespace != "" {
		key.Namespace = string(*parent.Namespace)
	}
	isGateway = (parent.Group == nil || *parent.Group == gwv1.GroupName) && (parent.Kind == nil || *parent.Kind == kindGateway)
	return key, isGateway
}

// targetOf reads a reference to a Service or an InferencePool.
func targetOf(ref gwv1.BackendRef, namespace string) (target, bool) {
	to, ok := backendOf(ref, namespace)
	switch {
	case !ok || to.pool:
		return to, ok
	case ref.Port == nil:
		return target{}, false
	}
	to.port = *ref.Port
	return to, true
}

func refNamespace(ref gwv1.BackendRef, namespace string) string {
	if ref.Namespace != nil && *ref.Namespace != "" {
		return string(*ref.Namespace)
	}
	return namespace
}

// attach finds the candidates whose backend a route of the user leads to.
func (m *maker) attach() {
	routed := m.userRoutes()
	counting := map[target]*candidate{}
	for _, c := range m.candidates {
		to, ok := c.target()
		if c.spec.Type != v1alpha1.TriggerHTTP || !ok {
			continue
		}
		c.routedBy = routed[to]
		if c.routedBy != "" && (counting[to] == nil || olderScaler(c, counting[to])) {
			counting[to] = c
		}
	}
	for _, c := range m.candidates {
		if c.routedBy == "" {
			continue
		}
		to, _ := c.target()
		if first := counting[to]; first != c {
			c.warnings = append(c.warnings, fmt.Sprintf(
				"the requests of %s count for HTTPScaler %s, the oldest one with this backend, and not for this trigger; "+
					"give each trigger a Service of its own",
				c.routedBy, first.key.Name))
		}
	}
}

// target is the backend that is compared with those of the user's routes.
func (c *candidate) target() (target, bool) {
	if c.pooled() {
		return target{pool: true, key: c.of(c.spec.Backend.InferencePool)}, true
	}
	for _, ref := range c.backends {
		if string(ref.Name) == c.spec.Backend.Service {
			return targetOf(ref, c.key.Namespace)
		}
	}
	return target{}, false
}

// olderScaler orders HTTPScalers as controllers/resolve does when several have one backend.
func olderScaler(a, b *candidate) bool {
	if a.live == nil || b.live == nil {
		return a.live != nil
	}
	return store.CompareAge(a.live, b.live) < 0
}
