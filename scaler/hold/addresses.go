package hold

import (
	"net"
	"slices"
	"strconv"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Addresses are the replicas that proxies ask, "host:port" each.
type Addresses struct {
	// Own is this replica, which sees the ACKs of the proxies that it serves: priority 0.
	Own string
	// Others are asked when it does not answer: priority 1.
	Others []string
}

// same reports whether both are equal. They are sorted.
func (a Addresses) same(b Addresses) bool {
	return a.Own == b.Own && slices.Equal(a.Others, b.Others)
}

// sorted is a copy with Others sorted, each once, without Own.
func (a Addresses) sorted() Addresses {
	others := slices.Clone(a.Others)
	slices.Sort(others)
	others = slices.DeleteFunc(slices.Compact(others), func(other string) bool { return other == a.Own || other == "" })
	return Addresses{Own: a.Own, Others: others}
}

// priorities are the addresses in the order in which proxies use them.
func (a Addresses) priorities() [][]ir.Endpoint {
	return [][]ir.Endpoint{parseAddresses(a.Own), parseAddresses(a.Others...)}
}

// parseAddresses leaves out texts that are no "host:port".
func parseAddresses(texts ...string) (parsed []ir.Endpoint) {
	for _, text := range texts {
		host, portText, err := net.SplitHostPort(text)
		if err != nil || host == "" {
			continue
		}
		if port, err := strconv.ParseUint(portText, 10, 16); err == nil {
			parsed = append(parsed, ir.Endpoint{Address: host, Port: uint32(port)})
		}
	}
	return parsed
}

// placeholder is the endpoint of a backend without endpoints: the port "discard" of the proxy's
// own loopback, where no process listens. The main thread of the proxy ACKs EDS. A worker that was
// not scheduled for a moment may read that a request passes before it applies the endpoints.
// Without an endpoint it would answer 503. The placeholder refuses the connection at once, and the
// route's retry meets the real endpoint.
var placeholder = ir.Endpoint{Address: "127.0.0.1", Port: 9}
