package listener

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// attachedSet is a ListenerSet that names the Gateway, and what the Gateway thinks of it.
type attachedSet struct {
	key        types.NamespacedName
	generation int64
	problem    resolve.Problem // why the Gateway does not let it attach
	owner      listenerOwner
}

// attachedSets returns the ListenerSets of the Gateway in the order of their precedence:
// oldest first, then by namespace and name (Gateway API ListenerSetSpec).
func attachedSets(v store.View, gateway *gwv1.Gateway) []attachedSet {
	objects := slices.Clone(v.ListenerSetsOf(store.KeyOf(gateway)))
	objects = slices.DeleteFunc(objects, func(set *gwv1.ListenerSet) bool { return !refersToGateway(set.Spec.ParentRef) })
	slices.SortFunc(objects, store.CompareAge[*gwv1.ListenerSet])
	sets := make([]attachedSet, 0, len(objects))
	for i, object := range objects {
		key := store.KeyOf(object)
		sets = append(sets, attachedSet{
			key:        key,
			generation: object.Generation,
			problem:    listenersAllowed(v, gateway, key.Namespace),
			owner: listenerOwner{
				object:     resolve.Object{Kind: store.ListenerSet, Key: key},
				generation: object.Generation,
				rank:       i + 1,
				listeners:  entriesAsListeners(object.Spec.Listeners),
			},
		})
	}
	return sets
}

func refersToGateway(ref gwv1.ParentGatewayReference) bool {
	return (ref.Group == nil || *ref.Group == gwv1.GroupName) && (ref.Kind == nil || *ref.Kind == "Gateway")
}

func entriesAsListeners(entries []gwv1.ListenerEntry) []gwv1.Listener {
	listeners := make([]gwv1.Listener, len(entries))
	for i, entry := range entries {
		listeners[i] = gwv1.Listener(entry)
	}
	return listeners
}

// listenersAllowed applies spec.allowedListeners, which allows no namespace by default.
func listenersAllowed(v store.View, gateway *gwv1.Gateway, namespace string) resolve.Problem {
	from := gwv1.NamespacesFromNone
	var selector *metav1.LabelSelector
	if allowed := gateway.Spec.AllowedListeners; allowed != nil && allowed.Namespaces != nil {
		selector = allowed.Namespaces.Selector
		if allowed.Namespaces.From != nil {
			from = *allowed.Namespaces.From
		}
	}
	const field = "spec.allowedListeners.namespaces"
	switch from {
	case gwv1.NamespacesFromAll:
		return resolve.Problem{}
	case gwv1.NamespacesFromSame:
		if namespace == gateway.Namespace {
			return resolve.Problem{}
		}
		return resolve.Problemf(gwv1.ListenerSetReasonNotAllowed,
			"%s.from of the Gateway is Same, and the ListenerSet is in another namespace; move it, "+
				"or ask the owner of the Gateway to allow namespace %s.", field, namespace)
	case gwv1.NamespacesFromSelector:
		return namespaceSelected(v, selector, namespace)
	default:
	}
	return resolve.Problemf(gwv1.ListenerSetReasonNotAllowed,
		"The Gateway allows no ListenerSets; ask its owner to set %s.from to Same, Selector or All.", field)
}

func namespaceSelected(v store.View, selector *metav1.LabelSelector, namespace string) resolve.Problem {
	const field = "spec.allowedListeners.namespaces.selector"
	if selector == nil {
		return resolve.Problemf(gwv1.ListenerSetReasonNotAllowed, "%s of the Gateway is missing; it is required when from is Selector.", field)
	}
	selects, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return resolve.Problemf(gwv1.ListenerSetReasonNotAllowed, "%s of the Gateway is not a valid label selector: %v.", field, err)
	}
	if object := v.Namespace(namespace); object != nil && selects.Matches(labels.Set(object.Labels)) {
		return resolve.Problem{}
	}
	return resolve.Problemf(gwv1.ListenerSetReasonNotAllowed,
		"%s of the Gateway does not match the labels of namespace %s; label the namespace so that it does.", field, namespace)
}

// result is what the set is worth, once its listeners and its Gateway are known.
func (s attachedSet) result(parent resolve.Problem, listeners []declared) resolve.ListenerSetResult {
	result := resolve.ListenerSetResult{Key: s.key, Generation: s.generation}
	accepted := s.accepted(parent, listeners)
	status := metav1.ConditionFalse
	switch {
	case accepted.None():
		accepted = resolve.Problemf(gwv1.ListenerSetReasonAccepted, "All listeners of the ListenerSet are accepted.")
		status = metav1.ConditionTrue
	case s.partly(parent, listeners):
		status = metav1.ConditionTrue
	}
	result.Accepted = status == metav1.ConditionTrue
	result.Conditions = []metav1.Condition{
		resolve.Condition(gwv1.ListenerSetConditionAccepted, status, accepted.Reason, accepted.Message, s.generation),
	}
	return result
}

func (s attachedSet) accepted(parent resolve.Problem, listeners []declared) resolve.Problem {
	if !s.problem.None() {
		return s.problem
	}
	if !parent.None() {
		return resolve.Problemf(gwv1.ListenerSetReasonParentNotAccepted,
			"The Gateway is not accepted (%s); its Accepted condition says what to do.", parent.Reason)
	}
	if bad := notAccepted(listeners); len(bad) > 0 {
		return resolve.Problemf(gwv1.ListenerSetReasonListenersNotValid,
			"Not accepted: %s; the conditions of each listener say why.", strings.Join(bad, ", "))
	}
	if !anyServes(listeners) {
		return resolve.Problemf(gwv1.ListenerSetReasonListenersNotValid,
			"No listener of the ListenerSet can serve; the conditions of each listener say why.")
	}
	return resolve.Problem{}
}

// partly reports whether some listeners can serve although others are not accepted.
func (s attachedSet) partly(parent resolve.Problem, listeners []declared) bool {
	return s.problem.None() && parent.None() && anyServes(listeners)
}

// anyServes reports whether the set is of any use: a set none of whose listeners has its
// certificates, for example, is not accepted (conformance test ListenerSetReferenceGrant).
func anyServes(listeners []declared) bool {
	for i := range listeners {
		if listeners[i].serves() {
			return true
		}
	}
	return false
}

// notAccepted names the listeners that are not accepted.
func notAccepted(listeners []declared) []string {
	var names []string
	for _, d := range listeners {
		if !d.acceptance().None() {
			names = append(names, fmt.Sprintf("listener %q", d.ID.Name))
		}
	}
	return names
}
