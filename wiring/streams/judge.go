package streams

import (
	"net"
	"slices"
	"strconv"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/wiring/health"
)

// portName of the controllers' Service behind which /status/proxies is.
const portName = "metrics"

// Addresses returns where the ready controllers answer, sorted.
func Addresses(ofService []*discoveryv1.EndpointSlice) []string {
	var found []string
	for _, slice := range ofService {
		at := slices.IndexFunc(slice.Ports, func(port discoveryv1.EndpointPort) bool {
			return ptr.Deref(port.Name, "") == portName && port.Port != nil
		})
		if at < 0 || slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if ptr.Deref(endpoint.Conditions.Ready, true) && len(endpoint.Addresses) > 0 {
				found = append(found, net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*slice.Ports[at].Port))))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// answer is what one controller said; gateways is nil if it said nothing, or has not read the cluster.
type answer struct {
	gateways map[types.NamespacedName]debug.ProxyStreams
}

func answerOf(said debug.Streams) answer {
	if !said.Ready {
		return answer{}
	}
	known := make(map[types.NamespacedName]debug.ProxyStreams, len(said.Gateways))
	for _, streams := range said.Gateways {
		known[types.NamespacedName(streams.Gateway)] = streams
	}
	return answer{known}
}

// changed are the Gateways of which answers say something else than the answers before.
func changed(before, after []answer) []types.NamespacedName {
	known := map[types.NamespacedName]bool{}
	for _, answer := range slices.Concat(before, after) {
		for gateway := range answer.gateways {
			known[gateway] = true
		}
	}
	var found []types.NamespacedName
	for gateway := range known {
		if judge(before, gateway) != judge(after, gateway) {
			found = append(found, gateway)
		}
	}
	return found
}

// judge adds up what all ready controllers said of a Gateway.
func judge(answers []answer, gateway types.NamespacedName) health.State {
	sure := len(answers) > 0
	for _, answer := range answers {
		switch streams, known := answer.gateways[gateway]; {
		case !known || !streams.Ready:
			sure = false
		case streams.Accepting > 0:
			return health.Ready
		}
	}
	if sure {
		return health.NotReady
	}
	return health.Unknown
}
