package hold

import (
	"net"
	"slices"
	"strconv"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Addresses are where proxies ask, "host:port" each.
type Addresses struct {
	// Own is this replica, which sees the ACKs of the proxies that it serves: priority 0.
	Own string
	// Others take over when it is gone: priority 1.
	Others []string
}

// same reports whether the proxies would be told the same.
func (a Addresses) same(b Addresses) bool {
	return a.Own == b.Own && slices.Equal(a.Others, b.Others)
}

// sorted is a copy with others in an order that depends on nothing, each once, without Own.
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

// placeholder is the endpoint of a backend without endpoints: the port "discard" of the proxy's own
// loopback, where nobody listens. EDS is ACKed by the main thread of the proxy; a worker that was
// not scheduled for a moment may read that a request goes on before it hears of the endpoint that
// it goes to. With no endpoint that is a 503, with this one a connection that is refused at once
// and tried again a moment later.
var placeholder = ir.Endpoint{Address: "127.0.0.1", Port: 9}
