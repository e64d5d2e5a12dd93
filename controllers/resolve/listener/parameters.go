package listener

import (
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
	own, wrong := class.ReadParameters(v, class.ParametersRef{
		Field: "spec.infrastructure.parametersRef",
		Group: string(ref.Group),
		Kind:  string(ref.Kind),
		Key:   types.NamespacedName{Namespace: gateway.Namespace, Name: ref.Name},
	})
	if !wrong.None() {
		return gatewayClass.Parameters, wrong
	}
	return mergeParameters(gatewayClass.Parameters, own), resolve.Problem{}
}

// mergeParameters lays own over base, field by field: what own leaves out comes from base.
// Lists, patches and resources are fields, not merged inside.
func mergeParameters(base, own v1alpha1.GatewayParametersSpec) v1alpha1.GatewayParametersSpec {
	merged := v1alpha1.GatewayParametersSpec{
		Replicas:    either(own.Replicas, base.Replicas),
		Autoscaling: either(own.Autoscaling, base.Autoscaling),
		PodTemplate: either(own.PodTemplate, base.PodTemplate),
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
		return either(own, base)
	}
	return &v1alpha1.EnvoyParameters{
		Image:        either(own.Image, base.Image),
		LogLevel:     either(own.LogLevel, base.LogLevel),
		Concurrency:  either(own.Concurrency, base.Concurrency),
		Resources:    either(own.Resources, base.Resources),
		DrainTimeout: either(own.DrainTimeout, base.DrainTimeout),
		Bootstrap:    either(own.Bootstrap, base.Bootstrap),
	}
}

func mergeService(base, own *v1alpha1.ServiceParameters) *v1alpha1.ServiceParameters {
	if base == nil || own == nil {
		return either(own, base)
	}
	annotations := maps.Clone(base.Annotations)
	if annotations == nil {
		annotations = own.Annotations
	} else {
		maps.Copy(annotations, own.Annotations)
	}
	return &v1alpha1.ServiceParameters{
		Type:                  either(own.Type, base.Type),
		LoadBalancerClass:     either(own.LoadBalancerClass, base.LoadBalancerClass),
		ExternalTrafficPolicy: either(own.ExternalTrafficPolicy, base.ExternalTrafficPolicy),
		Annotations:           annotations,
	}
}

func either[T any](first, second *T) *T {
	if first != nil {
		return first
	}
	return second
}

// infrastructure returns how the data plane of the Gateway is to be run, without its ports.
func infrastructure(gateway *gwv1.Gateway, merged v1alpha1.GatewayParametersSpec) resolve.Infrastructure {
	result := resolve.Infrastructure{Parameters: merged}
	if gateway.Spec.Infrastructure == nil {
		return result
	}
	result.Labels = plain(gateway.Spec.Infrastructure.Labels)
	result.Annotations = plain(gateway.Spec.Infrastructure.Annotations)
	return result
}

func plain[K, V ~string](typed map[K]V) map[string]string {
	if len(typed) == 0 {
		return nil
	}
	result := make(map[string]string, len(typed))
	for key, value := range typed {
		result[string(key)] = string(value)
	}
	return result
}
