package class

import (
	"slices"

	api "sigs.k8s.io/gateway-api/pkg/features"
)

// Annotations of the Gateway API's CRDs (Gateway API, "Versioning").
const (
	BundleAnnotation  = "gateway.networking.k8s.io/bundle-version"
	ChannelAnnotation = "gateway.networking.k8s.io/channel"
)

// CRD is what one CustomResourceDefinition of the Gateway API says about itself; "" for an
// annotation that it does not have.
type CRD struct {
	Bundle, Channel string
}

// Installed are the CRDs of the Gateway API in the cluster, in any order. Empty means that they
// were not read, as without a cluster: then those that this program was built against are
// assumed, in the experimental channel.
type Installed []CRD

// Experimental reports whether fields of the experimental channel exist. A mixture of channels
// does not count: which fields exist would be a guess.
func (i Installed) Experimental() bool {
	return !slices.ContainsFunc(i, func(crd CRD) bool { return crd.Channel != api.FeatureChannelExperimental })
}

// current reports whether all CRDs are of the minor version of BundleVersion. Others are served as those of
// v1.6: a field that may be missing is not claimed.
func (i Installed) current() bool {
	return !slices.ContainsFunc(i, func(crd CRD) bool { return minorVersion(crd.Bundle) != minorVersion(BundleVersion) })
}

// MixedTermination reports whether a port may terminate TLS for some server names and pass others through: an
// experiment in v1.6, standard since (TLSRouteModeMixed).
func (i Installed) MixedTermination() bool { return i.current() || i.Experimental() }

// Routability reports whether addresses of Gateways have the field routability (GEP-5093). A status that says it to other
// CRDs would be written again and again: the API server drops it.
func (i Installed) Routability() bool { return i.current() && i.Experimental() }

// unsupported are the versions of bundles that this program does not know, sorted, "none" for
// CRDs without one.
func (i Installed) unsupported() []string {
	var unknown []string
	for _, crd := range i {
		switch {
		case crd.Bundle == "":
			unknown = append(unknown, "none")
		case !supportedBundle(crd.Bundle):
			unknown = append(unknown, crd.Bundle)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}
