package wiring

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/wiring/health"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// releaseServices takes the slices of the product from Services of users (kind "service"). Where nothing else gives a
// Service endpoints they lead to the application from then on: without them its clients would have none.
func (u *Unwiring) releaseServices(ctx context.Context) error {
	list := &discoveryv1.EndpointSliceList{}
	if err := u.Client.List(ctx, list, client.InNamespace(u.Namespace), managed); err != nil {
		return fmt.Errorf("list EndpointSlices: %w", err)
	}
	services, doomed := map[types.NamespacedName]bool{}, map[types.UID]bool{}
	for i := range list.Items {
		slice := &list.Items[i]
		service := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
		if !inUsersService(slice) || services[service] {
			continue
		}
		services[service] = true
		released, err := u.release(ctx, service)
		if err != nil {
			return err
		}
		for _, slice := range released {
			doomed[slice.UID] = true
		}
	}
	engine := apply.New(apply.Options{Client: u.Client, FieldOwner: fieldOwner, Log: u.Log})
	return engine.Prune(ctx, []apply.Pruned{{
		List: &discoveryv1.EndpointSliceList{}, Select: func(object client.Object) bool { return doomed[object.GetUID()] },
	}}, nil, client.InNamespace(u.Namespace), managed)
}

// inUsersService reports whether a slice of the product is one of a Service that a user made.
func inUsersService(slice *discoveryv1.EndpointSlice) bool {
	return mirror.Ours(slice) && slice.Annotations[v1alpha1.WiresAnnotation] != ""
}

// release returns the slices of a Service that are to go, when the others lead to the application.
func (u *Unwiring) release(ctx context.Context, service types.NamespacedName) ([]*discoveryv1.EndpointSlice, error) {
	all, err := listSlices(ctx, u.Client, service)
	if err != nil {
		return nil, fmt.Errorf("list the EndpointSlices of Service %s: %w", service, err)
	}
	live := &corev1.Service{}
	err = u.Client.Get(ctx, service, live)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("get Service %s: %w", service, err)
	}
	var direct, proxies, others []*discoveryv1.EndpointSlice
	for _, slice := range all {
		switch {
		case !inUsersService(slice):
			others = append(others, slice)
		case slice.Annotations[mirror.PathAnnotation] != "":
			direct = append(direct, slice)
		default:
			proxies = append(proxies, slice)
		}
	}
	if apierrors.IsNotFound(err) || len(live.Spec.Selector) > 0 || readiness(others) == health.Ready {
		u.say("Deleting the EndpointSlices of Service %s that are of the product", service)
		return slices.Concat(direct, proxies), nil
	}
	serving := 0
	for _, slice := range direct {
		n, err := u.serve(ctx, slice)
		if err != nil {
			return nil, err
		}
		serving += n
	}
	if serving == 0 {
		u.say("Warning: Service %s has no endpoint but the proxies, because it has no selector and its application no Pod. "+
			"Give it its selector and run this again", service)
		return nil, nil
	}
	u.say("Warning: Service %s has no selector. Its EndpointSlices now lead to the Pods of the application, and follow no change of them. "+
		"Give it its selector and run this again", service)
	return proxies, nil
}

// serve makes the endpoints of the application ready that serve, and returns how many there are.
func (u *Unwiring) serve(ctx context.Context, slice *discoveryv1.EndpointSlice) (serving int, err error) {
	before, changed := slice.DeepCopy(), false
	for i := range slice.Endpoints {
		conditions := &slice.Endpoints[i].Conditions
		ready := ptr.Deref(conditions.Ready, true)
		if !ready && !ptr.Deref(conditions.Serving, false) {
			continue
		}
		serving++
		if !ready {
			*conditions = discoveryv1.EndpointConditions{Ready: ptr.To(true), Serving: ptr.To(true), Terminating: ptr.To(false)}
			changed = true
		}
	}
	if !changed {
		return serving, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := u.Client.Patch(ctx, slice, patch, fieldOwner); err != nil {
		return 0, fmt.Errorf("make the endpoints of EndpointSlice %s/%s ready: %w", slice.Namespace, slice.Name, err)
	}
	return serving, nil
}
