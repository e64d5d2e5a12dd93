package route

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/controllers/store"
)

// parent is one parentRef that leads to a Gateway of ours.
type parent struct {
	ref     gwv1.ParentReference
	gateway types.NamespacedName
	// attached is empty when the route was refused.
	attached []attachment
	refused  resolve.Problem
}

// attachment is one listener that takes the route.
type attachment struct {
	listener resolve.Listener
	// hostnames is the intersection of route and listener; one "*" for kinds without.
	hostnames []string
}

// parents follows the parentRefs, in their order, and leaves out those that are not ours to
// answer: other kinds, missing parents, Gateways of other controllers.
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
		p := parent{ref: ref, gateway: gateway.Key, refused: r.hostnameFault}
		if p.refused.None() {
			p.attached, p.refused = r.attach(fmt.Sprintf("parentRefs[%d]", i), ref, owner, gateway)
		}
		parents = append(parents, p)
	}
	return parents
}

// parentObject returns the Gateway or ListenerSet that a parentRef names.
func (r *routeResolver) parentObject(ref gwv1.ParentReference) (owner resolve.Object, ok bool) {
	if ref.Group != nil && *ref.Group != gwv1.GroupName {
		return resolve.Object{}, false
	}
	owner = resolve.Object{Kind: store.Gateway, Key: types.NamespacedName{Namespace: r.object.Key.Namespace, Name: string(ref.Name)}}
	if ref.Namespace != nil && *ref.Namespace != "" {
		owner.Key.Namespace = string(*ref.Namespace)
	}
	if ref.Kind != nil {
		owner.Kind = store.Kind(*ref.Kind)
	}
	return owner, owner.Kind == store.Gateway || owner.Kind == store.ListenerSet
}

// gatewayOf returns the Gateway behind a parent: itself, or the one a ListenerSet belongs to.
func (r *routeResolver) gatewayOf(owner resolve.Object) (gateway resolve.GatewayResult, exists bool) {
	key := owner.Key
	if owner.Kind == store.ListenerSet {
		set := r.view.ListenerSet(owner.Key)
		if set == nil {
			return resolve.GatewayResult{}, false
		}
		key = types.NamespacedName{Namespace: set.Namespace, Name: string(set.Spec.ParentRef.Name)}
		if ns := set.Spec.ParentRef.Namespace; ns != nil && *ns != "" {
			key.Namespace = string(*ns)
		}
	}
	return r.gateways(key), true
}

// attach finds the listeners of the owner that take the route. The reason of a refusal is
// the one of the last hurdle that some listener was stopped at: a listener that would have
// allowed the route but for its hostname says more than one of another name.
func (r *routeResolver) attach(path string, ref gwv1.ParentReference, owner resolve.Object, gateway resolve.GatewayResult) ([]attachment, resolve.Problem) {
	var named, accepted, fitting, allowing []resolve.Listener
	for _, listener := range gateway.Listeners {
		if listener.ID.Parent != owner || !refers(ref, listener) {
			continue
		}
		named = append(named, listener)
		if !listenerAccepted(listener) {
			continue
		}
		accepted = append(accepted, listener)
		if !listener.Takes(gwv1.Kind(r.object.Kind)) {
			continue
		}
		fitting = append(fitting, listener)
		if r.namespaceAllowed(listener) {
			allowing = append(allowing, listener)
		}
	}
	switch {
	case len(named) == 0:
		return nil, resolve.Problemf(gwv1.RouteReasonNoMatchingParent, "%s: %s", path, noListener(ref, owner, gateway))
	case len(accepted) == 0:
		return nil, resolve.Problemf(gwv1.RouteReasonNoMatchingParent,
			"%s: %s %s has no accepted listener for this reference; see the conditions of its listeners.", path, owner.Kind, owner.Key)
	case len(fitting) == 0:
		return nil, resolve.Problemf(gwv1.RouteReasonNotAllowedByListeners,
			"%s: no listener of %s %s takes the kind %s; refer to a listener whose protocol and allowedRoutes.kinds do.",
			path, owner.Kind, owner.Key, r.object.Kind)
	case len(allowing) == 0:
		return nil, resolve.Problemf(gwv1.RouteReasonNotAllowedByListeners,
			"%s: no listener of %s %s takes routes of namespace %s; let it in with allowedRoutes.namespaces of a listener.",
			path, owner.Kind, owner.Key, r.object.Key.Namespace)
	}
	return r.matchHostnames(path, allowing)
}

// matchHostnames keeps the listeners whose hostname meets one of the route.
func (r *routeResolver) matchHostnames(path string, listeners []resolve.Listener) ([]attachment, resolve.Problem) {
	var attached []attachment
	for _, listener := range listeners {
		hostnames := []string{hostname.Every}
		if listener.HasHostnames() {
			hostnames = hostname.Intersect(listener.Hostname, r.hostnames)
		}
		if len(hostnames) > 0 {
			attached = append(attached, attachment{listener: listener, hostnames: hostnames})
		}
	}
	if len(attached) == 0 {
		return nil, resolve.Problemf(gwv1.RouteReasonNoMatchingListenerHostname,
			"%s: none of spec.hostnames matches the hostname of a listener; add a hostname that one of the listeners has.", path)
	}
	return attached, resolve.Problem{}
}

func noListener(ref gwv1.ParentReference, owner resolve.Object, gateway resolve.GatewayResult) string {
	if owner.Kind == store.ListenerSet && !setAccepted(gateway, owner.Key) {
		return fmt.Sprintf("ListenerSet %s is not accepted by Gateway %s; see its conditions.", owner.Key, gateway.Key)
	}
	wanted := "listeners"
	switch {
	case ref.SectionName != nil && *ref.SectionName != "" && ref.Port != nil:
		wanted = fmt.Sprintf("listener with name %q and port %d", *ref.SectionName, *ref.Port)
	case ref.SectionName != nil && *ref.SectionName != "":
		wanted = fmt.Sprintf("listener with name %q", *ref.SectionName)
	case ref.Port != nil:
		wanted = fmt.Sprintf("listener with port %d", *ref.Port)
	}
	return fmt.Sprintf("%s %s has no %s; correct sectionName and port, or leave them out.", owner.Kind, owner.Key, wanted)
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
	if ref.SectionName != nil && *ref.SectionName != "" && string(*ref.SectionName) != listener.ID.Name {
		return false
	}
	return ref.Port == nil || *ref.Port == 0 || uint32(*ref.Port) == listener.Port
}

// listenerAccepted reports whether routes may attach: the listener is valid and in no
// conflict. Its own references need not resolve (Gateway API, ListenerStatus.attachedRoutes).
func listenerAccepted(listener resolve.Listener) bool {
	return meta.IsStatusConditionTrue(listener.Conditions, string(gwv1.ListenerConditionAccepted))
}
