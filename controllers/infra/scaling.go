package infra

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// defaultUtilization of the CPU request that the autoscaler aims at, in percent.
const defaultUtilization = 80

// spread reports whether more than one Envoy is desired, so that a budget makes sense.
func spread(spec Spec) bool {
	parameters := spec.Infrastructure.Parameters
	if parameters.Autoscaling != nil {
		return ptr.Deref(parameters.Autoscaling.MinReplicas, 1) > 1
	}
	return ptr.Deref(parameters.Replicas, 1) > 1
}

// disruptionBudget lets one Envoy go at a time. Unhealthy ones may always be evicted: they
// serve no requests, and must not keep a node from being drained.
func disruptionBudget(spec Spec) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   typeMeta(policyv1.SchemeGroupVersion.String(), "PodDisruptionBudget"),
		ObjectMeta: objectMeta(spec),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable:             ptr.To(intstr.FromInt32(1)),
			Selector:                   &metav1.LabelSelector{MatchLabels: selector(spec.Gateway)},
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
}

func autoscaler(spec Spec) *autoscalingv2.HorizontalPodAutoscaler {
	parameters := spec.Infrastructure.Parameters.Autoscaling
	metrics := parameters.Metrics
	if len(metrics) == 0 {
		metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{
					Type:               autoscalingv2.UtilizationMetricType,
					AverageUtilization: ptr.To(int32(defaultUtilization)),
				},
			},
		}}
	}
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   typeMeta(autoscalingv2.SchemeGroupVersion.String(), "HorizontalPodAutoscaler"),
		ObjectMeta: objectMeta(spec),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Name: Name(spec.Gateway),
			},
			MinReplicas: parameters.MinReplicas,
			MaxReplicas: parameters.MaxReplicas,
			Metrics:     metrics,
		},
	}
}
