package mirror

import (
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Labels and annotations of a Service configure its consumers, and most are copied. Those below are
// the bookkeeping of tools, which delete or reset what carries their mark and is not in their source,
// or ask for something that there can be only once, such as a DNS record.
var (
	bookkeepingPrefixes = []string{
		"kubectl.kubernetes.io/", "argocd.argoproj.io/", "meta.helm.sh/", "config.k8s.io/", "configmanagement.gke.io/",
		"configsync.gke.io/", "kapp.k14s.io/", "applyset.kubernetes.io/", "tanka.dev/", "objectset.rio.cattle.io/", "fleet.cattle.io/",
		"field.cattle.io/", "external-dns.alpha.kubernetes.io/", "tailscale.com/", "prometheus.io/", "gateway.networking.k8s.io/",
		v1alpha1.GroupName + "/",
	}
	bookkeepingKeys = []string{
		"helm.sh/chart", "app.kubernetes.io/instance", v1alpha1.ManagedByLabel, "cloud.google.com/neg-status",
		discoveryv1.LabelManagedBy, discoveryv1.LabelServiceName, "service.kubernetes.io/headless",
	}
	// fluxSuffix is of the prefixes of all controllers of Flux.
	fluxSuffix = ".toolkit.fluxcd.io"
)

// kept returns the labels or annotations that configure consumers.
func kept(all map[string]string) map[string]string {
	copied := map[string]string{}
	for key, value := range all {
		if !bookkeeping(key) {
			copied[key] = value
		}
	}
	return copied
}

func bookkeeping(key string) bool {
	prefix, _, prefixed := strings.Cut(key, "/")
	return slices.Contains(bookkeepingKeys, key) || prefixed && strings.HasSuffix(prefix, fluxSuffix) ||
		slices.ContainsFunc(bookkeepingPrefixes, func(known string) bool { return strings.HasPrefix(key, known) })
}
