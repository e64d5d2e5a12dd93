package scaledobject

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// ErrForeign says that an object of the wanted name belongs to someone else. It is left alone.
var ErrForeign = errors.New("an object of this name exists and was not made for this trigger")

// errPredecessor says that the object belongs to a deleted owner of the same name; it was
// deleted, and the next attempt makes a new one.
var errPredecessor = errors.New("the object of a deleted owner of the same name has to go first")

// errTerminating says that the namespace is being deleted, and everything with it.
var errTerminating = errors.New("the namespace is being deleted")

// carryOut makes the scope as the plan says. One object that cannot be written keeps no other
// from being written.
func (c *Controller) carryOut(ctx context.Context, scope scope, world plan.World, made plan.Plan) error {
	var problems []error
	told := append([]plan.Event(nil), made.Events...)
	failed := map[types.NamespacedName]bool{}
	generations := map[types.NamespacedName]int64{}
	for _, object := range made.Objects {
		generation, err := c.ensure(ctx, object)
		switch {
		case errors.Is(err, errTerminating): // not worth a retry, nor an event
		case err != nil:
			problems = append(problems, err)
			told = append(told, refusals(world, object, err)...)
		}
		if _, scaler := object.(*v1alpha1.HTTPScaler); scaler {
			generations[store.KeyOf(object)], failed[store.KeyOf(object)] = generation, err != nil
		}
	}
	for _, status := range made.Statuses {
		if failed[status.Scaler] {
			continue
		}
		if err := c.writeStatus(ctx, status, generations[status.Scaler]); err != nil {
			failed[status.Scaler] = true
			problems = append(problems, err)
		}
	}
	problems = append(problems, c.prune(ctx, scope, made))
	writeEvents(c.Events, scope, slices.DeleteFunc(told, func(event plan.Event) bool {
		return event.Related != nil && failed[store.KeyOf(event.Related)] // to be told when its status is written
	}))
	c.noteActive(scope, made)
	return errors.Join(problems...)
}

// noteActive takes namespaces back that turned out to have no triggers of ours.
func (c *Controller) noteActive(scope scope, made plan.Plan) {
	with := map[string]bool{}
	for _, status := range made.Statuses {
		with[status.Scaler.Namespace] = true
	}
	if !c.Shared {
		c.setActive(string(scope), with[string(scope)])
		return
	}
	for namespace := range with {
		c.setActive(namespace, true)
	}
}

// ensure writes one object unless it already is as desired, and returns its generation.
func (c *Controller) ensure(ctx context.Context, object client.Object) (int64, error) {
	kind := object.GetObjectKind().GroupVersionKind().Kind
	desired, err := toApply(object)
	if err != nil {
		return 0, err
	}
	live, err := c.live(ctx, object)
	if err != nil {
		return 0, fmt.Errorf("read %s %s: %w", kind, store.KeyOf(object), err)
	}
	if live != nil {
		if err := c.checkOwner(ctx, live, object); err != nil {
			return 0, fmt.Errorf("%s %s: %w", kind, store.KeyOf(object), err)
		}
		if same, err := asDesired(desired, live); err != nil || same {
			return live.GetGeneration(), err
		}
	}
	c.Log.V(1).Info("applying", "kind", kind, "object", store.KeyOf(object).String())
	err = c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return 0, errTerminating
	case err != nil:
		return 0, fmt.Errorf("apply %s %s: %w", kind, store.KeyOf(object), err)
	}
	return desired.GetGeneration(), nil
}

// live returns the object as it is, nil when there is none. Before one is created, the API
// server is asked: what somebody made a moment ago must not be taken over.
func (c *Controller) live(ctx context.Context, object client.Object) (client.Object, error) {
	readers := []client.Reader{c.Client}
	if c.kinds.has(object.GetObjectKind().GroupVersionKind().Kind) {
		readers = []client.Reader{c.Cache, c.Client}
	}
	for _, reader := range readers {
		live := emptyOf(object)
		err := reader.Get(ctx, client.ObjectKeyFromObject(object), live)
		if err == nil {
			return live, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	return nil, nil
}

// emptyOf returns an object of the same kind to read into.
func emptyOf(object client.Object) client.Object {
	for _, input := range inputs {
		if input.name == object.GetObjectKind().GroupVersionKind().Kind {
			return input.new()
		}
	}
	return object.DeepCopyObject().(client.Object)
}

// checkOwner refuses to touch what is not ours.
func (c *Controller) checkOwner(ctx context.Context, live, desired client.Object) error {
	wanted := metav1.GetControllerOf(desired)
	if wanted == nil || wanted.Kind != kindScaledObject { // the proxy's
		if plan.Managed(live) {
			return nil
		}
		return ErrForeign
	}
	owner := metav1.GetControllerOf(live)
	switch {
	case owner == nil || owner.Kind != wanted.Kind || owner.Name != wanted.Name:
		return ErrForeign
	case owner.UID == wanted.UID:
		return nil
	}
	if err := c.remove(ctx, live); err != nil {
		return err
	}
	return errPredecessor
}

// refusals tell the owner of an object that the API server does not take it.
func refusals(world plan.World, object client.Object, err error) []plan.Event {
	if !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) && !meta.IsNoMatchError(err) && !errors.Is(err, ErrForeign) {
		return nil // passes by itself
	}
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return nil
	}
	for _, so := range world.ScaledObjects {
		if so.UID == owner.UID {
			return []plan.Event{{About: so, Type: corev1.EventTypeWarning, Reason: "NotApplied", Note: err.Error(), Once: true}}
		}
	}
	return nil
}

