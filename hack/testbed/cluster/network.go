package cluster

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// nodeLinks is the network of the node: an address on one end of a veth pair
// (some kernels have no dummy device) whose other end stays beside it, unused.
// There is no default route: a connection to an address outside fails at once.
//
// Service and load balancer addresses need a route although nothing answers
// there, because a local process's packet is routed before kube-proxy's rules
// redirect it. They are not made local addresses: then the node itself would
// accept connections to addresses that no Service owns.
func nodeLinks(l Layout) string {
	at := l.addresses()
	return `link set lo up
link add node0 type veth peer name node1
address add ` + at.node + at.nodePrefix + ` dev node0` + l.undetected() + `
link set node0 up
link set node1 up
route add ` + at.services + ` dev node0 src ` + at.node + `
route add ` + at.loadBalancers + ` dev node0 src ` + at.node + `
`
}

// undetected has an address of IPv6 used at once, without a look for another
// node that has it.
func (l Layout) undetected() string {
	if l.Family == IPv6 {
		return " nodad"
	}
	return ""
}

// nodeSysctls are settings of the network namespace.
var nodeSysctls = map[string]string{
	"net/ipv4/ip_forward":             "1",
	"net/ipv4/conf/all/rp_filter":     "0",
	"net/ipv4/conf/default/rp_filter": "0",
	// An address that no Service owns is reported as unreachable after
	// 0.3 s instead of 3 s.
	"net/ipv4/neigh/node0/retrans_time_ms": "100",
	"net/ipv4/neigh/node0/mcast_solicit":   "3",
}

// nodeSysctls6 are those of a cluster of IPv6, besides.
var nodeSysctls6 = map[string]string{
	"net/ipv6/conf/all/forwarding":         "1",
	"net/ipv6/conf/default/forwarding":     "1",
	"net/ipv6/conf/default/accept_dad":     "0",
	"net/ipv6/neigh/node0/retrans_time_ms": "100",
	"net/ipv6/neigh/node0/mcast_solicit":   "3",
}

func setUpNetwork(l Layout) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(nodeLinks(l))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("set up network: %w: %s", err, out)
	}
	settings := maps.Clone(nodeSysctls)
	if l.Family == IPv6 {
		maps.Copy(settings, nodeSysctls6)
	}
	for name, value := range settings {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// cniConfig gives every pod a point-to-point link. With a bridge, answers of a
// pod on the same bridge would bypass connection tracking, and Service
// addresses would not work between pods without the br_netfilter module.
func cniConfig(l Layout) string {
	at := l.addresses()
	return `{
  "cniVersion": "0.4.0",
  "name": "testbed",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "` + at.pods + `"}]],
        "routes": [{"dst": "` + at.all + `"}],
        "dataDir": "/run/cni-addresses"
      }
    }
  ]
}
`
}
