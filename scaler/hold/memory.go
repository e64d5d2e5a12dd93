package hold

import (
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/hold/places"
)

// What a held request costs its proxy, measured with Envoy 1.40 (docs/adr/0041-memory-of-held-requests.md).
const (
	// plainCost is that of a request without a body: its connection, its stream and its headers.
	plainCost = 96 << 10
	// behindCost is at most what has come of a body behind what the rule keeps of it.
	behindCost = 320 << 10
	// heldDivisor: that part of the memory of a proxy is for the requests that one replica of the control plane holds. Two
	// replicas hold for one proxy while its streams move.
	heldDivisor = 3
)

// SetMemory says how much memory the Envoys of a gateway may use, in bytes; zero: it is not known.
func (g *Gate) SetMemory(gateway types.NamespacedName, bytes uint64) {
	g.gateway(gateway).memory.Store(bytes)
}

// space is what the request may cost its proxy while it is held.
func (c *call) space() int {
	if c.raw.GetEndOfStream() {
		return plainCost
	}
	length, err := strconv.ParseInt(c.headers().contentLength, 10, 64)
	if err != nil || length < 0 {
		return plainCost + c.buffer + behindCost // chunked: it may be of any size
	}
	return plainCost + int(min(length, int64(c.buffer+behindCost)))
}

// proxy is the Envoy that asks. Envoys without a node ID count as one.
func (c *call) proxy() places.Proxy { return places.Proxy{Gateway: c.gateway, Node: c.node} }

// room is what its proxy has for held requests; zero: it is not known.
func (c *call) room() int { return int(c.gate.gateway(c.gateway).memory.Load() / heldDivisor) }
