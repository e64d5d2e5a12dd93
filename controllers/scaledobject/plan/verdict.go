package plan

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// verdict is what the status of a generated route says against it. The trigger says the same: its owner did
// not write the route, and does not look at it.
type verdict struct {
	unresolved []explanation // its references do not resolve
	unserved   []explanation // it is not served as it is written, for another reason
	heard      bool          // it has a status of this controller
}

// verdicts returns those of the generated routes. A status of an earlier generation is one, too: what was
// wrong counts as wrong until a newer status says otherwise.
func verdicts(w World) map[resolve.Object]verdict {
	all := map[resolve.Object]verdict{}
	add := func(kind store.Kind, route Object, parents []gwv1.RouteParentStatus) {
		if Generated(route) {
			key := types.NamespacedName{Namespace: route.GetNamespace(), Name: route.GetName()}
			all[resolve.Object{Kind: kind, Key: key}] = verdictOf(string(kind)+" "+key.String(), parents)
		}
	}
	for _, route := range w.HTTPRoutes {
		add(store.HTTPRoute, route, route.Status.Parents)
	}
	for _, route := range w.TLSRoutes {
		add(store.TLSRoute, route, route.Status.Parents)
	}
	return all
}

func verdictOf(route string, parents []gwv1.RouteParentStatus) (said verdict) {
	for _, parent := range parents {
		if parent.ControllerName != v1alpha1.ControllerName {
			continue
		}
		said.heard = true
		told := false // a later condition repeats what an earlier one says
		for _, condition := range parent.Conditions {
			why := explanation{condition.Reason, route + ": " + condition.Message}
			switch {
			case !speaksAgainst(condition):
			case condition.Type == string(gwv1.RouteConditionResolvedRefs):
				said.unresolved = append(said.unresolved, why)
			case !told:
				said.unserved = append(said.unserved, why)
				told = true
			}
		}
	}
	return said
}

// speaksAgainst reports whether the condition of a route says that something is not in force.
func speaksAgainst(condition metav1.Condition) bool {
	if condition.Type == string(gwv1.RouteConditionPartiallyInvalid) {
		return condition.Status == metav1.ConditionTrue
	}
	return condition.Status == metav1.ConditionFalse
}

// hear takes over what the status of the candidate's routes says. What the trigger itself knows of its
// references is in its own words, and comes first.
func (m *maker) hear(c *candidate, routes []Object) {
	var unresolved []explanation
	for _, route := range routes {
		said := m.verdicts[routeID(route)]
		unresolved = append(unresolved, said.unresolved...)
		c.unserved = append(c.unserved, said.unserved...)
		if !said.heard {
			c.unheard = fmt.Sprintf("%s %s", route.GetObjectKind().GroupVersionKind().Kind, route.GetName())
		}
	}
	if len(c.unresolved) == 0 {
		c.unresolved = unresolved
	}
}

func routeID(route Object) resolve.Object {
	return resolve.Object{
		Kind: store.Kind(route.GetObjectKind().GroupVersionKind().Kind),
		Key:  types.NamespacedName{Namespace: route.GetNamespace(), Name: route.GetName()},
	}
}

// Heard are the entries of a route's status that a plan reads: of a generated route those of this controller, for its
// trigger; of any other route those of other controllers, for what they permit it to refer to.
func Heard(route Object, parents []gwv1.RouteParentStatus) []gwv1.RouteParentStatus {
	own := Generated(route)
	return slices.DeleteFunc(slices.Clone(parents), func(parent gwv1.RouteParentStatus) bool {
		return (parent.ControllerName == v1alpha1.ControllerName) != own
	})
}
