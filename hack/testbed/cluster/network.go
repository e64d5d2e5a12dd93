package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// nodeLinks is the network of the node: an address on one end of a veth pair
// (some kernels have no dummy device) whose other end stays beside it, unused.
// There is no default route: whatever is outside fails at once.
//
// Service and load balancer addresses need a route although nothing answers
// there, because a local process's packet is routed before kube-proxy's rules
// redirect it. They are not made local addresses: then the node itself would
// accept connections to addresses that no Service owns.
const nodeLinks = `link set lo up
link add node0 type veth peer name node1
address add ` + NodeAddress + nodePrefix + ` dev node0
link set node0 up
link set node1 up
route add ` + ServiceNetwork + ` dev node0 src ` + NodeAddress + `
route add ` + LoadBalancerNetwork + ` dev node0 src ` + NodeAddress + `
`

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

func setUpNetwork() error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(nodeLinks)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("set up network: %w: %s", err, out)
	}
	for name, value := range nodeSysctls {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// cniConfig gives every pod a point-to-point link. With a bridge, answers of a
// pod on the same bridge would bypass connection tracking, and Service
// addresses would not work between pods without the br_netfilter module.
const cniConfig = `{
  "cniVersion": "0.4.0",
  "name": "testbed",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "` + PodNetwork + `"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni-addresses"
      }
    }
  ]
}
`
