package resolve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/types"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
)

const parametersKind = "GatewayParameters"

// parametersRef is a reference of a GatewayClass or of a Gateway in one form.
type parametersRef struct {
	field       string // where the user wrote it
	group, kind string
	key         types.NamespacedName
}

// gatewayParameters returns the parameters of the Gateway over those of its class.
func gatewayParameters(v store.View, gateway *gwv1.Gateway, gatewayClass ClassResult) (v1alpha1.GatewayParametersSpec, refusal) {
	if !gatewayClass.wrong.none() {
		return v1alpha1.GatewayParametersSpec{}, refuse(gwv1.GatewayReasonInvalidParameters,
			"GatewayClass %s: %s", gatewayClass.Name, gatewayClass.wrong.message)
	}
	if gateway.Spec.Infrastructure == nil || gateway.Spec.Infrastructure.ParametersRef == nil {
		return gatewayClass.Parameters, refusal{}
	}
	ref := gateway.Spec.Infrastructure.ParametersRef
	own, wrong := parameters(v, parametersRef{
		field: "spec.infrastructure.parametersRef",
		group: string(ref.Group),
		kind:  string(ref.Kind),
		key:   types.NamespacedName{Namespace: gateway.Namespace, Name: ref.Name},
	})
	if !wrong.none() {
		return gatewayClass.Parameters, wrong
	}
	return mergeParameters(gatewayClass.Parameters, own), refusal{}
}

// parameters reads what a reference names. The reason InvalidParameters is the same word for
// classes and Gateways.
func parameters(v store.View, ref parametersRef) (v1alpha1.GatewayParametersSpec, refusal) {
	reason := gwv1.GatewayReasonInvalidParameters
	if ref.group != v1alpha1.GroupName || ref.kind != parametersKind {
		return v1alpha1.GatewayParametersSpec{}, refuse(reason,
			"%s: group %q, kind %q is not supported; refer to a %s of group %s.",
			ref.field, ref.group, ref.kind, parametersKind, v1alpha1.GroupName)
	}
	object := v.GatewayParameters(ref.key)
	if object == nil {
		return v1alpha1.GatewayParametersSpec{}, refuse(reason,
			"%s: %s %s does not exist; create it, or correct the name.", ref.field, parametersKind, ref.key)
	}
	if err := parametersProblem(object.Spec); err != nil {
		return v1alpha1.GatewayParametersSpec{}, refuse(reason, "%s: %s %s: %v.", ref.field, parametersKind, ref.key, err)
	}
	return object.Spec, refusal{}
}

// parametersProblem checks what the schema of the CRD leaves open.
func parametersProblem(spec v1alpha1.GatewayParametersSpec) error {
	if spec.Replicas != nil && spec.Autoscaling != nil {
		return fmt.Errorf("spec.replicas and spec.autoscaling exclude each other; remove one")
	}
	if a := spec.Autoscaling; a != nil && a.MinReplicas != nil && *a.MinReplicas > a.MaxReplicas {
		return fmt.Errorf("spec.autoscaling.minReplicas %d is more than maxReplicas %d", *a.MinReplicas, a.MaxReplicas)
	}
	if !jsonObject(spec.PodTemplate) {
		return fmt.Errorf("spec.podTemplate is not an object")
	}
	if spec.Envoy != nil {
		if !jsonObject(spec.Envoy.Bootstrap) {
			return fmt.Errorf("spec.envoy.bootstrap is not an object")
		}
		if drain := spec.Envoy.DrainTimeout; drain != nil && drain.Duration < 0 {
			return fmt.Errorf("spec.envoy.drainTimeout %s is negative", drain.Duration)
		}
	}
	return nil
}

func jsonObject(value *apiextensionsv1.JSON) bool {
	if value == nil {
		return true
	}
	raw := bytes.TrimSpace(value.Raw)
	return json.Valid(raw) && len(raw) > 0 && raw[0] == '{'
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
func infrastructure(gateway *gwv1.Gateway, merged v1alpha1.GatewayParametersSpec) Infrastructure {
	result := Infrastructure{Parameters: merged}
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
