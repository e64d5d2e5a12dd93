package listener

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Addresses returns where the data plane of a Gateway can be reached, and what is wrong with
// the addresses that the user asked for. Where the CRDs have no routability, no type or number of addresses is held to
// spec.addresses, and their routability is not reported.
func Addresses(v store.View, g resolve.GatewayResult, installed class.Installed) Assignment {
	if installed.Routability() {
		return Assign(v, g)
	}
	addresses, problem := unroutableAddresses(v, g)
	return Assignment{Addresses: addresses, Unusable: problem}
}

func unroutableAddresses(v store.View, g resolve.GatewayResult) (addresses []gwv1.GatewayStatusAddress, problem string) {
	for _, service := range v.DataPlaneServices(g.Key) {
		addresses = append(addresses, serviceAddresses(service)...)
	}
	wanted := wantedAddresses(g.Addresses)
	if len(wanted) == 0 {
		return addresses, ""
	}
	usable := slices.DeleteFunc(slices.Clone(addresses), func(a gwv1.GatewayStatusAddress) bool {
		return !slices.Contains(wanted, a.Value)
	})
	var missing []string
	for _, value := range wanted {
		if !slices.ContainsFunc(usable, func(a gwv1.GatewayStatusAddress) bool { return a.Value == value }) {
			missing = append(missing, value)
		}
	}
	if len(missing) > 0 {
		return usable, notGivenText(missing)
	}
	return usable, ""
}

func notGivenText(values []string) string {
	return "spec.addresses: the load balancer did not give " + strings.Join(values, ", ") +
		"; use an address of its range, or leave the value empty to be given one"
}

func wantedAddresses(addresses []gwv1.GatewaySpecAddress) []string {
	var values []string
	for _, address := range addresses {
		if address.Value != "" {
			values = append(values, address.Value)
		}
	}
	return values
}

func serviceAddresses(service *corev1.Service) []gwv1.GatewayStatusAddress {
	var addresses []gwv1.GatewayStatusAddress
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
		for _, ip := range service.Spec.ClusterIPs {
			if ip != corev1.ClusterIPNone && ip != "" {
				addresses = append(addresses, address(gwv1.IPAddressType, ip))
			}
		}
		return addresses
	}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		switch {
		case ingress.IP != "":
			addresses = append(addresses, address(gwv1.IPAddressType, ingress.IP))
		case ingress.Hostname != "":
			addresses = append(addresses, address(gwv1.HostnameAddressType, ingress.Hostname))
		}
	}
	return addresses
}

func address(kind gwv1.AddressType, value string) gwv1.GatewayStatusAddress {
	return gwv1.GatewayStatusAddress{Type: &kind, Value: value}
}
