package resolve

import (
	"net/netip"
	"slices"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// RoutabilitySentinel is a value of conformance: it asks for no reachability, and is reported (GEP-5093, "Well-Known
// Values").
const RoutabilitySentinel gwv1.GatewayAddressRoutabilityType = "testing.x-k8s.io/sentinel"

// Exposure is which Services a Gateway has, by its spec.addresses.
type Exposure struct {
	// Outside: the Service with the type of the GatewayParameters. A Gateway whose addresses are all of another
	// routability has none, and so no load balancer.
	Outside bool
	// ClusterIPs has a Service of type ClusterIP for each value that is asked for with routability Cluster, in the form
	// of netip.Addr and without repetition; "": any.
	ClusterIPs []string
}

// Any reports whether there is any Service.
func (e Exposure) Any() bool { return e.Outside || len(e.ClusterIPs) > 0 }

// ExposureOf reads spec.addresses. An address that nothing can satisfy asks for no Service.
func ExposureOf(addresses []gwv1.GatewaySpecAddress) Exposure {
	exposure := Exposure{Outside: len(addresses) == 0}
	for _, address := range addresses {
		if Unsatisfiable(address) != "" {
			continue
		}
		if address.Routability != gwv1.GatewayAddressRoutabilityCluster {
			exposure.Outside = true
			continue
		}
		if value := CanonicalIP(address.Value); !slices.Contains(exposure.ClusterIPs, value) {
			exposure.ClusterIPs = append(exposure.ClusterIPs, value)
		}
	}
	slices.Sort(exposure.ClusterIPs)
	return exposure
}

// Unsatisfiable says why no data plane of this product can have an address; "": one may.
func Unsatisfiable(address gwv1.GatewaySpecAddress) string {
	switch address.Routability {
	case gwv1.GatewayAddressRoutabilityDefault, RoutabilitySentinel:
		return ""
	case gwv1.GatewayAddressRoutabilityCluster:
		switch {
		case AddressType(address.Type) != gwv1.IPAddressType:
			return "only an IPAddress can have routability Cluster"
		case address.Value != "" && CanonicalIP(address.Value) == "":
			return "its value is no IP address"
		}
		return ""
	}
	return "its routability is not supported; use Cluster, or leave it out"
}

// AddressType is the type of an address, IPAddress unless said.
func AddressType(kind *gwv1.AddressType) gwv1.AddressType { return ptr.Deref(kind, gwv1.IPAddressType) }

// CanonicalIP is an IP address as Kubernetes writes it, "" for a text that is none.
func CanonicalIP(text string) string {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" {
		return ""
	}
	return ip.Unmap().String()
}
