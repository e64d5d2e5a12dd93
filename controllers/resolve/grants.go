package resolve

import (
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// grantFrom is the object that refers. Group is empty for the core group.
type grantFrom struct{ Group, Kind, Namespace string }

// grantTo is the object referred to.
type grantTo struct{ Group, Kind, Namespace, Name string }

// granted reports whether a reference may cross namespaces: within one namespace always,
// otherwise when a ReferenceGrant in the namespace of the target names both sides
// (Gateway API ReferenceGrantSpec). Grants are additive, so one that fits is enough.
func granted(v store.View, from grantFrom, to grantTo) bool {
	if from.Namespace == to.Namespace {
		return true
	}
	for _, grant := range v.ReferenceGrantsIn(to.Namespace) {
		if grantsFrom(grant.Spec.From, from) && grantsTo(grant.Spec.To, to) {
			return true
		}
	}
	return false
}

func grantsFrom(allowed []gwv1.ReferenceGrantFrom, from grantFrom) bool {
	for _, a := range allowed {
		if string(a.Group) == from.Group && string(a.Kind) == from.Kind && string(a.Namespace) == from.Namespace {
			return true
		}
	}
	return false
}

func grantsTo(allowed []gwv1.ReferenceGrantTo, to grantTo) bool {
	for _, a := range allowed {
		if string(a.Group) != to.Group || string(a.Kind) != to.Kind {
			continue
		}
		// No name, or an empty one, means every object of the kind.
		if a.Name == nil || *a.Name == "" || string(*a.Name) == to.Name {
			return true
		}
	}
	return false
}
