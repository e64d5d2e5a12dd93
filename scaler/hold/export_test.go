package hold

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Suffix makes the name of the endpoints of a hold cluster out of the name of the backend's.
const Suffix = "/hold"

// Nowhere is the endpoint of a backend without endpoints.
var Nowhere = placeholder.String()

// Head is what is read of headers: path, navigation, gRPC.
func Head(headers *corev3.HeaderMap) (path string, navigation, grpc bool) {
	h := parseHeaders(headers)
	return h.path, h.navigation(), h.grpc()
}

// Remembered counts the versions of the endpoints of a backend that are remembered.
func (g *Gate) Remembered(gateway types.NamespacedName, name string) int {
	found := g.existing(gateway)
	found.mu.Lock()
	defer found.mu.Unlock()
	return len(found.backend(name).published.versions)
}

// Priorities are the addresses that proxies use to ask.
func Priorities(a Addresses) [][]ir.Endpoint { return a.sorted().priorities() }

// MaxUnknownBackends of one gateway.
const MaxUnknownBackends = maxUnknownBackends

// Counted counts the demand keys whose held requests are counted.
func (g *Gate) Counted() int {
	g.counts.mu.RLock()
	defer g.counts.mu.RUnlock()
	return len(g.counts.byKey)
}
