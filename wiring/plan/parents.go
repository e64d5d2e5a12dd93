package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// servers say whether the product's proxies, and whether others, serve a foreign object.
type servers struct{ here, elsewhere bool }

// concern reports whether a reference of the object is looked at. One that leads to the proxies already
// stays while nothing is known of the object's parents.
func (s servers) concern(u *use) bool { return s.elsewhere || u.leads && !s.here }

// servedBy reads the parents of a route, and what controllers say of them. Of a route that nothing is
// known of neither is true: it may be the product's.
func (m *maker) servedBy(object *unstructured.Unstructured) servers {
	if object.GroupVersionKind().Group != gwv1.GroupName {
		return servers{elsewhere: true} // a kind without parents
	}
	var found servers
	for _, status := range mapsAt(object.Object, "status", "parents") {
		switch controller, _, _ := unstructured.NestedString(status, "controllerName"); {
		case controller == v1alpha1.ControllerName:
			found.here = true
		case accepted(status):
			found.elsewhere = true
		}
	}
	for _, parent := range mapsAt(object.Object, "spec", "parentRefs") {
		gateway := m.gateway(parent, object.GetNamespace())
		switch {
		case gateway == nil:
		case m.Find.OurClass(string(gateway.Spec.GatewayClassName)):
			found.here = true
		default:
			found.elsewhere = true
		}
	}
	return found
}

func accepted(parent map[string]any) bool {
	for _, condition := range mapsAt(parent, "conditions") {
		if condition["type"] == string(gwv1.RouteConditionAccepted) {
			return condition["status"] == "True"
		}
	}
	return false
}

// gateway returns the Gateway that a parentRef names; nil: it names another kind, or there is none.
func (m *maker) gateway(parent map[string]any, namespace string) *gwv1.Gateway {
	text := func(field, otherwise string) string {
		if value, _, _ := unstructured.NestedString(parent, field); value != "" {
			return value
		}
		return otherwise
	}
	if text("group", gwv1.GroupName) != gwv1.GroupName || text("kind", "Gateway") != "Gateway" {
		return nil
	}
	return m.Find.Gateway(types.NamespacedName{Namespace: text("namespace", namespace), Name: text("name", "")})
}

// mapsAt returns the objects of a list; what is not one is left out.
func mapsAt(object map[string]any, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	items, _ := list.([]any)
	var found []map[string]any
	for _, item := range items {
		if content, ok := item.(map[string]any); ok {
			found = append(found, content)
		}
	}
	return found
}
