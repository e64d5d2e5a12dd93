package apply

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Pruned is a kind whose objects are deleted when they are not desired any more.
type Pruned struct {
	// List is an empty list of the kind.
	List client.ObjectList
	// Select tells which objects may be deleted.
	Select func(client.Object) bool
}

// Prune deletes the selected objects that are not desired, kind by kind. An object that cannot be
// deleted keeps no other from being deleted.
func (e *Engine) Prune(ctx context.Context, kinds []Pruned, desired []client.Object, options ...client.ListOption) error {
	keep := map[string]bool{}
	for _, object := range desired {
		keep[e.describe(object)] = true
	}
	var reader client.Reader = e.options.Client
	if e.options.Cache != nil {
		reader = e.options.Cache
	}
	var problems []error
	for _, kind := range kinds {
		list := kind.List.DeepCopyObject().(client.ObjectList)
		if err := reader.List(ctx, list, options...); err != nil {
			return errors.Join(append(problems, fmt.Errorf("list %T: %w", list, err))...)
		}
		problems = append(problems, meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			if !kind.Select(object) || keep[e.describe(object)] || !object.GetDeletionTimestamp().IsZero() {
				return nil
			}
			e.options.Log.Info("Deleting an object that is not needed any more", "object", e.describe(object))
			if err := e.delete(ctx, object); err != nil {
				problems = append(problems, err)
			}
			return nil
		}))
	}
	return errors.Join(problems...)
}

// delete deletes exactly this object, not one of the same name that came after it.
func (e *Engine) delete(ctx context.Context, object client.Object) error {
	doomed := emptyOf(object)
	doomed.SetNamespace(object.GetNamespace())
	doomed.SetName(object.GetName())
	err := e.options.Client.Delete(ctx, doomed,
		client.Preconditions{UID: ptr.To(object.GetUID())}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s: %w", e.describe(object), err)
	}
	return nil
}
