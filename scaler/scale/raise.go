package scale

import (
	"context"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// conflicts in a row after which Raise fails.
const conflicts = 5

// Scales reads and writes the /scale of targets, see New.
type Scales interface {
	// Get returns the live object.
	Get(ctx context.Context, namespace string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error)
	// Update writes one that Get returned. It fails with a conflict when the object changed since.
	Update(ctx context.Context, namespace string, target v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error
}

// Workload is a target with its namespace.
type Workload struct {
	Namespace string
	Target    v1alpha1.HTTPScalerTarget
}

// WorkloadOf is the workload that an HTTPScaler of a namespace scales.
func WorkloadOf(namespace string, scale v1alpha1.HTTPScalerScale) Workload {
	return Workload{namespace, scale.Target}
}

// Raise writes the replicas of a workload, and returns how many there were. It writes nothing, and returns
// false, if there are as many already or enough says so; a nil enough says nothing.
func Raise(
	ctx context.Context, scales Scales, of Workload, wanted int32, enough func(from int32) bool,
) (from int32, written bool, err error) {
	for range conflicts {
		scale, err := scales.Get(ctx, of.Namespace, of.Target)
		if err != nil {
			return 0, false, err
		}
		from = scale.Spec.Replicas
		if from >= wanted || enough != nil && enough(from) {
			return from, false, nil
		}
		scale.Spec.Replicas = wanted
		if err = scales.Update(ctx, of.Namespace, of.Target, scale); err == nil {
			return from, true, nil
		}
		if !apierrors.IsConflict(err) {
			return 0, false, err
		}
	}
	return 0, false, fmt.Errorf("changed %d times meanwhile", conflicts)
}
