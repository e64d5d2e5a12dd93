package publish

import (
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// revision is one content of a resource. All sessions share it.
type revision struct {
	version string
	body    []byte
	sources []ir.Source
	// clusters must be warm before the revision is sent, and outlive it.
	clusters []*resourceState
	// companion is what the proxy will ask for because of the revision: the endpoints of a
	// cluster, the route configuration of a scope. Nil when there is none.
	companion *resourceState
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
func blankRevision(e *resourceState) *revision {
	var made resource.Resource
	var err error
	switch e.kind {
	case endpoint:
		made, err = resource.New(resource.Endpoint, e.name, &endpointv3.ClusterLoadAssignment{ClusterName: e.name}, nil)
	case route:
		made, err = resource.New(resource.Route, e.name, &routev3.RouteConfiguration{Name: e.name}, nil)
	default:
		return nil
	}
	if err != nil {
		return nil // two strings always encode, unless the name is no UTF-8
	}
	return &revision{version: made.Version, body: made.Body, blank: true}
}
