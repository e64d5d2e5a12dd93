package resolve

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// Attachment is an HTTPRoute or GRPCRoute that a Gateway of this controller serves, with the backends
// that it leads to.
type Attachment struct {
	Route Object
	// Generated: the product made the route, for a trigger.
	Generated bool
	// Parents that accepted the route, in the order of its parentRefs; at least one.
	Parents []AttachedParent
	// Backends of its rules, in their order and unique; at least one.
	Backends []BackendRef
}

// AttachedParent is a Gateway or ListenerSet that accepted a route.
type AttachedParent struct {
	Parent Object
	// Gateway is the parent, or that of the ListenerSet.
	Gateway types.NamespacedName
}

// BackendRef is a Service or InferencePool that a route may refer to. It may not exist.
type BackendRef struct {
	Kind store.Kind
	Key  types.NamespacedName
	// Port of a Service; 0 for a pool.
	Port int32
}

// Attachment returns where the route is served; nil when it is not, or leads to no backend.
func (r *RouteResult) Attachment() *Attachment {
	if len(r.Backends) == 0 {
		return nil
	}
	var parents []AttachedParent
	for _, parent := range r.Parents {
		if len(parent.Attached) > 0 {
			parents = append(parents, AttachedParent{Parent: parent.object(r.Object.Key.Namespace), Gateway: parent.Gateway})
		}
	}
	if len(parents) == 0 {
		return nil
	}
	return &Attachment{Route: r.Object, Generated: r.Generated, Parents: parents, Backends: r.Backends}
}

// object is what the parentRef of a route in the namespace names.
func (p RouteParent) object(namespace string) Object {
	return Object{
		Kind: store.Kind(ptr.Deref(p.Ref.Kind, gwv1.Kind(store.Gateway))),
		Key:  types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(p.Ref.Namespace, "")), namespace), Name: string(p.Ref.Name)},
	}
}