// writeStatus writes a status that differs from the live one. Conditions keep their
// transition time while their status stays.
func (c *Controller) writeStatus(ctx context.Context, status plan.Status, generation int64) error {
	live := &v1alpha1.HTTPScaler{}
	key := client.ObjectKey{Namespace: status.Scaler.Namespace, Name: status.Scaler.Name}
	err := c.Cache.Get(ctx, key, live)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("read HTTPScaler %s: %w", status.Scaler, err)
	}
	wanted := status.Value
	wanted.Conditions = append([]metav1.Condition(nil), wanted.Conditions...)
	now := metav1.NewTime(c.Clock.Now()).Rfc3339Copy()
	for i := range wanted.Conditions {
		condition := &wanted.Conditions[i]
		condition.ObservedGeneration, condition.LastTransitionTime = generation, now
		if before := meta.FindStatusCondition(live.Status.Conditions, condition.Type); before != nil && before.Status == condition.Status {
			condition.LastTransitionTime = before.LastTransitionTime
		}
	}
	if sameStatus(live.Status, wanted) {
		return nil
	}
	apply := &v1alpha1.HTTPScaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HTTPScaler"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Status:     wanted,
	}
	desired, err := statusToApply(apply)
	if err != nil {
		return err
	}
	err = c.Client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("write the status of HTTPScaler %s: %w", status.Scaler, err)
	}
	return nil
}

// prune deletes what was generated and is not in the plan: routes first, so that no request is
// counted for a trigger that is gone, and the proxy last.
func (c *Controller) prune(ctx context.Context, scope scope, made plan.Plan) error {
	wanted := map[string]bool{}
	for _, object := range made.Objects {
		wanted[object.GetObjectKind().GroupVersionKind().Kind+" "+store.KeyOf(object).String()] = true
	}
	var problems []error
	for _, kind := range pruned {
		list := kind.list()
		if err := c.list(ctx, kind.name, list, client.InNamespace(scope)); err != nil {
			return err
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object)
			if !kind.ours(object) || wanted[kind.name+" "+store.KeyOf(object).String()] || !object.GetDeletionTimestamp().IsZero() {
				return nil
			}
			c.Log.Info("deleting what no trigger needs any more", "kind", kind.name, "object", store.KeyOf(object).String())
			if err := c.remove(ctx, object); err != nil {
				problems = append(problems, fmt.Errorf("delete %s %s: %w", kind.name, store.KeyOf(object), err))
			}
			return nil
		})
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// pruned are the kinds that are generated. The Service of the proxy goes with its Gateway.
var pruned = []struct {
	name string
	list func() client.ObjectList
	ours func(plan.Object) bool
}{
	{"HTTPRoute", func() client.ObjectList { return &gwv1.HTTPRouteList{} }, plan.Generated},
	{"TLSRoute", func() client.ObjectList { return &gwv1.TLSRouteList{} }, plan.Generated},
	{"HTTPScaler", func() client.ObjectList { return &v1alpha1.HTTPScalerList{} }, plan.Generated},
	{"Gateway", func() client.ObjectList { return &gwv1.GatewayList{} }, ofProxy},
	{"GatewayParameters", func() client.ObjectList { return &v1alpha1.GatewayParametersList{} }, ofProxy},
	{"ReferenceGrant", func() client.ObjectList { return &gwv1.ReferenceGrantList{} }, ofProxy},
}

func ofProxy(object plan.Object) bool {
	return object.GetName() == v1alpha1.ProxyGatewayName && plan.Managed(object)
}

// remove deletes exactly this object, not one of the same name that came after it.
func (c *Controller) remove(ctx context.Context, object client.Object) error {
	doomed := emptyOf(object)
	doomed.SetNamespace(object.GetNamespace())
	doomed.SetName(object.GetName())
	return client.IgnoreNotFound(c.Client.Delete(ctx, doomed, client.Preconditions{UID: ptr.To(object.GetUID())}))
}
