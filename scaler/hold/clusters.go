package hold

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// Field numbers of envoy/config/cluster/v3/cluster.proto. Three fields are read from the
// encoding: every cluster of every gateway comes by, and decoding one costs 20 times more.
const (
	clusterEDSField     protowire.Number = 3
	edsServiceNameField protowire.Number = 2
	altStatNameField    protowire.Number = 28
)

// reading is what of a cluster matters here: the name of its endpoints, and whose demand is
// counted on it.
type reading struct {
	endpoints string
	demand    types.NamespacedName
}

// readCluster returns false for clusters that count for nobody. The last occurrence of a field
// wins, as in proto3.
func readCluster(r *resource.Resource) (reading, bool) {
	endpoints, stats := "", ""
	eachBytes(r.Body, func(number protowire.Number, value []byte) {
		if number == altStatNameField {
			stats = string(value)
		}
		if number == clusterEDSField {
			eachBytes(value, func(number protowire.Number, value []byte) {
				if number == edsServiceNameField {
					endpoints = string(value)
				}
			})
		}
	})
	found := reading{endpoints: endpoints}
	if endpoints == "" {
		found.endpoints = r.Name
	}
	if key, ok := strings.CutPrefix(stats, translate.DemandPrefix); ok {
		found.demand = parseKey(key)
	}
	return found, found.demand != types.NamespacedName{}
}

// parseKey reads "namespace/name"; anything else is nobody's key, the zero one.
func parseKey(text string) types.NamespacedName {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// eachBytes visits the length-delimited fields of a message, and stops at the first byte that
// is no protobuf.
func eachBytes(body []byte, visit func(number protowire.Number, value []byte)) {
	for len(body) > 0 {
		number, wire, n := protowire.ConsumeTag(body)
		if n < 0 {
			return
		}
		body = body[n:]
		if wire != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, wire, body); n < 0 {
				return
			}
			body = body[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(body)
		if n < 0 {
			return
		}
		visit(number, value)
		body = body[n:]
	}
}
