package class

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/fields"
)

const parametersKind = "GatewayParameters"

// ParametersRef is a reference of a GatewayClass or of a Gateway in one form.
type ParametersRef struct {
	Field       string // where the user wrote it
	Group, Kind string
	Key         types.NamespacedName
}

// ReadParameters reads what a reference names. The reason InvalidParameters is the same word for
// classes and Gateways.
func ReadParameters(v store.View, ref ParametersRef) (v1alpha1.GatewayParametersSpec, resolve.Problem) {
	reason := gwv1.GatewayReasonInvalidParameters
	if ref.Group != v1alpha1.GroupName || ref.Kind != parametersKind {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problemf(reason,
			"%s: group %q, kind %q is not supported; refer to a %s of group %s.",
			ref.Field, ref.Group, ref.Kind, parametersKind, v1alpha1.GroupName)
	}
	if outside := v.Outside(parametersKind, ref.Key); outside != "" {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problemf(reason, "%s: %s.", ref.Field, outside)
	}
	object := v.GatewayParameters(ref.Key)
	if object == nil {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problemf(reason,
			"%s: %s %s does not exist; create it, or correct the name.", ref.Field, parametersKind, ref.Key)
	}
	if err := CheckParameters(object.Spec); err != nil {
		return v1alpha1.GatewayParametersSpec{}, resolve.Problemf(reason, "%s: %s %s: %v.", ref.Field, parametersKind, ref.Key, err)
	}
	return object.Spec, resolve.Problem{}
}

// CheckParameters checks what the schema of the CRD leaves open.
func CheckParameters(spec v1alpha1.GatewayParametersSpec) error {
	if spec.Replicas != nil && spec.Autoscaling != nil {
		return fmt.Errorf("spec.replicas and spec.autoscaling exclude each other; remove one")
	}
	if a := spec.Autoscaling; a != nil && a.MinReplicas != nil && *a.MinReplicas > a.MaxReplicas {
		return fmt.Errorf("spec.autoscaling.minReplicas %d is more than maxReplicas %d", *a.MinReplicas, a.MaxReplicas)
	}
	if !jsonObject(spec.PodTemplate) {
		return fmt.Errorf("spec.podTemplate is not an object")
	}
	if err := checkFamilies(spec.Service); err != nil {
		return err
	}
	if err := checkClient(spec.Client); err != nil {
		return err
	}
	if err := checkEnvoy(spec.Envoy); err != nil {
		return err
	}
	return checkTelemetry(spec)
}

func checkEnvoy(envoy *v1alpha1.EnvoyParameters) error {
	if envoy == nil {
		return nil
	}
	if !jsonObject(envoy.Bootstrap) {
		return fmt.Errorf("spec.envoy.bootstrap is not an object")
	}
	if drain := envoy.DrainTimeout; drain != nil && drain.Duration < 0 {
		return fmt.Errorf("spec.envoy.drainTimeout %s is negative", drain.Duration)
	}
	if _, err := RouteFields(envoy); err != nil {
		return err
	}
	_, err := ClusterFields(envoy)
	return err
}

// checkFamilies checks what the API server would refuse in the Service, without the field of the parameters. Values of the
// installation pass no schema.
func checkFamilies(service *v1alpha1.ServiceParameters) error {
	if service == nil {
		return nil
	}
	const field = "spec.service.ipFamilies"
	policies := []corev1.IPFamilyPolicy{
		corev1.IPFamilyPolicySingleStack, corev1.IPFamilyPolicyPreferDualStack, corev1.IPFamilyPolicyRequireDualStack,
	}
	policy := ptr.Deref(service.IPFamilyPolicy, corev1.IPFamilyPolicySingleStack)
	if !slices.Contains(policies, policy) {
		return fmt.Errorf("spec.service.ipFamilyPolicy %q is not one of %v", policy, policies)
	}
	for i, family := range service.IPFamilies {
		switch {
		case family != corev1.IPv4Protocol && family != corev1.IPv6Protocol:
			return fmt.Errorf("%s[%d] %q is neither IPv4 nor IPv6", field, i, family)
		case slices.Contains(service.IPFamilies[:i], family):
			return fmt.Errorf("%s has %s twice; remove one", field, family)
		}
	}
	if len(service.IPFamilies) == 2 && policy == corev1.IPFamilyPolicySingleStack {
		return fmt.Errorf("%s has two families, and spec.service.ipFamilyPolicy is SingleStack; "+
			"set PreferDualStack or RequireDualStack, or remove a family", field)
	}
	return nil
}

// RouteFields returns the fields of RouteAction in one form (xds/fields).
func RouteFields(envoy *v1alpha1.EnvoyParameters) (string, error) {
	if envoy == nil || envoy.Route == nil {
		return "", nil
	}
	text, err := fields.RouteText(envoy.Route.Raw)
	if err != nil {
		return "", fmt.Errorf("spec.envoy.route: %w", err)
	}
	return text, nil
}

// ClusterFields is the same for fields of Cluster.
func ClusterFields(envoy *v1alpha1.EnvoyParameters) (string, error) {
	if envoy == nil || envoy.Cluster == nil {
		return "", nil
	}
	text, err := fields.ClusterText(envoy.Cluster.Raw)
	if err != nil {
		return "", fmt.Errorf("spec.envoy.cluster: %w", err)
	}
	return text, nil
}

func jsonObject(value *apiextensionsv1.JSON) bool {
	if value == nil {
		return true
	}
	raw := bytes.TrimSpace(value.Raw)
	return json.Valid(raw) && len(raw) > 0 && raw[0] == '{'
}
