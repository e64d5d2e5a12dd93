package autoscaler

import (
	"context"
	"fmt"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/scaler"
)

// Limits reads what limits a target.
type Limits struct {
	// Cache has ScaledObjects. Direct reads HPAs, which no informer has.
	Cache, Direct client.Reader
}

// Most returns how many replicas the target of a trigger may have by the will of its ScaledObject and HPA; why says why it may
// not be raised, and is empty otherwise. While KEDA is paused it takes the HPA away, and with paused-scale-out the HPA stays and
// does not scale up; both are looked at, because annotations are there before KEDA acts.
func (l Limits) Most(ctx context.Context, of *scaler.Scaler) (most int32, why string, err error) {
	so := &kedav1alpha1.ScaledObject{}
	err = l.Cache.Get(ctx, types.NamespacedName{Namespace: of.Key.Namespace, Name: of.Spec.ScaledObject}, so)
	switch {
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return 0, "the ScaledObject does not exist", nil
	case err != nil:
		return 0, "", fmt.Errorf("read ScaledObject %s: %w", of.Spec.ScaledObject, err)
	case so.DeletionTimestamp != nil:
		return 0, "the ScaledObject is being deleted", nil
	case so.NeedToBePausedByAnnotation(), so.NeedToPauseScaleOut():
		return 0, "the ScaledObject is paused", nil
	case so.Status.HpaName == "":
		return 0, "the ScaledObject has no HPA", nil
	}
	return l.ofHPA(ctx, of, so.Status.HpaName)
}

func (l Limits) ofHPA(ctx context.Context, of *scaler.Scaler, name string) (most int32, why string, err error) {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	err = l.Direct.Get(ctx, types.NamespacedName{Namespace: of.Key.Namespace, Name: name}, hpa)
	target := hpa.Spec.ScaleTargetRef
	switch {
	case apierrors.IsNotFound(err):
		return 0, "the HPA " + name + " does not exist", nil
	case err != nil:
		return 0, "", fmt.Errorf("read HPA %s: %w", name, err)
	case hpa.DeletionTimestamp != nil:
		return 0, "the HPA " + name + " is being deleted", nil
	case target.Name != of.Spec.Scale.Target.Name || target.Kind != of.Spec.Scale.Target.Kind:
		return 0, fmt.Sprintf("the HPA %s scales %s %s", name, target.Kind, target.Name), nil
	case scaleUpDisabled(hpa):
		return 0, "the HPA " + name + " may not scale up (behavior.scaleUp.selectPolicy is Disabled)", nil
	}
	return hpa.Spec.MaxReplicas, "", nil
}

func scaleUpDisabled(hpa *autoscalingv2.HorizontalPodAutoscaler) bool {
	behavior := hpa.Spec.Behavior
	return behavior != nil && behavior.ScaleUp != nil && behavior.ScaleUp.SelectPolicy != nil &&
		*behavior.ScaleUp.SelectPolicy == autoscalingv2.DisabledPolicySelect
}
