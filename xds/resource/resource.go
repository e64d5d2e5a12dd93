// Package resource has serialised xDS resources with the facts about them that the stages between
// translate and the proxies need, so that no stage decodes a resource.
//
// Job: types and versions. Inputs: proto messages. Outputs: immutable Resource values.
// Ownership: values are immutable and may be shared between goroutines.
package resource

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Type is an xDS type URL.
type Type string

// The types that the product serves (xDS protocol, "resource types").
const (
	Cluster  Type = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	Endpoint Type = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	Listener Type = "type.googleapis.com/envoy.config.listener.v3.Listener"
	Scope    Type = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
	Route    Type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	Secret   Type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// Types lists every type in the order in which a proxy must learn them.
var Types = []Type{Cluster, Endpoint, Secret, Listener, Scope, Route}

// Key identifies a resource within one gateway.
type Key struct {
	Type Type
	Name string
}

// Resource is one serialised xDS resource. Version and Body are what a proxy gets; all other fields
// stay in this process and are no part of the version.
type Resource struct {
	Key
	// Version is a hash of Body: equal content has an equal version on every replica and
	// after every restart.
	Version string
	// Body is the deterministic encoding of the message, the value of its Any.
	Body []byte
	// Clusters are the names of the clusters that this resource sends requests to. They must
	// be warm in a proxy before the resource reaches it, and outlive it there.
	Clusters []string
	// Sources are the objects that shaped the resource. They get the message when a proxy rejects
	// it.
	Sources []ir.Source

	// Companion is the name of the resource that a proxy subscribes to because of this one: the
	// endpoints of a cluster of type EDS, the route configuration of a scope. Empty: none.
	Companion string
	// Demand is the HTTPScaler that the requests of a cluster count for. Zero: they are not counted.
	Demand ir.Key
	// Endpoints are the backend and the addresses of a ClusterLoadAssignment; nil for other types.
	Endpoints *ir.Endpoints
	// Backend is what a cluster of a pool or of an endpoint picker was rendered from; nil for other clusters and types.
	Backend *ir.Cluster
	// CA is the bundle of a Secret that has one, in PEM.
	CA []byte
	// Divisible renders a table of routes without some of its rules; nil for other types.
	Divisible Divisible
	// ReportACKs: a stage needs to know which proxies accepted the resource
	// (publish.Options.OnAccepted).
	ReportACKs bool
}

// New serialises a message. The caller adds the facts.
func New(kind Type, name string, message proto.Message, clusters []string, sources ...ir.Source) (Resource, error) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return Resource{}, err
	}
	return Resource{
		Key:      Key{Type: kind, Name: name},
		Version:  strconv.FormatUint(xxhash.Sum64(body), 36),
		Body:     body,
		Clusters: clusters,
		Sources:  sources,
	}, nil
}

// Picker is the cluster of the endpoint picker of the pool that a cluster stands for; zero: there is none.
func (r *Resource) Picker() ir.ClusterKey {
	if r.Backend == nil || r.Backend.Pool == nil {
		return ir.ClusterKey{}
	}
	return r.Backend.Pool.Picker
}

// Change is what became different for one gateway.
type Change struct {
	Upsert []Resource
	Remove []Key
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Upsert) == 0 && len(c.Remove) == 0 }
