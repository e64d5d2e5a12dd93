package listener

import (
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
	return class.MergeParameters(gatewayClass.Parameters, own), resolve.Problem{}
}

// valuesProblem returns what is wrong with the values that the parameters of a generated Gateway were
// made from.
func valuesProblem(v store.View, gateway *gwv1.Gateway) string {
	if gateway.Spec.Infrastructure == nil || gateway.Spec.Infrastructure.ParametersRef == nil {
		return ""
	}
	name := gateway.Spec.Infrastructure.ParametersRef.Name
	object := v.GatewayParameters(types.NamespacedName{Namespace: gateway.Namespace, Name: name})
	if object == nil {
		return ""
	}
	return object.Annotations[v1alpha1.ValuesProblemAnnotation]
}

// fieldsOfEnvoy returns what the parameters say about the routes and the clusters of the Gateway. They
// were checked when they were read.
func fieldsOfEnvoy(merged v1alpha1.GatewayParametersSpec) (route, cluster string) {
	route, routeErr := class.RouteFields(merged.Envoy)
	cluster, clusterErr := class.ClusterFields(merged.Envoy)
	if routeErr != nil || clusterErr != nil {
		return "", ""
	}
	return route, cluster
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
