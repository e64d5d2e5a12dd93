package hold

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/resource"
)

// ReadCluster is what is read of a cluster.
func ReadCluster(r *resource.Resource) (endpoints string, demand types.NamespacedName, ok bool) {
	read, ok := readCluster(r)
	return read.endpoints, read.demand, ok
}

// ParseKey reads a demand key.
func ParseKey(text string) types.NamespacedName { return parseKey(text) }

// ReadAssignment returns the addresses of an assignment.
func ReadAssignment(r resource.Resource) ([]string, error) {
	read, err := readAssignment(r)
	return read.addresses, err
}

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

// Groups counts the endpoints that proxies are told to ask, by priority.
func Groups(a Addresses) (counts []int) {
	for _, group := range a.sorted().groups() {
		counts = append(counts, len(group.GetLbEndpoints()))
	}
	return counts
}
