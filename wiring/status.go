package wiring

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/foreign"
	"github.com/kedify/inference-gateway/wiring/plan"
)

// said is what the wiring says of a trigger in the status of its HTTPScaler.
type said struct {
	wiring  *v1alpha1.HTTPScalerWiring
	rewired *metav1.Condition
	// silent: there is nothing to say of rewriting, and what was said is withdrawn.
	silent bool
}

func equalWiring(a, b *v1alpha1.HTTPScalerWiring) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Path == b.Path && a.Since.Equal(&b.Since) && a.DirectUntil.Equal(b.DirectUntil) &&
		slices.Equal(a.Services, b.Services) && slices.Equal(a.Objects, b.Objects)
}

func equalCondition(conditions []metav1.Condition, wanted metav1.Condition) bool {
	live := meta.FindStatusCondition(conditions, wanted.Type)
	return live != nil && live.Status == wanted.Status && live.Reason == wanted.Reason && live.Message == wanted.Message &&
		live.ObservedGeneration == wanted.ObservedGeneration
}

// withdrawCondition takes back condition Rewired, unless it is the controllers'. It waits for the next look if the
// object changed: a condition is removed by its place.
func withdrawCondition(ctx context.Context, writer client.Client, live *v1alpha1.HTTPScaler) error {
	condition := meta.FindStatusCondition(live.Status.Conditions, plan.ConditionRewired)
	if condition == nil || condition.Reason == plan.ReasonNotRewired {
		return nil
	}
	err := patchStatus(ctx, writer, live, types.JSONPatchType, withoutCondition(live))
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// writeStatus says in the status of an HTTPScaler what the wiring did, if it does not say so already. The
// path comes first: controllers answer KEDA by it.
func writeStatus(ctx context.Context, writer client.Client, live *v1alpha1.HTTPScaler, wanted said, now metav1.Time) error {
	if !equalWiring(live.Status.Wiring, wanted.wiring) {
		if err := writeWiring(ctx, writer, live, wanted.wiring); err != nil {
			return err
		}
	}
	if wanted.rewired == nil {
		if wanted.silent {
			return withdrawCondition(ctx, writer, live)
		}
		return nil
	}
	condition := *wanted.rewired
	condition.ObservedGeneration, condition.LastTransitionTime = live.Generation, now.Rfc3339Copy()
	if before := meta.FindStatusCondition(live.Status.Conditions, condition.Type); before != nil && before.Status == condition.Status {
		condition.LastTransitionTime = before.LastTransitionTime
	}
	if equalCondition(live.Status.Conditions, condition) {
		return nil
	}
	return applyCondition(ctx, writer, live, condition)
}

// writeWiring is a merge patch and no apply: an apply that gives back the last field of a block makes
// the block null, which the CRD refuses.
func writeWiring(ctx context.Context, writer client.Client, live *v1alpha1.HTTPScaler, wanted *v1alpha1.HTTPScalerWiring) error {
	block := map[string]any{"wiring": nil}
	if wanted != nil {
		fields := map[string]any{
			"path": wanted.Path, "since": wanted.Since, "directUntil": nil, "services": wanted.Services, "objects": nil,
		}
		if wanted.DirectUntil != nil {
			fields["directUntil"] = wanted.DirectUntil
		}
		if len(wanted.Objects) > 0 {
			fields["objects"] = wanted.Objects
		}
		block["wiring"] = fields
	}
	return patchStatus(ctx, writer, live, types.MergePatchType, map[string]any{"status": block})
}

// applyCondition leaves the conditions of other field owners alone.
func applyCondition(ctx context.Context, writer client.Client, live *v1alpha1.HTTPScaler, condition metav1.Condition) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&condition)
	if err != nil {
		return fmt.Errorf("convert a condition of HTTPScaler %s: %w", store.KeyOf(live), err)
	}
	desired := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{content}}}}
	desired.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kindHTTPScaler))
	desired.SetNamespace(live.Namespace)
	desired.SetName(live.Name)
	err = writer.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write a condition of HTTPScaler %s: %w", store.KeyOf(live), err)
	}
	return nil
}

// withdrawStatus takes back what the wiring said of a trigger.
func withdrawStatus(ctx context.Context, writer client.Client, live *v1alpha1.HTTPScaler) error {
	operations := withoutCondition(live)
	if live.Status.Wiring != nil {
		operations = append(operations, foreign.Operation{Op: "remove", Path: "/status/wiring"})
	}
	if len(operations) == 1 {
		return nil
	}
	return patchStatus(ctx, writer, live, types.JSONPatchType, operations)
}

// withoutCondition removes condition Rewired from exactly the version of an HTTPScaler that was seen.
func withoutCondition(live *v1alpha1.HTTPScaler) []foreign.Operation {
	operations := []foreign.Operation{{Op: "replace", Path: "/metadata/resourceVersion", Value: live.ResourceVersion}}
	for i, condition := range live.Status.Conditions {
		if condition.Type == plan.ConditionRewired {
			operations = append(operations, foreign.Operation{Op: "remove", Path: "/status/conditions/" + strconv.Itoa(i)})
		}
	}
	return operations
}

func patchStatus(ctx context.Context, writer client.Client, live *v1alpha1.HTTPScaler, kind types.PatchType, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("marshal the status of HTTPScaler %s: %w", store.KeyOf(live), err)
	}
	object := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: live.Namespace, Name: live.Name}}
	err = writer.Status().Patch(ctx, object, client.RawPatch(kind, text), fieldOwner)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status of HTTPScaler %s: %w", store.KeyOf(live), err)
	}
	return nil
}
