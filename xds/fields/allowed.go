package fields

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// allowed are the fields of a message that a user may set; those of a value that is nil are taken
// whole.
type allowed map[string]allowed

// kind is a message of Envoy whose fields users set.
type kind struct {
	empty   func() proto.Message
	allowed allowed
	// product are fields that the product sets, and why users may not.
	product map[string]string
	// check refuses what neither the types nor Envoy's own rules of validation refuse.
	check func(proto.Message, map[string]any) error
}

func (k kind) descriptor() protoreflect.MessageDescriptor {
	return k.empty().ProtoReflect().Descriptor()
}

// RoutePaths returns the fields of RouteAction that may be set, "retry_policy.retry_on", sorted.
func RoutePaths() []string { return routeKind.allowed.paths("") }

// ClusterPaths is the same for Cluster.
func ClusterPaths() []string { return clusterKind.allowed.paths("") }

func (a allowed) paths(above string) (paths []string) {
	for name, below := range a {
		if below == nil {
			paths = append(paths, above+name)
		}
		paths = append(paths, below.paths(above+name+".")...)
	}
	slices.Sort(paths)
	return paths
}

var percent = allowed{"value": nil}

var routeKind = kind{
	empty: func() proto.Message { return &routev3.RouteAction{} },
	allowed: allowed{
		"timeout": nil, "idle_timeout": nil,
		"max_stream_duration": {"max_stream_duration": nil, "grpc_timeout_header_max": nil, "grpc_timeout_header_offset": nil},
		"retry_policy": {
			"retry_on": nil, "num_retries": nil, "per_try_timeout": nil, "per_try_idle_timeout": nil,
			"retriable_status_codes": nil, "host_selection_retry_max_attempts": nil,
			"retry_back_off": {"base_interval": nil, "max_interval": nil},
		},
		"hash_policy": {
			"header": {"header_name": nil}, "cookie": {"name": nil, "ttl": nil, "path": nil},
			"connection_properties": {"source_ip": nil}, "query_parameter": {"name": nil}, "terminal": nil,
		},
	},
	product: map[string]string{
		"cluster": whyBackends, "cluster_header": whyBackends, "weighted_clusters": whyBackends,
		"cluster_specifier_plugin": whyBackends, "inline_cluster_specifier_plugin": whyBackends,
		"request_mirror_policies": whyRoutes, "prefix_rewrite": whyRoutes, "regex_rewrite": whyRoutes,
		"host_rewrite_literal": whyRoutes, "cors": whyRoutes,
		"metadata_match": "endpoint pickers choose endpoints with it",
	},
	check: checkRoute,
}

const (
	whyBackends = "the backendRefs of routes say where requests go"
	whyRoutes   = "use the filter of the HTTPRoute"
	whyType     = "the product finds endpoints"
	whyTLS      = "use a BackendTLSPolicy"
)

var slowStart = allowed{"slow_start_window": nil, "min_weight_percent": percent}

var clusterKind = kind{
	empty: func() proto.Message { return &clusterv3.Cluster{} },
	allowed: allowed{
		"connect_timeout": nil, "per_connection_buffer_limit_bytes": nil,
		"lb_policy":               nil,
		"round_robin_lb_config":   {"slow_start_config": slowStart},
		"least_request_lb_config": {"choice_count": nil, "slow_start_config": slowStart},
		"ring_hash_lb_config":     {"minimum_ring_size": nil, "maximum_ring_size": nil, "hash_function": nil},
		"maglev_lb_config":        {"table_size": nil},
		"common_lb_config":        {"healthy_panic_threshold": percent},
		"circuit_breakers": {
			"thresholds": {
				"priority": nil, "max_connections": nil, "max_pending_requests": nil, "max_requests": nil, "max_retries": nil,
				"retry_budget": {"budget_percent": percent, "min_retry_concurrency": nil}, "max_connection_pools": nil,
			},
			"per_host_thresholds": {"priority": nil, "max_connections": nil},
		},
		"outlier_detection": outlierDetection,
		"common_http_protocol_options": {
			"idle_timeout": nil, "max_connection_duration": nil, "max_requests_per_connection": nil,
		},
		"upstream_connection_options": {
			"tcp_keepalive": {"keepalive_probes": nil, "keepalive_time": nil, "keepalive_interval": nil},
		},
	},
	product: map[string]string{
		"name": whyType, "type": whyType, "cluster_type": whyType, "eds_cluster_config": whyType, "load_assignment": whyType,
		"alt_stat_name":    "requests are counted by it",
		"transport_socket": whyTLS, "transport_socket_matches": whyTLS,
		"lb_subset_config":                 "endpoint pickers choose endpoints with it",
		"load_balancing_policy":            "use lb_policy",
		"typed_extension_protocol_options": "use common_http_protocol_options, and appProtocol of the Service",
		"http2_protocol_options":           "use appProtocol of the Service",
		"max_requests_per_connection":      "use common_http_protocol_options.max_requests_per_connection",
	},
	check: checkCluster,
}

var outlierDetection = allowed{
	"consecutive_5xx": nil, "enforcing_consecutive_5xx": nil,
	"consecutive_gateway_failure": nil, "enforcing_consecutive_gateway_failure": nil,
	"split_external_local_origin_errors": nil,
	"consecutive_local_origin_failure":   nil, "enforcing_consecutive_local_origin_failure": nil,
	"interval": nil, "base_ejection_time": nil, "max_ejection_time": nil, "max_ejection_percent": nil,
	"enforcing_success_rate": nil, "enforcing_local_origin_success_rate": nil,
	"success_rate_minimum_hosts": nil, "success_rate_request_volume": nil, "success_rate_stdev_factor": nil,
	"failure_percentage_threshold": nil, "enforcing_failure_percentage": nil, "enforcing_failure_percentage_local_origin": nil,
	"failure_percentage_minimum_hosts": nil, "failure_percentage_request_volume": nil,
}
