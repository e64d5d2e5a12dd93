package offline

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Problem is something that is wrong with an object.
type Problem struct {
	Object resolve.Object
	// Warning: the object works, but perhaps not as its author thinks.
	Warning bool
	// InStatus: a condition says it.
	InStatus bool
	// Message names the field or condition, the cause and the fix.
	Message string
}

// String is one line.
func (p Problem) String() string {
	kind := "error"
	if p.Warning {
		kind = "warning"
	}
	return fmt.Sprintf("%s: %s %s: %s", kind, p.Object.Kind, p.Object.Key, p.Message)
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Object.Kind, b.Object.Kind), store.CompareKeys(a.Object.Key, b.Object.Key))
	})
}

// statusProblems are what the statuses say.
func statusProblems(updates []status.Update) (problems []Problem) {
	for _, update := range updates {
		for _, conditions := range conditionsOf(update.Value) {
			problems = append(problems, negatives(update.Object, conditions)...)
		}
	}
	return problems
}

// negatives are the conditions of an object that say that something is wrong.
func negatives(object resolve.Object, conditions []metav1.Condition) (problems []Problem) {
	for _, condition := range conditions {
		if negative(condition) {
			problems = append(problems, Problem{
				Object: object, InStatus: true, Warning: passing(condition),
				Message: fmt.Sprintf("%s=%s (%s): %s", condition.Type, condition.Status, condition.Reason, condition.Message),
			})
		}
	}
	return problems
}

// negative reports whether a condition says that something is wrong. Programmed is not among them: it follows the proxies.
func negative(condition metav1.Condition) bool {
	switch condition.Type {
	case "Accepted", "ResolvedRefs":
		return condition.Status == metav1.ConditionFalse
	case "Conflicted", "PartiallyInvalid", plan.ConditionBypassed:
		return condition.Status == metav1.ConditionTrue
	}
	return false
}

// passing reports whether such a condition ends by itself: with the first request, which files do not have.
func passing(condition metav1.Condition) bool { return condition.Type == plan.ConditionBypassed }

// conditionsOf returns the lists of conditions of a status.
func conditionsOf(value any) (lists [][]metav1.Condition) {
	switch value := value.(type) {
	case *gwv1.GatewayClassStatus:
		return [][]metav1.Condition{value.Conditions}
	case *gwv1.GatewayStatus:
		lists = append(lists, value.Conditions)
		for _, listener := range value.Listeners {
			lists = append(lists, listener.Conditions)
		}
	case *gwv1.ListenerSetStatus:
		lists = append(lists, value.Conditions)
		for _, listener := range value.Listeners {
			lists = append(lists, listener.Conditions)
		}
	case []gwv1.RouteParentStatus:
		for _, parent := range value {
			lists = append(lists, parent.Conditions)
		}
	case []gwv1.PolicyAncestorStatus:
		for _, ancestor := range value {
			lists = append(lists, ancestor.Conditions)
		}
	case []inferencev1.ParentStatus:
		for _, parent := range value {
			lists = append(lists, parent.Conditions)
		}
	}
	return lists
}

// missingParents are parentRefs that no controller answers: no status says anything about them.
func missingParents(f Finder, objects []client.Object) (problems []Problem) {
	for _, object := range objects {
		refs, kind := ParentRefs(object)
		for i, ref := range refs {
			if text := unanswered(f, object.GetNamespace(), ref); text != "" {
				problems = append(problems, Problem{
					Object:  resolve.Object{Kind: kind, Key: store.KeyOf(object)},
					Message: fmt.Sprintf("parentRefs[%d]: %s", i, text),
				})
			}
		}
	}
	return problems
}

// absent is said of a parent that does not exist.
const absent = "%s %s does not exist, so the route is served by none and gets no status; create it, or correct the reference"

// unanswered says why no status answers a parentRef; empty: one does, or the parent is no Gateway.
func unanswered(f Finder, namespace string, ref gwv1.ParentReference) string {
	kind := store.Kind(ptr.Deref(ref.Kind, gwv1.Kind(store.Gateway)))
	key := types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), namespace), Name: string(ref.Name)}
	switch kind {
	case store.Gateway:
	case store.ListenerSet:
		set := find[*gwv1.ListenerSet](f, kind, key)
		if set == nil {
			return fmt.Sprintf(absent, kind, key)
		}
		key = types.NamespacedName{
			Namespace: cmp.Or(string(ptr.Deref(set.Spec.ParentRef.Namespace, "")), set.Namespace), Name: string(set.Spec.ParentRef.Name),
		}
	default:
		return ""
	}
	gateway := f.Gateway(key)
	if gateway == nil {
		return fmt.Sprintf(absent, store.Gateway, key)
	}
	if class := string(gateway.Spec.GatewayClassName); !f.OurClass(class) {
		return fmt.Sprintf("Gateway %s has the class %q, which controller %s does not serve; another controller answers for the route, "+
			"or none: set gatewayClassName to %s to have it served here", key, class, v1alpha1.ControllerName, v1alpha1.GatewayClassName)
	}
	return ""
}

// ParentRefs returns the parentRefs of a route; kind is empty for other objects.
func ParentRefs(object client.Object) (refs []gwv1.ParentReference, kind store.Kind) {
	switch route := object.(type) {
	case *gwv1.HTTPRoute:
		return route.Spec.ParentRefs, store.HTTPRoute
	case *gwv1.GRPCRoute:
		return route.Spec.ParentRefs, store.GRPCRoute
	case *gwv1.TLSRoute:
		return route.Spec.ParentRefs, store.TLSRoute
	case *gwv1.TCPRoute:
		return route.Spec.ParentRefs, store.TCPRoute
	case *gwv1.UDPRoute:
		return route.Spec.ParentRefs, store.UDPRoute
	}
	return nil, ""
}
