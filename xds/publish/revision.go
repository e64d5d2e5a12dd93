package publish

import (
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// revision is one content of an entry. All sessions share it.
type revision struct {
	version string
	body    []byte
	sources []ir.Source
	// clusters must be warm before the revision is sent, and outlive it.
	clusters []*entry
	// companion is what the proxy will ask for because of the revision: the endpoints of a
	// cluster, the route configuration of a scope. Nil when there is none.
	companion *entry
	// foreign revisions are known by version only: the proxy got them from another replica
	// or before a restart, so what they refer to is unknown.
	foreign bool
	// blank revisions answer a subscription to a name that does not exist.
	blank bool
}

// same reports whether two revisions have equal content; nil is "no resource".
func same(a, b *revision) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.version == b.version
}

// blankRevision answers a subscription to a name that nothing has: a proxy that is left
// without an answer holds its listener back for 15 s (initial_fetch_timeout).
func blankRevision(e *entry) *revision {
	var message proto.Message
	switch e.kind {
	case endpoint:
		message = &endpointv3.ClusterLoadAssignment{ClusterName: e.name}
	case route:
		message = &routev3.RouteConfiguration{Name: e.name}
	default:
		return nil
	}
	made, err := resource.New(kindTypes[e.kind], e.name, message, nil)
	if err != nil {
		return nil // two strings always encode, unless the name is no UTF-8
	}
	return &revision{version: made.Version, body: made.Body, blank: true}
}

// companionName returns the name of the resource that a proxy asks for when it got the
// body, or "".
func companionName(k kind, name string, body []byte) string {
	switch k {
	case cluster:
		return endpointsName(name, body)
	case scope:
		return lastString(body, scopeRouteField)
	default:
		return ""
	}
}

// Field numbers of envoy/config/cluster/v3/cluster.proto and
// envoy/config/route/v3/scoped_route.proto. Two fields are read from the encoding, because
// decoding whole clusters costs more than everything else Apply does.
const (
	clusterTypeField      protowire.Number = 2 // enum DiscoveryType
	clusterEDSConfigField protowire.Number = 3
	edsServiceNameField   protowire.Number = 2
	scopeRouteField       protowire.Number = 2
	discoveryTypeEDS      uint64           = 3
)

// endpointsName returns the EDS name of a cluster, "" when it is not of type EDS.
func endpointsName(name string, body []byte) string {
	discovery, service := uint64(0), ""
	scanFields(body, func(number protowire.Number, varint uint64, bytes []byte) {
		if number == clusterTypeField {
			discovery = varint
		}
		if number == clusterEDSConfigField {
			if found := lastString(bytes, edsServiceNameField); found != "" {
				service = found
			}
		}
	})
	switch {
	case discovery != discoveryTypeEDS:
		return ""
	case service != "":
		return service
	default:
		return name
	}
}

// lastString returns the string field of a message; the last occurrence wins, as in proto3.
func lastString(body []byte, field protowire.Number) string {
	value := ""
	scanFields(body, func(number protowire.Number, _ uint64, bytes []byte) {
		if number == field {
			value = string(bytes)
		}
	})
	return value
}

// scanFields calls visit for every varint and length-delimited field of a message, and stops
// at the first byte that is no protobuf.
func scanFields(body []byte, visit func(number protowire.Number, varint uint64, bytes []byte)) {
	for len(body) > 0 {
		number, wire, n := protowire.ConsumeTag(body)
		if n < 0 {
			return
		}
		body = body[n:]
		var varint uint64
		var bytes []byte
		switch wire {
		case protowire.VarintType:
			varint, n = protowire.ConsumeVarint(body)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(body)
		default:
			n = protowire.ConsumeFieldValue(number, wire, body)
		}
		if n < 0 {
			return
		}
		if wire == protowire.VarintType || wire == protowire.BytesType {
			visit(number, varint, bytes)
		}
		body = body[n:]
	}
}
