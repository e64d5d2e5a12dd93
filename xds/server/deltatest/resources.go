package deltatest

import (
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Cluster makes a minimal EDS cluster over ADS; revision distinguishes its versions.
func Cluster(t testing.TB, name string, revision int) resource.Resource {
	return SharingCluster(t, name, name, revision)
}

// SharingCluster is Cluster with another name for its endpoints.
func SharingCluster(t testing.TB, name, endpoints string, revision int) resource.Resource {
	return build(t, resource.Key{Type: resource.Cluster, Name: name}, &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{ServiceName: endpoints, EdsConfig: ads()},
		ConnectTimeout:       &durationpb.Duration{Seconds: 1, Nanos: int32(revision)},
	}, nil)
}

// Endpoints makes a cluster load assignment of one endpoint per port on the loopback.
func Endpoints(t testing.TB, name string, ports ...uint32) resource.Resource {
	assignment := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	group := &endpointv3.LocalityLbEndpoints{}
	for _, port := range ports {
		group.LbEndpoints = append(group.LbEndpoints, &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(port)}},
		})
	}
	if len(group.LbEndpoints) > 0 {
		assignment.Endpoints = append(assignment.Endpoints, group)
	}
	return build(t, resource.Key{Type: resource.Endpoint, Name: name}, assignment, nil)
}

// Scope makes a scope that leads a host to the route configuration of the same name.
func Scope(t testing.TB, host string) resource.Resource {
	return build(t, resource.Key{Type: resource.Scope, Name: host}, &routev3.ScopedRouteConfiguration{
		Name:                   host,
		RouteConfigurationName: host,
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: host},
		}}},
	}, nil)
}

// Route makes the route configuration of a host that sends everything to the clusters, in
// equal parts.
func Route(t testing.TB, host string, clusters ...string) resource.Resource {
	weighted := &routev3.WeightedCluster{}
	for _, name := range clusters {
		weighted.Clusters = append(weighted.Clusters, &routev3.WeightedCluster_ClusterWeight{Name: name, Weight: wrapperspb.UInt32(1)})
	}
	return RouteOf(t, host, &routev3.Route{
		Name:  "all",
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: weighted},
		}},
	}, clusters...)
}

// RouteOf makes the route configuration of a host with one route, which names the clusters.
func RouteOf(t testing.TB, host string, only *routev3.Route, clusters ...string) resource.Resource {
	return build(t, resource.Key{Type: resource.Route, Name: host}, &routev3.RouteConfiguration{
		Name:                     host,
		IgnorePortInHostMatching: true,
		VirtualHosts:             []*routev3.VirtualHost{{Name: host, Domains: []string{host}, Routes: []*routev3.Route{only}}},
	}, clusters, ir.Source{Kind: "HTTPRoute", Namespace: "default", Name: host})
}

// Listener makes a listener that only the model accepts: it has no filters.
func Listener(t testing.TB, name string, port uint32) resource.Resource {
	return build(t, resource.Key{Type: resource.Listener, Name: name}, &listenerv3.Listener{Name: name, Address: address(port)}, nil,
		ir.Source{Kind: "Gateway", Namespace: "default", Name: "gateway", Section: name})
}

// Secret makes a CA secret.
func Secret(t testing.TB, name, content string) resource.Resource {
	return build(t, resource.Key{Type: resource.Secret, Name: name}, &tlsv3.Secret{
		Name: name,
		Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: content}},
		}},
	}, nil)
}

func build(t testing.TB, key resource.Key, message proto.Message, clusters []string, sources ...ir.Source) resource.Resource {
	t.Helper()
	made, err := resource.New(key.Type, key.Name, message, clusters, sources...)
	if err != nil {
		t.Fatalf("%s %s: %v", key.Type, key.Name, err)
	}
	switch message := message.(type) {
	case *clusterv3.Cluster:
		made.Companion = message.GetEdsClusterConfig().GetServiceName()
	case *routev3.ScopedRouteConfiguration:
		made.Companion = message.GetRouteConfigurationName()
	case *endpointv3.ClusterLoadAssignment:
		made.Endpoints = &ir.Endpoints{Addresses: addressesOf(message)}
	}
	return made
}

func addressesOf(assignment *endpointv3.ClusterLoadAssignment) (found []ir.Endpoint) {
	for _, group := range assignment.GetEndpoints() {
		for _, endpoint := range group.GetLbEndpoints() {
			at := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
			found = append(found, ir.Endpoint{Address: at.GetAddress(), Port: at.GetPortValue()})
		}
	}
	slices.SortFunc(found, ir.Endpoint.Compare)
	return slices.Compact(found)
}

func address(port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}
