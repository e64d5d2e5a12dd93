package class

import (
	"cmp"
	"maps"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/fields"
)

// MergeParameters lays own over base, field by field: what own leaves out comes from base.
// Lists, patches and resources are fields, not merged inside. Neither is modified.
func MergeParameters(base, own v1alpha1.GatewayParametersSpec) v1alpha1.GatewayParametersSpec {
	merged := v1alpha1.GatewayParametersSpec{
		Replicas:    cmp.Or(own.Replicas, base.Replicas),
		Autoscaling: cmp.Or(own.Autoscaling, base.Autoscaling),
		PodTemplate: cmp.Or(own.PodTemplate, base.PodTemplate),
		Envoy:       mergeEnvoy(base.Envoy, own.Envoy),
		Service:     mergeService(base.Service, own.Service),
		Telemetry:   mergeTelemetry(base.Telemetry, own.Telemetry),
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
		AcceptHTTP10: cmp.Or(own.AcceptHTTP10, base.AcceptHTTP10),
		Bootstrap:    cmp.Or(own.Bootstrap, base.Bootstrap),
		Route:        mergeFields(base.Route, own.Route, fields.RouteText),
		Cluster:      mergeFields(base.Cluster, own.Cluster, fields.ClusterText),
	}
}

// mergeFields merges fields of a message of Envoy, each replaced as a whole. Both were checked when
// they were read.
func mergeFields(base, own *apiextensionsv1.JSON, text func([]byte) (string, error)) *apiextensionsv1.JSON {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	before, baseErr := text(base.Raw)
	after, ownErr := text(own.Raw)
	merged, err := fields.Merge(before, after)
	if err := cmp.Or(baseErr, ownErr, err); err != nil || merged == "" {
		return own
	}
	return &apiextensionsv1.JSON{Raw: []byte(merged)}
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
