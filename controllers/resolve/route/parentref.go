package route

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/controllers/store"
)

// parent is one parentRef that leads to a Gateway of this controller.
type parent struct {
	path    string // "parentRefs[1]"
	ref     gwv1.ParentReference
	gateway types.NamespacedName
	// attached is empty when there is a problem.
	attached []attachment
	problem  resolve.Problem
}

// attachment is one listener that takes the route.
type attachment struct {
	listener resolve.Listener
	// hostnames is the intersection of route and listener; one "*" for kinds without.
	hostnames []hostname.Shared
}

// parents follows the parentRefs, in their order, and leaves out those that this controller does
// not answer: other kinds, missing parents, Gateways of other controllers.
func (r *routeResolver) parents(refs []gwv1.ParentReference) []parent {
	var parents []parent
	for i, ref := range refs {
		owner, ok := r.parentObject(ref)
		if !ok {
			continue
		}
		gateway, exists := r.gatewayOf(owner)
		if !exists || !gateway.Owned {
			continue
		}
		p := parent{path: fmt.Sprintf("parentRefs[%d]", i), ref: ref, gateway: gateway.Key, problem: r.refusal()}
		if p.problem.None() {
			p.attached, p.problem = r.attach(parentReference{p.path, ref, owner, gateway})
		}
		parents = append(parents, p)
	}
	return parents
}

// refusal is why no parent takes the route.
func (r *routeResolver) refusal() resolve.Problem {
	if text := r.meta.Annotations[v1alpha1.UnreadableAnnotation]; text != "" {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "A field of the route cannot be read: %s; correct it.", text)
	}
	return r.hostnameProblem
}

// parentObject returns the Gateway or ListenerSet that a parentRef names.
func (r *routeResolver) parentObject(ref gwv1.ParentReference) (owner resolve.Object, ok bool) {
	owner = resolve.Object{
		Kind: store.Kind(ptr.Deref(ref.Kind, gwv1.Kind(store.Gateway))),
		Key: types.NamespacedName{
			Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), r.object.Key.Namespace),
			Name:      string(ref.Name),
		},
	}
	ours := ptr.Deref(ref.Group, gwv1.GroupName) == gwv1.GroupName
	return owner, ours && (owner.Kind == store.Gateway || owner.Kind == store.ListenerSet)
}

// gatewayOf returns the Gateway behind a parent: itself, or the one a ListenerSet belongs to.
func (r *routeResolver) gatewayOf(owner resolve.Object) (gateway resolve.GatewayResult, exists bool) {
	key := owner.Key
	if owner.Kind == store.ListenerSet {
		set := r.view.ListenerSet(owner.Key)
		if set == nil {
			return resolve.GatewayResult{}, false
		}
		ref := set.Spec.ParentRef
		key = types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), set.Namespace), Name: string(ref.Name)}
	}
	return r.gateways(key), true
}

// parentReference is a parentRef with what it leads to.
type parentReference struct {
	path    string // "parentRefs[1]"
	ref     gwv1.ParentReference
	owner   resolve.Object
	gateway resolve.GatewayResult
}

// requirement is one thing that a listener must fulfil to take a route.
type requirement struct {
	passes func(resolve.Listener) bool
	// problem is that of a route when no listener passes, this being what stopped them.
	problem func(parentReference) resolve.Problem
}

// requirements are those of an attachment, in the order in which listeners are sorted out.
func (r *routeResolver) requirements(ref gwv1.ParentReference) []requirement {
	return []requirement{
		{func(l resolve.Listener) bool { return refers(ref, l) }, noListener},
		{listenerAccepted, noneAccepted},
		{func(l resolve.Listener) bool { return l.Takes(gwv1.Kind(r.object.Kind)) }, r.kindNotAllowed},
		{r.namespaceAllowed, r.namespaceNotAllowed},
		{func(l resolve.Listener) bool { return len(r.sharedHostnames(l)) > 0 }, noSharedHostname},
	}
}

