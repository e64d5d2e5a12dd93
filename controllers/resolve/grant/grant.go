// Package grant answers whether a ReferenceGrant permits a reference across namespaces.
//
// Job, inputs, outputs: a store.View and the two ends of the reference in, yes or no out.
// Ownership: PURE (package resolve).
package grant

import (
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// From is the object that refers. Group is empty for the core group.
type From struct{ Group, Kind, Namespace string }

// To is the object referred to.
type To struct{ Group, Kind, Namespace, Name string }

// Permitted reports whether a reference may cross namespaces: within one namespace always,
// otherwise when a ReferenceGrant in the namespace of the target names both sides
// (Gateway API ReferenceGrantSpec). Grants are additive, so one that fits is enough.
func Permitted(v store.View, from From, to To) bool {
	if from.Namespace == to.Namespace {
		return true
	}
	for _, grant := range v.ReferenceGrantsIn(to.Namespace) {
		if Fits(grant, from, to) {
			return true
		}
	}
	return false
}

// Fits reports whether one grant names both sides. It is one of the namespace of the target.
func Fits(grant *gwv1.ReferenceGrant, from From, to To) bool {
	return grant.Namespace == to.Namespace && grantsFrom(grant.Spec.From, from) && grantsTo(grant.Spec.To, to)
}

func grantsFrom(allowed []gwv1.ReferenceGrantFrom, from From) bool {
	for _, a := range allowed {
		if string(a.Group) == from.Group && string(a.Kind) == from.Kind && string(a.Namespace) == from.Namespace {
			return true
		}
	}
	return false
}

func grantsTo(allowed []gwv1.ReferenceGrantTo, to To) bool {
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
