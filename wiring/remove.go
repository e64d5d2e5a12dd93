package wiring

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// removeWired deletes wired Services that nothing leads to. It waits for those that something leads to.
func (u *Unwiring) removeWired(ctx context.Context) error {
	for deadline := u.Clock.Now().Add(u.Timeout); ; {
		left, err := u.removeUnused(ctx)
		if err != nil || len(left) == 0 {
			return err
		}
		if u.Clock.Now().After(deadline) {
			for _, line := range left {
				u.say("Left: %s", line)
			}
			return fmt.Errorf("%w: %d wired Services; point the objects elsewhere and run this again", ErrLeft, len(left))
		}
		if err := u.wait(ctx, unwirePoll); err != nil {
			return err
		}
	}
}

// removeUnused returns a line for each wired Service that something still leads to.
func (u *Unwiring) removeUnused(ctx context.Context) (left []string, err error) {
	services := &corev1.ServiceList{}
	if err := u.Client.List(ctx, services, client.InNamespace(u.Namespace), managed); err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	wired := map[types.NamespacedName]bool{}
	for i := range services.Items {
		if original, _ := mirror.Original(&services.Items[i]); original != "" {
			wired[store.KeyOf(&services.Items[i])] = true
		}
	}
	if len(wired) == 0 {
		return nil, nil
	}
	leading, err := u.leadingTo(ctx, wired)
	if err != nil {
		return nil, err
	}
	unused := map[types.NamespacedName]bool{}
	for _, key := range slices.SortedFunc(maps.Keys(wired), store.CompareKeys) {
		leads := leading[key]
		if leads.user != "" {
			left = append(left, fmt.Sprintf("Service %s: %s leads to it", key, leads.user))
			continue
		}
		if leads.stranger != "" {
			u.say("Warning: %s, of another namespace, leads to Service %s, which is deleted nevertheless: the product did not rewire it, "+
				"and no ReferenceGrant permits it (%d such references)", leads.stranger, key, leads.strangers)
		}
		unused[key] = true
	}
	return left, u.remove(ctx, unused)
}

// managed selects what the product made.
var managed = client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}

// remove deletes wired Services, their slices, and grants that were repeated for them.
func (u *Unwiring) remove(ctx context.Context, unused map[types.NamespacedName]bool) error {
	engine := apply.New(apply.Options{Client: u.Client, FieldOwner: fieldOwner, Log: u.Log})
	kinds := []apply.Pruned{
		{List: &corev1.ServiceList{}, Select: func(object client.Object) bool {
			selected := unused[store.KeyOf(object)]
			if selected {
				u.say("Deleting Service %s", store.KeyOf(object))
			}
			return selected
		}},
		{List: &discoveryv1.EndpointSliceList{}, Select: func(object client.Object) bool {
			slice := object.(*discoveryv1.EndpointSlice)
			return mirror.Ours(slice) && unused[types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}]
		}},
	}
	if u.servesGrants() {
		kinds = append(kinds, apply.Pruned{List: &gwv1.ReferenceGrantList{}, Select: func(object client.Object) bool {
			return repeatedGrant(object) && u.grantsUnused(object.(*gwv1.ReferenceGrant), unused)
		}})
	}
	return engine.Prune(ctx, kinds, nil, client.InNamespace(u.Namespace), managed)
}

// grantsUnused reports whether all Services that a grant opens are to be deleted, or are gone.
func (u *Unwiring) grantsUnused(grant *gwv1.ReferenceGrant, unused map[types.NamespacedName]bool) bool {
	for _, to := range grant.Spec.To {
		if to.Name == nil || !unused[types.NamespacedName{Namespace: grant.Namespace, Name: string(*to.Name)}] {
			return false
		}
	}
	return true
}

// repeatedGrant reports whether the wiring made a grant for wired Services.
func repeatedGrant(object client.Object) bool {
	_, wires := object.GetAnnotations()[v1alpha1.WiresAnnotation]
	return wires && v1alpha1.Managed(object)
}
