package route

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// namespaceAllowed reports whether the listener takes routes of the route's namespace.
// "Same" is the namespace of the object that declares the listener: of the ListenerSet, not
// of its Gateway.
func (r *routeResolver) namespaceAllowed(listener resolve.Listener) bool {
	from := gwv1.NamespacesFromSame
	if listener.Namespaces.From != nil {
		from = *listener.Namespaces.From
	}
	switch from {
	case gwv1.NamespacesFromAll:
		return true
	case gwv1.NamespacesFromSame:
		return listener.ID.Parent.Key.Namespace == r.object.Key.Namespace
	case gwv1.NamespacesFromSelector:
		selector, err := metav1.LabelSelectorAsSelector(listener.Namespaces.Selector)
		if err != nil {
			return false
		}
		return selector.Matches(r.namespaceLabels())
	default: // None, and values that a later API may add
		return false
	}
}

// namespaceLabels returns the labels of the route's namespace, with the one that the API
// server puts on every namespace: objects from files lack it.
func (r *routeResolver) namespaceLabels() labels.Set {
	set := labels.Set{corev1.LabelMetadataName: r.object.Key.Namespace}
	if namespace := r.view.Namespace(r.object.Key.Namespace); namespace != nil {
		maps.Copy(set, namespace.Labels)
	}
	return set
}
