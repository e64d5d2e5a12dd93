package plan

import (
	"errors"
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/internal/message"
	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// Keys of the ConfigMap with the values of generated Gateways, each a GatewayParameters spec in YAML:
// for all, and for the one of a namespace.
const (
	valuesKey           = "values"
	namespacedValuesKey = "namespacedValues."
)

// proxyValues returns the parameters of the generated Gateway, those that a Gateway may not set for itself apart,
// and what is wrong with the values of the installation. Then the parameters stay what they are: the objects in
// the cluster are the last good. A Gateway that has none yet gets the values that can be used.
func (m *maker) proxyValues() (plain, rest v1alpha1.GatewayParametersSpec, problem string) {
	spec, problem := m.mergedValues()
	live := m.Find.GatewayParameters(m.Proxy)
	if problem == "" || live == nil {
		plain, rest = class.SplitPrivileged(spec)
		return plain, rest, problem
	}
	if last := m.Find.GatewayParameters(m.installationParameters()); last != nil && Managed(last) {
		rest = *last.Spec.DeepCopy()
	}
	// An object of an earlier version, or one that a tenant wrote to, may have what it may not have.
	plain, _ = class.SplitPrivileged(live.Spec)
	return plain, rest, problem
}

// mergedValues returns the values for the generated Gateway that can be used, and what is wrong with the others.
func (m *maker) mergedValues() (spec v1alpha1.GatewayParametersSpec, problem string) {
	// What leads to the proxy from outside the cluster is an Ingress or a Gateway that exists.
	spec = v1alpha1.GatewayParametersSpec{Service: &v1alpha1.ServiceParameters{Type: ptr.To(corev1.ServiceTypeClusterIP)}}
	if m.Values.Name == "" {
		return spec, ""
	}
	values := m.Find.ConfigMap(m.Values)
	if values == nil {
		problem = fmt.Sprintf("ConfigMap %s does not exist; upgrade or roll back the installation.", m.Values)
	} else {
		keys := []string{valuesKey}
		if !m.Shared {
			keys = append(keys, namespacedValuesKey+m.Proxy.Namespace)
		}
		for _, key := range keys {
			own, err := readValues(values.Data[key])
			if err != nil {
				problem = message.Note(fmt.Sprintf("ConfigMap %s, key %s: %v.", m.Values, key, err))
				continue
			}
			spec = class.MergeParameters(spec, own)
		}
	}
	return spec, problem
}

// readValues reads one entry. The error names the field.
func readValues(text string) (v1alpha1.GatewayParametersSpec, error) {
	var spec v1alpha1.GatewayParametersSpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		return spec, err
	}
	if err := class.CheckParameters(spec); err != nil {
		return spec, err
	}
	if err := patchProblem(spec.PodTemplate); err != nil {
		return spec, err
	}
	return spec, errors.Join(countsProblem(spec), envoyProblem(spec.Envoy), serviceProblem(spec.Service))
}

// patchProblem tries the patch of the pod template. Without it the data plane would be the first to, and
// a proxy that is made then would not come.
func patchProblem(patch *apiextensionsv1.JSON) error {
	if patch == nil {
		return nil
	}
	if _, err := class.PatchPodTemplate(corev1.PodTemplateSpec{}, patch.Raw); err != nil {
		return fmt.Errorf("spec.podTemplate: %w", err)
	}
	return nil
}

// countsProblem, envoyProblem and serviceProblem check what the schema of the CRD would refuse: it
// would refuse the merged object, with the values of others in it.
func countsProblem(spec v1alpha1.GatewayParametersSpec) error {
	if ptr.Deref(spec.Replicas, 1) < 0 {
		return fmt.Errorf("spec.replicas %d is negative", *spec.Replicas)
	}
	scaling := spec.Autoscaling
	if scaling == nil {
		return nil
	}
	if scaling.MaxReplicas < 1 || ptr.Deref(scaling.MinReplicas, 1) < 1 {
		return errors.New("spec.autoscaling.minReplicas and maxReplicas are at least 1")
	}
	for i, metric := range scaling.Metrics {
		if !hasSource(metric) {
			return fmt.Errorf("spec.autoscaling.metrics[%d] has no source of its type %q", i, metric.Type)
		}
	}
	return nil
}

func hasSource(metric autoscalingv2.MetricSpec) bool {
	switch metric.Type {
	case autoscalingv2.ResourceMetricSourceType:
		return metric.Resource != nil
	case autoscalingv2.ContainerResourceMetricSourceType:
		return metric.ContainerResource != nil
	case autoscalingv2.PodsMetricSourceType:
		return metric.Pods != nil
	case autoscalingv2.ObjectMetricSourceType:
		return metric.Object != nil
	case autoscalingv2.ExternalMetricSourceType:
		return metric.External != nil
	}
	return false
}

var logLevels = []string{"trace", "debug", "info", "warning", "error", "critical", "off"}

func envoyProblem(envoy *v1alpha1.EnvoyParameters) error {
	if envoy == nil {
		return nil
	}
	if level := envoy.LogLevel; level != nil && !slices.Contains(logLevels, *level) {
		return fmt.Errorf("spec.envoy.logLevel %q is not one of %v", *level, logLevels)
	}
	if ptr.Deref(envoy.Concurrency, 1) < 1 {
		return fmt.Errorf("spec.envoy.concurrency %d is less than 1", *envoy.Concurrency)
	}
	if envoy.Bootstrap != nil {
		if _, err := bootstrap.Merge([]byte("{}"), envoy.Bootstrap.Raw); err != nil {
			return fmt.Errorf("spec.envoy.bootstrap: %w", err)
		}
	}
	return nil
}

func serviceProblem(service *v1alpha1.ServiceParameters) error {
	if service == nil {
		return nil
	}
	kinds := []corev1.ServiceType{corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort, corev1.ServiceTypeClusterIP}
	if service.Type != nil && !slices.Contains(kinds, *service.Type) {
		return fmt.Errorf("spec.service.type %q is not one of %v", *service.Type, kinds)
	}
	policies := []corev1.ServiceExternalTrafficPolicy{corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal}
	if policy := service.ExternalTrafficPolicy; policy != nil && !slices.Contains(policies, *policy) {
		return fmt.Errorf("spec.service.externalTrafficPolicy %q is not one of %v", *policy, policies)
	}
	return nil
}
