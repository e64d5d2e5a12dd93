package cluster

import (
	"fmt"
	"net"
)

// Family is which addresses the node, pods and Services of a cluster have.
type Family string

// The families, by the names of `up --ip-family`.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

// ParseFamily reads the flag.
func ParseFamily(text string) (Family, error) {
	if family := Family(text); family == IPv4 || family == IPv6 {
		return family, nil
	}
	return "", fmt.Errorf("%q is no family of addresses: use %s or %s", text, IPv4, IPv6)
}

// addresses of a cluster. They exist only inside the cluster's own network
// namespace, so any number of clusters use the same ones.
type addresses struct {
	node, nodePrefix string
	pods, services   string
	api, dns         string
	// loadBalancers is routed to the node. Those of static are given only to
	// Services that ask for one by spec.loadBalancerIP.
	loadBalancers, static string
	// any binds a port, host is the prefix of one address, all is the default route.
	any, host, all string
}

var byFamily = map[Family]addresses{
	IPv4: {
		node: "10.89.0.2", nodePrefix: "/24", pods: "10.244.0.0/16", services: "10.96.0.0/16", api: "10.96.0.1", dns: "10.96.0.10",
		loadBalancers: "10.99.0.0/16", static: "10.99.255.0/24", any: "0.0.0.0", host: "/32", all: "0.0.0.0/0",
	},
	IPv6: {
		node: "fd10:89::2", nodePrefix: "/64", pods: "fd10:244::/64", services: "fd10:96::/112", api: "fd10:96::1", dns: "fd10:96::a",
		loadBalancers: "fd10:99::/112", static: "fd10:99::ff00/120", any: "::", host: "/128", all: "::/0",
	},
}

// addresses of the cluster: those of IPv4 unless it says so.
func (l Layout) addresses() addresses {
	if l.Family == IPv6 {
		return byFamily[IPv6]
	}
	return byFamily[IPv4]
}

func (l Layout) apiServerURL() string {
	return "https://" + net.JoinHostPort(l.addresses().node, "6443")
}
