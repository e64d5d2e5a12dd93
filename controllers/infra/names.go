package infra

import (
	"maps"
	"net/netip"
	"regexp"
	"strings"

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
	// clusterSuffix is of Services inside the cluster. No object called by Name ends with it.
	clusterSuffix = nameSuffix + "-cluster"
	// hashOfAddress is a dash and a hash.
	hashOfAddress = 9
)

var (
	notInLabel  = regexp.MustCompile(`[^a-z0-9-]+`)
	clusterName = regexp.MustCompile(clusterSuffix + `(-[0-9a-f-]+)?$`)
)

// Name is the name of every object of the data plane of a Gateway: the Gateway's name and
// "-kedify". A Service name is a DNS label (RFC 1035), a Gateway name is a DNS subdomain of up
// to 253 characters: a name that does not fit is cut and gets a hash of the whole name.
func Name(gateway types.NamespacedName) string { return nameWith(gateway, nameSuffix) }

// ClusterServiceName is the name of the Service with a cluster IP that the user asks for, or with any (""): that of Name,
// "-cluster", and the address; one of IPv6 as a hash, because it leaves no room.
func ClusterServiceName(gateway types.NamespacedName, ip string) string {
	suffix := clusterSuffix
	switch parsed, err := netip.ParseAddr(ip); {
	case err != nil:
	case parsed.Is4():
		suffix += "-" + strings.ReplaceAll(ip, ".", "-")
	default:
		suffix += names.Shorten("", ip, hashOfAddress)
	}
	return nameWith(gateway, suffix)
}

// isServiceName reports whether a Service of the Gateway has a name of Name or ClusterServiceName. Others with its labels are
// of generated Gateways (controllers/scaledobject).
func isServiceName(gateway types.NamespacedName, name string) bool {
	return name == Name(gateway) || clusterName.MatchString(name)
}

func nameWith(gateway types.NamespacedName, suffix string) string {
	name := gateway.Name + suffix
	if len(validation.IsDNS1035Label(name)) == 0 {
		return name
	}
	stem := notInLabel.ReplaceAllString(gateway.Name, "-")
	if stem[0] < 'a' || stem[0] > 'z' {
		stem = "g-" + stem
	}
	return names.Shorten(stem, gateway.Name, validation.DNS1035LabelMaxLength-len(suffix)) + suffix
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
