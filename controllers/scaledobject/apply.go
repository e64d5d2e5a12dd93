package scaledobject

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/compare"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// partial: annotations and owners of Services are not in the cache (store.Trim), and what plans want
// of a Service changes only with its owner.
var partial = map[string][]string{"Service": {"spec"}}

// lists of the objects that triggers become.
var lists = compare.Lists{Merged: []string{"listeners", "ownerReferences", "ports"}}

func newEngine(options Options, kinds *kinds) *apply.Engine {
	return apply.New(apply.Options{
		Client: options.Client, Cache: syncedReader{options.Cache, options.Client, kinds}, FieldOwner: fieldOwner,
		Owner: ownerOf, DeletePredecessors: true, Lists: lists, Partial: partial, Log: options.Log,
	})
}

// ownerOf is the apply.OwnerPolicy. The objects of a proxy have no ScaledObject as their owner.
func ownerOf(live, desired client.Object) apply.Owner {
	wanted := metav1.GetControllerOf(desired)
	switch {
	case wanted != nil && wanted.Kind == kindScaledObject:
		return apply.ByController(live, desired)
	case plan.Managed(live):
		return apply.Own
	}
	return apply.Foreign
}

// carryOut makes the partition as the plan says. One object that cannot be written keeps no other
// from being written.
func (c *Controller) carryOut(ctx context.Context, partition partition, world plan.World, made plan.Plan) error {
	var problems []error
	told := append([]plan.Event(nil), made.Events...)
	failed := map[types.NamespacedName]bool{}
	refusals := map[types.NamespacedName]string{}
	generations := map[types.NamespacedName]int64{}
	desired := make([]client.Object, 0, len(made.Objects))
	for _, object := range made.Objects {
		desired = append(desired, object)
		result, err := c.engine.Ensure(ctx, object, nil)
		switch {
		case errors.Is(err, apply.ErrTerminating): // not worth a retry, nor an event
		case err != nil:
			problems = append(problems, err)
			told = append(told, notApplied(world, object, err)...)
			noteRefusal(refusals, object, err)
		}
		if _, scaler := object.(*v1alpha1.HTTPScaler); scaler {
			generations[store.KeyOf(object)], failed[store.KeyOf(object)] = result.Generation, err != nil
		}
	}
	problems = append(problems, c.writeStatuses(ctx, made.Statuses, generations, failed, refusals))
	c.handover.retain(partition, made.Statuses)
	problems = append(problems, c.failures(made)...)
	kinds, rest := c.pruned(partition, world, made)
	if rest > 0 {
		c.queue.AddAfter(partition, rest)
	}
	problems = append(problems, c.engine.Prune(ctx, kinds, desired, client.InNamespace(partition)))
	if rest == 0 { // else the proxy stays, with its parameters
		problems = append(problems, c.pruneInstallation(ctx, partition, desired))
	}
	writeEvents(c.Events, partition, slices.DeleteFunc(told, func(event plan.Event) bool {
		return event.Related != nil && failed[store.KeyOf(event.Related)] // written with its status
	}))
	c.noteActive(partition, made)
	return errors.Join(problems...)
}

