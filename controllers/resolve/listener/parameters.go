package listener

import (
	"cmp"
	"maps"

	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// gatewayParameters returns the parameters of the Gateway over those of its class.
func gatewayParameters(v store.View, gateway *gwv1.Gateway, gatewayClass class.Result) (v1alpha1.GatewayParametersSpec, resolve.Problem) {
	if !gatewayClass.Problem.None() {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problemf(gwv1.GatewayReasonInvalidParameters,
			"GatewayClass %s: %s", gatewayClass.Name, gatewayClass.Problem.Message)
	}
	if gateway.Spec.Infrastructure == nil || gateway.Spec.Infrastructure.ParametersRef == nil {
		return gatewayClass.Parameters, resolve.Problem{}
	}
	ref := gateway.Spec.Infrastructure.ParametersRef
	own, problem := class.ReadParameters(v, class.ParametersRef{
		Field: "spec.infrastructure.parametersRef",
		Group: string(ref.Group),
		Kind:  string(ref.Kind),
		Key:   types.NamespacedName{Namespace: gateway.Namespace, Name: ref.Name},
	})
	if !problem.None() {
		return gatewayClass.Parameters, problem
	}
	return mergeParameters(gatewayClass.Parameters, own), resolve.Problem{}
}

// mergeParameters lays own over base, field by field: what own leaves out comes from base.
// Lists, patches and resources are fields, not merged inside.
func mergeParameters(base, own v1alpha1.GatewayParametersSpec) v1alpha1.GatewayParametersSpec {
	merged := v1alpha1.GatewayParametersSpec{
		Replicas:    cmp.Or(own.Replicas, base.Replicas),
		Autoscaling: cmp.Or(own.Autoscaling, base.Autoscaling),
		PodTemplate: cmp.Or(own.PodTemplate, base.PodTemplate),
		Envoy:       mergeEnvoy(base.Envoy, own.Envoy),
		Service:     mergeService(base.Service, own.Service),
	}
	// The two ways to say how many exclude each other, so one of own's removes base's other.
	if own.Replicas != nil {
		merged.Autoscaling = nil
	}
	if own.Autoscaling != nil {
		merged.Replicas = nil
	}
	return merged
}

func mergeEnvoy(base, own *v1alpha1.EnvoyParameters) *v1alpha1.EnvoyParameters {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &v1alpha1.EnvoyParameters{
		Image:        cmp.Or(own.Image, base.Image),
		LogLevel:     cmp.Or(own.LogLevel, base.LogLevel),
		Concurrency:  cmp.Or(own.Concurrency, base.Concurrency),
		Resources:    cmp.Or(own.Resources, base.Resources),
		DrainTimeout: cmp.Or(own.DrainTimeout, base.DrainTimeout),
		Bootstrap:    cmp.Or(own.Bootstrap, base.Bootstrap),
	}
}

func mergeService(base, own *v1alpha1.ServiceParameters) *v1alpha1.ServiceParameters {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	annotations := maps.Clone(base.Annotations)
	if annotations == nil {
		annotations = own.Annotations
	} else {
		maps.Copy(annotations, own.Annotations)
	}
	return &v1alpha1.ServiceParameters{
		Type:                  cmp.Or(own.Type, base.Type),
		LoadBalancerClass:     cmp.Or(own.LoadBalancerClass, base.LoadBalancerClass),
		ExternalTrafficPolicy: cmp.Or(own.ExternalTrafficPolicy, base.ExternalTrafficPolicy),
		Annotations:           annotations,
	}
}

// infrastructure returns how the data plane of the Gateway is to be run, without its ports.
func infrastructure(gateway *gwv1.Gateway, merged v1alpha1.GatewayParametersSpec) resolve.Infrastructure {
	result := resolve.Infrastructure{Parameters: merged}
	if gateway.Spec.Infrastructure == nil {
		return result
	}
	result.Labels = store.Plain(gateway.Spec.Infrastructure.Labels)
	result.Annotations = store.Plain(gateway.Spec.Infrastructure.Annotations)
	return result
}
