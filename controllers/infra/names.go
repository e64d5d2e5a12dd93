package infra

import (
	"maps"
	"regexp"

	"k8s.io/apimachinery/pkg/types"

	"k8s.io/apimachinery/pkg/util/validation"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
)

const (
	// ManagedBy is the value of app.kubernetes.io/managed-by on everything the product makes.
	ManagedBy = "kedify-gateway"

	labelManagedBy = "app.kubernetes.io/managed-by"
	labelName      = "app.kubernetes.io/name"
	labelComponent = "app.kubernetes.io/component"
	labelInstance  = "app.kubernetes.io/instance"
	// labelClass is the well-known label of GEP-1762.
	labelClass = "gateway.networking.k8s.io/gateway-class-name"

	annotationBootstrap = v1alpha1.GroupName + "/bootstrap-hash"

	nameSuffix = "-kedify"
)

var notInLabel = regexp.MustCompile(`[^a-z0-9-]+`)

// Name is the name of every object of the data plane of a Gateway: the Gateway's name and
// "-kedify". A Service name is a DNS label (RFC 1035), a Gateway name is a DNS subdomain of up
// to 253 characters: a name that does not fit is cut and gets a hash of the whole name.
func Name(gateway types.NamespacedName) string {
	name := gateway.Name + nameSuffix
	if len(validation.IsDNS1035Label(name)) == 0 {
		return name
	}
	stem := notInLabel.ReplaceAllString(gateway.Name, "-")
	if stem[0] < 'a' || stem[0] > 'z' {
		stem = "g-" + stem
	}
	return names.Shorten(stem, gateway.Name, validation.DNS1035LabelMaxLength-len(nameSuffix)) + nameSuffix
}

// SecretName is the name of the Secret with the xDS client certificate of a Gateway.
func SecretName(gateway types.NamespacedName) string { return Name(gateway) + "-xds" }

// selector is what the Deployment, the Service and the PodDisruptionBudget select. A
// Deployment's selector can never change: only the identity of the Gateway belongs here.
func selector(gateway types.NamespacedName) map[string]string {
	return map[string]string{
		gwv1.GatewayNameLabelKey: names.LabelValue(gateway.Name),
		labelManagedBy:           ManagedBy,
	}
}

// OwnedLabels selects everything that the product made for any Gateway.
func OwnedLabels() map[string]string { return map[string]string{labelManagedBy: ManagedBy} }

// labels of every object: those of the user, and those of the product, which win.
func labels(spec Spec) map[string]string {
	merged := maps.Clone(spec.Infrastructure.Labels)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, selector(spec.Gateway))
	maps.Copy(merged, map[string]string{
		labelClass:     names.LabelValue(spec.ClassName),
		labelName:      "envoy",
		labelComponent: "proxy",
		labelInstance:  Name(spec.Gateway),
	})
	return merged
}