// attach finds the listeners of the owner that take the route. The problem is that of the last
// requirement that some listener came to: a listener that would have allowed the route but for its
// hostname says more than one of another name.
func (r *routeResolver) attach(to parentReference) ([]attachment, resolve.Problem) {
	candidates := to.gateway.ListenersOf(to.owner)
	for _, required := range r.requirements(to.ref) {
		candidates = slices.DeleteFunc(candidates, func(l resolve.Listener) bool { return !required.passes(l) })
		if len(candidates) == 0 {
			return nil, required.problem(to)
		}
	}
	attached := make([]attachment, len(candidates))
	for i, listener := range candidates {
		attached[i] = attachment{listener: listener, hostnames: r.sharedHostnames(listener)}
	}
	return attached, resolve.Problem{}
}

// sharedHostnames returns the hostnames that route and listener have in common.
func (r *routeResolver) sharedHostnames(listener resolve.Listener) []hostname.Shared {
	if !listener.HasHostnames() {
		return []hostname.Shared{{Name: hostname.Every, Route: hostname.Every}}
	}
	return hostname.Intersect(listener.Hostname, r.hostnames)
}

func noneAccepted(to parentReference) resolve.Problem {
	return resolve.Problemf(gwv1.RouteReasonNoMatchingParent,
		"%s: %s %s has no accepted listener for this reference; see the conditions of its listeners.",
		to.path, to.owner.Kind, to.owner.Key)
}

func (r *routeResolver) kindNotAllowed(to parentReference) resolve.Problem {
	return resolve.Problemf(gwv1.RouteReasonNotAllowedByListeners,
		"%s: no listener of %s %s takes the kind %s; refer to a listener whose protocol and allowedRoutes.kinds do.",
		to.path, to.owner.Kind, to.owner.Key, r.object.Kind)
}

func (r *routeResolver) namespaceNotAllowed(to parentReference) resolve.Problem {
	return resolve.Problemf(gwv1.RouteReasonNotAllowedByListeners,
		"%s: no listener of %s %s takes routes of namespace %s; let it in with allowedRoutes.namespaces of a listener.",
		to.path, to.owner.Kind, to.owner.Key, r.object.Key.Namespace)
}

func noSharedHostname(to parentReference) resolve.Problem {
	return resolve.Problemf(gwv1.RouteReasonNoMatchingListenerHostname,
		"%s: none of spec.hostnames matches the hostname of a listener; add a hostname that one of the listeners has.", to.path)
}

func noListener(to parentReference) resolve.Problem {
	if to.owner.Kind == store.ListenerSet && !setAccepted(to.gateway, to.owner.Key) {
		return resolve.Problemf(gwv1.RouteReasonNoMatchingParent,
			"%s: ListenerSet %s is not accepted by Gateway %s; see its conditions.", to.path, to.owner.Key, to.gateway.Key)
	}
	wanted := "listeners"
	section := ptr.Deref(to.ref.SectionName, "")
	switch {
	case section != "" && to.ref.Port != nil:
		wanted = fmt.Sprintf("listener with name %q and port %d", section, *to.ref.Port)
	case section != "":
		wanted = fmt.Sprintf("listener with name %q", section)
	case to.ref.Port != nil:
		wanted = fmt.Sprintf("listener with port %d", *to.ref.Port)
	}
	return resolve.Problemf(gwv1.RouteReasonNoMatchingParent,
		"%s: %s %s has no %s; correct sectionName and port, or leave them out.", to.path, to.owner.Kind, to.owner.Key, wanted)
}

func setAccepted(gateway resolve.GatewayResult, key types.NamespacedName) bool {
	for _, set := range gateway.ListenerSets {
		if set.Key == key {
			return set.Accepted
		}
	}
	return false
}

// refers reports whether the parentRef means the listener: sectionName and port must both
// match where they are set.
func refers(ref gwv1.ParentReference, listener resolve.Listener) bool {
	section, port := string(ptr.Deref(ref.SectionName, "")), uint32(ptr.Deref(ref.Port, 0))
	return (section == "" || section == listener.ID.Name) && (port == 0 || port == listener.Port)
}

// listenerAccepted reports whether routes may attach: the listener is valid and in no
// conflict. Its own references need not resolve (Gateway API, ListenerStatus.attachedRoutes).
func listenerAccepted(listener resolve.Listener) bool {
	return meta.IsStatusConditionTrue(listener.Conditions, string(gwv1.ListenerConditionAccepted))
}
