package main

import (
	"strconv"

	"github.com/kedify/inference-gateway/bench/internal/world"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// nullPort is where the Envoy of the null control plane listens.
const nullPort = 18080

var nullChain = strconv.Itoa(nullPort)

// listener is what the null control plane serves from the beginning.
func (b *bench) listener() ([]resource.Resource, error) {
	bound, err := translate.Listener(ir.Listener{Port: nullPort, Transport: ir.TCP, Chains: []ir.Chain{{ID: nullChain}}})
	if err != nil {
		return nil, err
	}
	scope, route, err := translate.Wildcards(ir.Wildcards{Chain: nullChain})
	return []resource.Resource{bound, scope, route}, err
}

// resources are what one route of the benchmark needs, in the order in which Envoy must learn
// them.
func (b *bench) resources(name string) ([]resource.Resource, error) {
	port := uint32(b.world.Backend.Port)
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: b.world.Namespace, Name: name, Port: port}
	cluster, err := translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1})
	if err != nil {
		return nil, err
	}
	endpoints, err := translate.Endpoints(ir.Endpoints{
		Key: key, Addresses: []ir.Endpoint{{Address: b.world.Backend.IP.String(), Port: port}},
	})
	if err != nil {
		return nil, err
	}
	scope, route, err := translate.Host(ir.Host{Chain: nullChain, Hostname: world.Host(name), Routes: []ir.Route{{
		Name:   "HTTPRoute/" + b.world.Namespace + "/" + name,
		Match:  ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}},
		Action: &ir.Forward{Targets: []ir.Target{{Cluster: key, Weight: 1}}},
	}}})
	return []resource.Resource{cluster, endpoints, scope, route}, err
}
