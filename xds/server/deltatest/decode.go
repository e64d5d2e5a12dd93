package deltatest

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/resource"
)

// decode reads what the model must know of a resource.
func decode(key resource.Key, version string, body []byte) (held, error) {
	h := held{version: version, body: body}
	switch key.Type {
	case resource.Cluster:
		message := &clusterv3.Cluster{}
		if err := proto.Unmarshal(body, message); err != nil {
			return h, err
		}
		if message.GetType() == clusterv3.Cluster_EDS {
			h.child = message.GetEdsClusterConfig().GetServiceName()
			if h.child == "" {
				h.child = key.Name
			}
		}
	case resource.Scope:
		message := &routev3.ScopedRouteConfiguration{}
		if err := proto.Unmarshal(body, message); err != nil {
			return h, err
		}
		h.child = message.GetRouteConfigurationName()
	case resource.Route:
		message := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(body, message); err != nil {
			return h, err
		}
		h.clusters = routeClusters(message)
	default:
		// The model reads nothing of the others.
	}
	return h, nil
}

// routeClusters lists the clusters that a route configuration names, sorted.
func routeClusters(table *routev3.RouteConfiguration) []string {
	var names []string
	for _, host := range table.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			action := route.GetRoute()
			names = append(names, action.GetCluster())
			for _, weighted := range action.GetWeightedClusters().GetClusters() {
				names = append(names, weighted.GetName())
			}
			for _, mirror := range action.GetRequestMirrorPolicies() {
				names = append(names, mirror.GetCluster())
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
