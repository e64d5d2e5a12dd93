package class

import (
	"cmp"
	"maps"

	corev1 "k8s.io/api/core/v1"
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
		Client:      mergeClient(base.Client, own.Client),
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
		IPFamilyPolicy:        cmp.Or(own.IPFamilyPolicy, base.IPFamilyPolicy),
		IPFamilies:            mergeFamilies(base.IPFamilies, own),
		Annotations:           annotations,
	}
}

// mergeFamilies leaves one family of base where own wants a single one.
func mergeFamilies(base []corev1.IPFamily, own *v1alpha1.ServiceParameters) []corev1.IPFamily {
	switch {
	case len(own.IPFamilies) > 0:
		return own.IPFamilies
	case len(base) > 1 && own.IPFamilyPolicy != nil && *own.IPFamilyPolicy == corev1.IPFamilyPolicySingleStack:
		return base[:1]
	}
	return base
}

// mergeClient replaces clientIPDetection and proxyProtocol as a whole: each is one decision about the proxies that are believed.
func mergeClient(base, own *v1alpha1.ClientParameters) *v1alpha1.ClientParameters {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &v1alpha1.ClientParameters{
		ClientIPDetection:   cmp.Or(own.ClientIPDetection, base.ClientIPDetection),
		ProxyProtocol:       cmp.Or(own.ProxyProtocol, base.ProxyProtocol),
		Headers:             mergeClientHeaders(base.Headers, own.Headers),
		MaxRequestBodyLimit: cmp.Or(own.MaxRequestBodyLimit, base.MaxRequestBodyLimit),
		MaxModelBodyLimit:   cmp.Or(own.MaxModelBodyLimit, base.MaxModelBodyLimit),
		Timeout:             mergeClientTimeout(base.Timeout, own.Timeout),
	}
}

func mergeClientHeaders(base, own *v1alpha1.ClientHeaders) *v1alpha1.ClientHeaders {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &v1alpha1.ClientHeaders{
		MaxRequestHeaderLimit: cmp.Or(own.MaxRequestHeaderLimit, base.MaxRequestHeaderLimit),
		MaxRequestHeaders:     cmp.Or(own.MaxRequestHeaders, base.MaxRequestHeaders),
	}
}

func mergeClientTimeout(base, own *v1alpha1.ClientTimeout) *v1alpha1.ClientTimeout {
	if base == nil || own == nil || base.HTTP == nil || own.HTTP == nil {
		if own != nil && own.HTTP != nil {
			return own
		}
		return cmp.Or(base, own)
	}
	return &v1alpha1.ClientTimeout{HTTP: &v1alpha1.HTTPClientTimeout{
		RequestHeadersReceivedTimeout: cmp.Or(own.HTTP.RequestHeadersReceivedTimeout, base.HTTP.RequestHeadersReceivedTimeout),
		IdleTimeout:                   cmp.Or(own.HTTP.IdleTimeout, base.HTTP.IdleTimeout),
	}}
}
