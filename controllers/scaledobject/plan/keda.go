package plan

import (
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// ObjectOf returns what the rules of triggers need of a ScaledObject.
func ObjectOf(so *kedav1alpha1.ScaledObject) trigger.Object {
	object := trigger.Object{
		Kind:            trigger.ScaledObject,
		Name:            so.Name,
		Annotations:     so.Annotations,
		Min:             so.Spec.MinReplicaCount,
		Max:             so.Spec.MaxReplicaCount,
		Idle:            so.Spec.IdleReplicaCount,
		CooldownSeconds: so.Spec.CooldownPeriod,
		PollingSeconds:  so.Spec.PollingInterval,
		Triggers:        triggersOf(so.Spec.Triggers),
	}
	if target := so.Spec.ScaleTargetRef; target != nil {
		object.Target = v1alpha1.HTTPScalerTarget{APIVersion: target.APIVersion, Kind: target.Kind, Name: target.Name}
	}
	object.Formula = so.IsUsingModifiers()
	if so.Spec.Fallback != nil {
		object.FallbackReplicas = &so.Spec.Fallback.Replicas
	}
	return object
}

// JobOf returns what the rules of triggers need of a ScaledJob.
func JobOf(job *kedav1alpha1.ScaledJob) trigger.Object {
	return trigger.Object{Kind: trigger.ScaledJob, Name: job.Name, Annotations: job.Annotations, Triggers: triggersOf(job.Spec.Triggers)}
}

func triggersOf(written []kedav1alpha1.ScaleTriggers) []trigger.Trigger {
	triggers := make([]trigger.Trigger, 0, len(written))
	for _, t := range written {
		triggers = append(triggers, trigger.Trigger{
			Type: t.Type, Name: t.Name, Metadata: t.Metadata,
			MetricType: string(t.MetricType), UseCachedMetrics: t.UseCachedMetrics, Authentication: referenceOf(t.AuthenticationRef),
		})
	}
	return triggers
}

func referenceOf(written *kedav1alpha1.AuthenticationRef) *trigger.Reference {
	if written == nil {
		return nil
	}
	return &trigger.Reference{Name: written.Name, Kind: written.Kind}
}
