package mirror

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/names"
)

const (
	serviceSuffix = "-kedify"
	// poolSuffix ends no name of a wired Service of a Service.
	poolSuffix = "-kedify-pool"

	// Suffixes of the slices of a wired Service.
	directSuffix    = "-direct"
	unproxiedSuffix = "-unproxied"
	proxySuffix     = "-proxy"

	// poolPrefix tells in WiresAnnotation a pool from a Service. No name has a slash.
	poolPrefix = "InferencePool/"

	// PathAnnotation on a slice with endpoints of the application is the Path that it is part of.
	PathAnnotation = v1alpha1.GroupName + "/path"
	// nowhereLabel in a selector matches no Pod of the proxies.
	nowhereLabel = v1alpha1.GroupName + "/past-the-proxies"
)

// Path is where a wired Service leads.
type Path string

const (
	// Proxy leads to the proxies, with the application on standby.
	Proxy = Path(v1alpha1.PathProxy)
	// Direct leads to the application.
	Direct = Path(v1alpha1.PathDirect)
	// Both leads to both: the step between the others, in either direction.
	Both Path = "Both"
)

// Name is the name of the wired Service of a Service or an InferencePool. A name that does not
// fit into a DNS label is cut and gets a hash of the whole.
func Name(original string, pool bool) string {
	stem, suffix := original, serviceSuffix
	if pool {
		suffix = poolSuffix
		stem = strings.ReplaceAll(stem, ".", "-") // a pool is named by a DNS subdomain
		if stem != "" && stem[0] >= '0' && stem[0] <= '9' {
			stem = "p-" + stem
		}
	}
	if name := stem + suffix; stem == original && len(name) <= validation.DNS1035LabelMaxLength {
		return name
	}
	return names.Shorten(stem, original, validation.DNS1035LabelMaxLength-len(suffix)) + suffix
}

// Wires is the value of v1alpha1.WiresAnnotation for a Service or an InferencePool.
func Wires(original string, pool bool) string {
	if pool {
		return poolPrefix + original
	}
	return original
}

// Original returns the name of the Service, or InferencePool, that a wired Service stands for;
// empty: the product did not make this Service, or not as a wired one.
func Original(service *corev1.Service) (name string, pool bool) {
	if !v1alpha1.Managed(service) {
		return "", false
	}
	value := service.Annotations[v1alpha1.WiresAnnotation]
	name, pool = strings.CutPrefix(value, poolPrefix)
	return name, pool
}

// Ours reports whether this package rendered a slice.
func Ours(slice *discoveryv1.EndpointSlice) bool {
	return slice.Labels[discoveryv1.LabelManagedBy] == v1alpha1.ManagedBy
}

// PathOf reads from live slices where their Service leads; empty: no slice of the product has endpoints of
// the application. While slices differ, a move is under way: it is Direct only when all are, and Proxy
// as soon as one is.
func PathOf(slices []*discoveryv1.EndpointSlice) Path {
	order := map[Path]int{Proxy: 1, Both: 2, Direct: 3}
	var found Path
	for _, slice := range slices {
		path := Path(slice.Annotations[PathAnnotation])
		if order[path] > 0 && Ours(slice) && (found == "" || order[path] < order[found]) {
			found = path
		}
	}
	return found
}