// writeStatuses writes the statuses of triggers whose objects were applied, and of those of which an object is refused.
// Which of them are not as planned is noted in failed.
func (c *Controller) writeStatuses(ctx context.Context, statuses []plan.Status, generations map[types.NamespacedName]int64,
	failed map[types.NamespacedName]bool, refusals map[types.NamespacedName]string,
) error {
	var problems []error
	for _, status := range statuses {
		refusal := refusals[status.Scaler]
		if failed[status.Scaler] && refusal == "" {
			continue
		}
		if refusal != "" {
			failed[status.Scaler] = true
			plan.NotApplied(&status.Value, refusal)
		}
		if err := c.writeStatus(ctx, status, generations[status.Scaler]); err != nil {
			failed[status.Scaler] = true
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// noteRefusal notes the first object of a trigger that cannot be applied.
func noteRefusal(refusals map[types.NamespacedName]string, object client.Object, err error) {
	if of := scalerOf(object); refused(err) && of.Name != "" && refusals[of] == "" {
		refusals[of] = err.Error()
	}
}

// noteActive updates which namespaces have triggers of the product.
func (c *Controller) noteActive(partition partition, made plan.Plan) {
	with := map[string]bool{}
	for _, status := range made.Statuses {
		with[status.Scaler.Namespace] = true
	}
	if !c.Shared {
		c.setActive(string(partition), with[string(partition)])
		return
	}
	for namespace := range with {
		c.setActive(namespace, true)
	}
}

// scalerOf is the trigger that an object is made of; empty: none.
func scalerOf(object client.Object) types.NamespacedName {
	switch object.(type) {
	case *v1alpha1.HTTPScaler:
		return store.KeyOf(object)
	case *gwv1.HTTPRoute, *gwv1.TLSRoute:
		return plan.ScalerOfRoute(store.KeyOf(object))
	}
	return types.NamespacedName{}
}

// refused reports whether an object cannot be applied as it is; other errors pass by themselves.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) ||
		apierrors.IsForbidden(err) || meta.IsNoMatchError(err) || errors.Is(err, apply.ErrForeign)
}

// notApplied tells the owner of an object that the API server refuses it.
func notApplied(world plan.World, object client.Object, err error) []plan.Event {
	if !refused(err) {
		return nil
	}
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return proxyNotApplied(world, err)
	}
	for _, so := range world.ScaledObjects {
		if so.UID == owner.UID {
			return []plan.Event{{About: so, Type: corev1.EventTypeWarning, Reason: "NotApplied", Note: err.Error(), Once: true}}
		}
	}
	return nil
}

// proxyNotApplied is the same for an object of a generated Gateway, which has no ScaledObject as its
// owner. The Gateway may be missing as well, and then the log alone has it.
func proxyNotApplied(world plan.World, err error) []plan.Event {
	gateway := world.Find.Gateway(world.Proxy)
	if gateway == nil || !plan.Managed(gateway) {
		return nil
	}
	return []plan.Event{{About: gateway, Type: corev1.EventTypeWarning, Reason: "NotApplied", Note: err.Error(), Once: true}}
}

// writeStatus writes a status that differs from the live one. Conditions keep their
// transition time while their status stays. The generation is zero when the HTTPScaler could not be applied:
// the status is then that of the live one, if there is one.
func (c *Controller) writeStatus(ctx context.Context, status plan.Status, generation int64) error {
	live := &v1alpha1.HTTPScaler{}
	key := client.ObjectKey{Namespace: status.Scaler.Namespace, Name: status.Scaler.Name}
	err := c.Cache.Get(ctx, key, live)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return fmt.Errorf("read HTTPScaler %s: %w", status.Scaler, err)
	}
	if generation == 0 && missing {
		return nil // the event tells
	}
	generation = cmp.Or(generation, live.Generation)
	wanted := status.Value
	wanted.ObservedGeneration = generation
	wanted.Conditions = append([]metav1.Condition(nil), wanted.Conditions...)
	now := metav1.NewTime(c.Clock.Now()).Rfc3339Copy()
	for i := range wanted.Conditions {
		condition := &wanted.Conditions[i]
		condition.ObservedGeneration, condition.LastTransitionTime = generation, now
		if before := meta.FindStatusCondition(live.Status.Conditions, condition.Type); before != nil && before.Status == condition.Status {
			condition.LastTransitionTime = before.LastTransitionTime
		}
	}
	if sameStatus(live.Status, wanted) && !c.handover.due(status.Scaler, live.Status) {
		return nil
	}
	desired, err := apply.Status(&v1alpha1.HTTPScaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HTTPScaler"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Status:     wanted,
	})
	if err != nil {
		return err
	}
	err = c.Client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("write the status of HTTPScaler %s: %w", status.Scaler, err)
	}
	c.handover.done(status.Scaler, live.Status)
	return nil
}

// The kinds that are generated: routes first, so that no request is counted for a trigger that is gone,
// and the proxy last. The Service of the proxy goes with its Gateway.
var (
	prunedOfTriggers = []apply.Pruned{
		{List: &gwv1.HTTPRouteList{}, Select: generated},
		{List: &gwv1.TLSRouteList{}, Select: generated},
		{List: &v1alpha1.HTTPScalerList{}, Select: generated},
	}
	prunedOfProxy = []apply.Pruned{
		{List: &gwv1.GatewayList{}, Select: ofProxy},
		{List: &v1alpha1.GatewayParametersList{}, Select: ofProxy},
		{List: &gwv1.ReferenceGrantList{}, Select: ofProxy},
	}
)

// pruneInstallation deletes what the namespace of the installation has for the proxy of a partition.
func (c *Controller) pruneInstallation(ctx context.Context, partition partition, desired []client.Object) error {
	if c.Values == "" {
		return nil
	}
	ofPartition := func(object client.Object) bool {
		namespace, found := strings.CutPrefix(object.GetName(), v1alpha1.InstallationParametersPrefix)
		return found && plan.Managed(object) && (c.Shared || namespace == string(partition))
	}
	return c.engine.Prune(ctx, []apply.Pruned{{List: &v1alpha1.GatewayParametersList{}, Select: ofPartition}}, desired,
		client.InNamespace(c.Namespace))
}

func generated(object client.Object) bool { return plan.Generated(object) }

func ofProxy(object client.Object) bool {
	return object.GetName() == v1alpha1.ProxyGatewayName && plan.Managed(object)
}
