package listener

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/tracing"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

const parametersField = "spec.infrastructure.parametersRef"

// parameters are those of a Gateway over those of its class.
type parameters struct {
	v1alpha1.GatewayParametersSpec
	// tracingIn is the namespace of the object that has spec.telemetry.tracing, whose reference is one of that namespace.
	tracingIn string
}

// over lays the parameters of an object over others.
func (p parameters) over(own v1alpha1.GatewayParametersSpec, namespace string) parameters {
	if own.Telemetry != nil && own.Telemetry.Tracing != nil {
		p.tracingIn = namespace
	}
	p.GatewayParametersSpec = class.MergeParameters(p.GatewayParametersSpec, own)
	return p
}

// gatewayParameters returns the parameters of the Gateway over those of its class.
func gatewayParameters(
	v store.View, gateway *gwv1.Gateway, gatewayClass class.Result, setting class.Setting,
) (parameters, resolve.Problem) {
	if !gatewayClass.Problem.None() {
		return parameters{}, resolve.Problemf(gwv1.GatewayReasonInvalidParameters,
			"GatewayClass %s: %s", gatewayClass.Name, gatewayClass.Problem.Message)
	}
	base := installationParameters(v, store.KeyOf(gateway), gatewayClass, setting)
	if gateway.Spec.Infrastructure == nil {
		return base, resolve.Problem{}
	}
	if problem := metadataProblem(gateway.Spec.Infrastructure); !problem.None() && !setting.Unrestricted {
		return base, problem
	}
	if gateway.Spec.Infrastructure.ParametersRef == nil {
		return base, resolve.Problem{}
	}
	ref := gateway.Spec.Infrastructure.ParametersRef
	own, problem := class.ReadParameters(v, class.ParametersRef{
		Field: parametersField,
		Group: string(ref.Group),
		Kind:  string(ref.Kind),
		Key:   types.NamespacedName{Namespace: gateway.Namespace, Name: ref.Name},
	})
	if !problem.None() {
		return base, problem
	}
	if err := class.CheckGatewayParameters(own); err != nil && !setting.Unrestricted {
		return base, resolve.Problemf(gwv1.GatewayReasonInvalidParameters, "%s: GatewayParameters %s: %v.",
			parametersField, types.NamespacedName{Namespace: gateway.Namespace, Name: ref.Name}, err)
	}
	return base.over(own, gateway.Namespace), resolve.Problem{}
}

// installationParameters returns the parameters of the class with those of the installation for a
// generated Gateway. The product writes the latter from values that it has checked.
func installationParameters(v store.View, gateway types.NamespacedName, gatewayClass class.Result, setting class.Setting) parameters {
	ofClass := parameters{}.over(gatewayClass.Parameters, gatewayClass.ParametersIn)
	key, generated := setting.InstallationParameters(gateway)
	if !generated {
		return ofClass
	}
	object := v.GatewayParameters(key)
	if object == nil || class.CheckParameters(object.Spec) != nil {
		return ofClass
	}
	return ofClass.over(object.Spec, key.Namespace)
}

// metadataProblem refuses annotations for Pods that weaken their isolation: Kubernetes still reads
// profiles of AppArmor and seccomp from annotations.
func metadataProblem(infrastructure *gwv1.GatewayInfrastructure) resolve.Problem {
	for _, key := range slices.Sorted(maps.Keys(infrastructure.Annotations)) {
		domain, _, _ := strings.Cut(string(key), "/")
		if strings.HasSuffix(domain, "security.alpha.kubernetes.io") || strings.HasSuffix(domain, "security.beta.kubernetes.io") {
			return resolve.Problemf(gwv1.GatewayReasonInvalidParameters,
				"spec.infrastructure.annotations: %s changes the isolation of Pods; remove it.", key)
		}
	}
	return resolve.Problem{}
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

// accessLog returns what the parameters say about the log. They were checked when they were read.
func accessLog(merged v1alpha1.GatewayParametersSpec) *ir.AccessLog {
	log, err := class.AccessLog(merged)
	if err != nil {
		return nil
	}
	return log
}

// tracing returns what the parameters say about it.
func (p parameters) tracing() resolve.TracingParameters {
	if p.Telemetry == nil || p.Telemetry.Tracing == nil {
		return resolve.TracingParameters{}
	}
	return resolve.TracingParameters{Spec: p.Telemetry.Tracing, Namespace: p.tracingIn}
}

// KeepParameters has a Gateway whose parameters are wrong served as before: the data plane stays as it is
// (resolve.GatewayResult.Accepted), and so does what the proxies were told about its routes, backends and clients.
func KeepParameters(v store.View, result *resolve.GatewayResult, before resolve.GatewayResult) {
	result.RouteFields, result.ClusterFields = before.RouteFields, before.ClusterFields
	result.RefuseHTTP10, result.AccessLog = before.RefuseHTTP10, before.AccessLog
	result.Client, result.ProxyProtocol = before.Client, before.ProxyProtocol
	// A policy is not part of the parameters, and a grant may be gone since.
	result.TracingParameters = before.TracingParameters
	traced := tracing.Of(v, result.Key, result.TracingParameters)
	unresolved := traced.OfParameters()
	result.Tracing = traced.Tracing
	for i, condition := range result.Conditions {
		resolved := condition.Type == string(gwv1.GatewayConditionResolvedRefs) && condition.Status == metav1.ConditionTrue
		if resolved && !unresolved.None() {
			result.Conditions[i] = untraced(unresolved, condition.ObservedGeneration)
		}
	}
	result.Clusters = clustersOf(result.Listeners, traced)
}

// untraced says that the collector of the parameters cannot be called.
func untraced(unresolved resolve.Problem, generation int64) metav1.Condition {
	return resolve.Condition(gwv1.GatewayConditionResolvedRefs, metav1.ConditionFalse, unresolved.Reason,
		"GatewayParameters: "+unresolved.Message+" No span is sent.", generation)
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
