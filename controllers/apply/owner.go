package apply

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Owner is the relation of a live object to the desired one.
type Owner int

const (
	// Foreign: the object belongs to another owner, or to none.
	Foreign Owner = iota
	// Own: the object has the owner that the desired one has.
	Own
	// Predecessor: the object belongs to an owner of the same name that was deleted.
	Predecessor
)

// OwnerPolicy decides who owns a live object.
type OwnerPolicy func(live, desired client.Object) Owner

// ByController compares the controllers that owner references name.
func ByController(live, desired client.Object) Owner {
	owner, wanted := metav1.GetControllerOf(live), metav1.GetControllerOf(desired)
	switch {
	case owner == nil || wanted == nil || owner.Kind != wanted.Kind || owner.Name != wanted.Name:
		return Foreign
	case owner.UID != wanted.UID:
		return Predecessor
	}
	return Own
}

// ByLabel takes every object with the label for the product's own.
func ByLabel(name, value string) OwnerPolicy {
	return func(live, _ client.Object) Owner {
		if live.GetLabels()[name] == value {
			return Own
		}
		return Foreign
	}
}

// checkOwner refuses to touch an object that belongs to another owner.
func (e *Engine) checkOwner(ctx context.Context, live, desired client.Object) error {
	switch e.options.Owner(live, desired) {
	case Own:
		return nil
	case Predecessor:
		if e.options.DeletePredecessors {
			return errors.Join(ErrPredecessor, e.delete(ctx, live))
		}
		return ErrPredecessor
	default:
		return ErrForeign
	}
}
