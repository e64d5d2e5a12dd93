package served

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/internal/message"
)

// fieldOwner owns condition Served of HTTPScalers and nothing else.
const fieldOwner = client.FieldOwner("kedify-gateway-served")

// Reasons of Served, beside those of package verdict and workload.
const (
	// ReasonServed: a request that had waited was served.
	ReasonServed = "Served"
	// ReasonNotTried: requests waited in vain, and none has come since.
	ReasonNotTried = "NoRequestSince"
)

// servedMessage has nothing that changes: it would be written at each cold start.
const servedMessage = "Requests that found no endpoint waited and were answered."

// notTriedMessage repeats what kept the last requests waiting.
func notTriedMessage(before metav1.Condition) string {
	return "Requests waited in vain, and none has come since; whether the next one is answered is not known. The last reason was " +
		before.Reason + ": " + before.Message
}

// conditionOf is the condition of an HTTPScaler that replaces before; nil: there was none.
func conditionOf(before *metav1.Condition, wanted metav1.Condition, generation int64, now time.Time) metav1.Condition {
	wanted.Type, wanted.ObservedGeneration = v1alpha1.ConditionServed, generation
	wanted.Message = message.Condition(wanted.Message)
	wanted.LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
	if before != nil && before.Status == wanted.Status {
		wanted.LastTransitionTime = before.LastTransitionTime
	}
	return wanted
}

// write applies the condition. It returns false when there is no HTTPScaler any more.
func write(ctx context.Context, writer client.StatusClient, key types.NamespacedName, condition metav1.Condition) (there bool, err error) {
	desired, err := apply.Status(&v1alpha1.HTTPScaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HTTPScaler"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Status:     v1alpha1.HTTPScalerStatus{Conditions: []metav1.Condition{condition}},
	})
	if err != nil {
		return true, err
	}
	err = writer.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), fieldOwner, client.ForceOwnership)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return true, err
}

// served is the live condition; nil: there is none.
func served(of *v1alpha1.HTTPScaler) *metav1.Condition {
	return meta.FindStatusCondition(of.Status.Conditions, v1alpha1.ConditionServed)
}
