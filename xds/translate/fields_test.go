package translate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// Examples of every field that a user may set, extremes among them.
var (
	routeExamples = []string{
		`{"timeout": "30s", "idle_timeout": "3600s"}`,
		`{"timeout": "0s", "idle_timeout": "31536000s"}`,
		`{"max_stream_duration": {"max_stream_duration": "600s", "grpc_timeout_header_max": "60s", "grpc_timeout_header_offset": "0.1s"}}`,
		`{"retry_policy": {
			"retry_on": "5xx,reset,connect-failure,refused-stream,gateway-error,reset-before-request,envoy-ratelimited,retriable-4xx",
			"num_retries": 1000, "per_try_timeout": "1s", "per_try_idle_timeout": "0.5s", "host_selection_retry_max_attempts": 3,
			"retry_back_off": {"base_interval": "1s", "max_interval": "10s"}}}`,
		`{"retry_policy": {"retry_on": "cancelled,deadline-exceeded,internal,resource-exhausted,unavailable,retriable-status-codes",
			"retriable_status_codes": [100, 599], "num_retries": 0, "retry_back_off": {"base_interval": "0.025s"}}}`,
		`{"hash_policy": [{"header": {"header_name": "x-user"}, "terminal": true}, {"cookie": {"name": "session", "ttl": "60s", "path": "/a"}},
			{"cookie": {"name": "b"}}, {"connection_properties": {"source_ip": true}}, {"query_parameter": {"name": "user"}}]}`,
	}
	clusterExamples = []string{
		`{"connect_timeout": "0.001s", "per_connection_buffer_limit_bytes": 0, "lb_policy": "ROUND_ROBIN"}`,
		`{"connect_timeout": "31536000s", "per_connection_buffer_limit_bytes": 4294967295, "lb_policy": 1}`,
		`{"lb_policy": "ROUND_ROBIN", "round_robin_lb_config": {
			"slow_start_config": {"slow_start_window": "30s", "min_weight_percent": {"value": 10}}}}`,
		`{"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 100,
			"slow_start_config": {"slow_start_window": "1s", "min_weight_percent": {"value": 0}}}}`,
		`{"lb_policy": "RANDOM", "common_lb_config": {"healthy_panic_threshold": {"value": 100}}}`,
		`{"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 1, "maximum_ring_size": 8388608, "hash_function": "XX_HASH"}}`,
		`{"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 2048, "hash_function": "MURMUR_HASH_2"}}`,
		`{"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 5000011}}`,
		`{"lbPolicy": "MAGLEV", "maglevLbConfig": {"tableSize": 2}}`,
		`{"circuit_breakers": {"thresholds": [{"priority": "DEFAULT", "max_connections": 0, "max_pending_requests": 1, "max_requests": 2,
			"max_retries": 3, "max_connection_pools": 4}, {"priority": "HIGH",
			"retry_budget": {"budget_percent": {"value": 100}, "min_retry_concurrency": 4294967295}}],
			"per_host_thresholds": [{"max_connections": 1}, {"priority": "HIGH", "max_connections": 2}]}}`,
		`{"outlier_detection": {"consecutive_5xx": 1, "enforcing_consecutive_5xx": 100, "consecutive_gateway_failure": 1,
			"enforcing_consecutive_gateway_failure": 100, "split_external_local_origin_errors": true, "consecutive_local_origin_failure": 1,
			"enforcing_consecutive_local_origin_failure": 100, "interval": "0.001s", "base_ejection_time": "1s", "max_ejection_time": "1s",
			"max_ejection_percent": 100, "enforcing_success_rate": 0, "enforcing_local_origin_success_rate": 100, "success_rate_minimum_hosts": 1,
			"success_rate_request_volume": 1, "success_rate_stdev_factor": 1900, "failure_percentage_threshold": 85,
			"enforcing_failure_percentage": 100, "enforcing_failure_percentage_local_origin": 100, "failure_percentage_minimum_hosts": 1,
			"failure_percentage_request_volume": 1}}`,
		`{"common_http_protocol_options": {"idle_timeout": "0s", "max_connection_duration": "60s", "max_requests_per_connection": 1}}`,
		`{"upstream_connection_options": {"tcp_keepalive": {"keepalive_probes": 127, "keepalive_time": 32767, "keepalive_interval": 32767}}}`,
	}
)

// TestT62EnvoyTakesEveryAllowedField renders every field that a user may set into routes and clusters
// of each kind, and has Envoy validate them.
func TestT62EnvoyTakesEveryAllowedField(t *testing.T) {
	var resources []resource.Resource
	for i, example := range routeExamples {
		text, err := fields.RouteText([]byte(example))
		if err != nil {
			t.Fatalf("%v in %s", err, example)
		}
		scope, table, err := translate.Host(hostWith(i, text))
		if err != nil {
			t.Fatal(err)
		}
		resources = append(resources, scope, table)
	}
	for i, example := range clusterExamples {
		text, err := fields.ClusterText([]byte(example))
		if err != nil {
			t.Fatalf("%v in %s", err, example)
		}
		for _, cluster := range clustersWith(i, text) {
			rendered, err := translate.Cluster(cluster)
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, rendered)
		}
	}
	covers(t, fields.RoutePaths(), routeExamples)
	covers(t, fields.ClusterPaths(), clusterExamples)
	if output, err := validate(t, proxytest.Binary(t), resources); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// covers holds the examples against the list: a field that is added there has one here.
func covers(t *testing.T, paths, examples []string) {
	t.Helper()
	for _, path := range paths {
		last := path[strings.LastIndex(path, ".")+1:]
		if !slices.ContainsFunc(examples, func(example string) bool { return strings.Contains(example, `"`+last+`"`) }) {
			t.Errorf("no example has %s", path)
		}
	}
}

// hostWith has a plain route, one that waits, and one of a pool.
func hostWith(i int, text string) ir.Host {
	web := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: "web", Port: 80}
	pool := ir.ClusterKey{Kind: ir.BackendPool, Namespace: "shop", Name: "llama"}
	to := func(target ir.Target) *ir.Forward { return &ir.Forward{Targets: []ir.Target{target}} }
	at := func(path string) ir.Match { return ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: path}} }
	return ir.Host{Chain: "80", Hostname: fmt.Sprintf("%d.test", i), Fields: text, Routes: []ir.Route{
		route("plain", at("/plain"), to(ir.Target{Cluster: web, Weight: 1})),
		route("held", at("/held"), to(ir.Target{Cluster: web, Weight: 1, Hold: &ir.Hold{Cluster: web.HoldCluster(), Timeout: 1}})),
		route("pool", at("/pool"), to(ir.Target{Cluster: pool, Weight: 1, Picker: &ir.Picker{
			Cluster: ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "shop", Name: "epp", Port: 9002},
		}})),
	}}
}

// clustersWith are a Service, a pool of each kind, and backends of layer 4 routes.
func clustersWith(i int, text string) []ir.Cluster {
	service := ir.ClusterKey{Kind: ir.BackendService, Namespace: "shop", Name: fmt.Sprintf("web-%d", i), Port: 80}
	tcp, udp := service, service
	tcp.Route, udp.Route = ir.RouteTCP, ir.RouteUDP
	pool := ir.ClusterKey{Kind: ir.BackendPool, Namespace: "shop", Name: fmt.Sprintf("llama-%d", i)}
	open := pool
	open.Name += "-open"
	return []ir.Cluster{
		{Key: service, Protocol: ir.HTTP1, Fields: text},
		{Key: tcp, Protocol: ir.TCPRaw, Fields: text}, {Key: udp, Protocol: ir.TCPRaw, Fields: text},
		{Key: pool, Protocol: ir.HTTP2, Pool: &ir.Pool{}, Fields: text},
		{Key: open, Protocol: ir.HTTP1, Pool: &ir.Pool{FailOpen: true}, Fields: text},
	}
}

// TestEnvoyNeedsTheChecksOfFields: what the package refuses although it is a valid message is refused
// by Envoy, which takes the whole resource with it.
func TestEnvoyNeedsTheChecksOfFields(t *testing.T) {
	binary := proxytest.Binary(t)
	for _, c := range []struct{ route, cluster, says string }{
		{route: `{"retry_policy":{"retry_on":"5xx","retry_back_off":{"base_interval":"2s","max_interval":"1s"}}}`, says: "max_interval"},
		{cluster: `{"lb_policy":"MAGLEV","maglev_lb_config":{"table_size":4}}`, says: "prime"},
		{cluster: `{"lb_policy":"RING_HASH","ring_hash_lb_config":{"minimum_ring_size":3,"maximum_ring_size":2}}`, says: "minimum_ring_size"},
		{cluster: `{"outlier_detection":{"max_ejection_time":"1s"}}`, says: "max_ejection_time"},
	} {
		var resources []resource.Resource
		if c.route != "" {
			if _, err := fields.RouteText([]byte(c.route)); err == nil {
				t.Errorf("%s is accepted", c.route)
			}
			scope, table, err := translate.Host(hostWith(0, c.route))
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, scope, table)
		} else {
			if _, err := fields.ClusterText([]byte(c.cluster)); err == nil {
				t.Errorf("%s is accepted", c.cluster)
			}
			rendered, err := translate.Cluster(clustersWith(0, c.cluster)[0])
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, rendered)
		}
		if output, err := validate(t, binary, resources); err == nil || !strings.Contains(output, c.says) {
			t.Errorf("%s%s: Envoy says %v: %s", c.route, c.cluster, err, output)
		}
	}
}

// TestFieldsThatAreWrittenWin: false, and a value that is Envoy's default, are set, too.
func TestFieldsThatAreWrittenWin(t *testing.T) {
	cluster := &clusterv3.Cluster{OutlierDetection: &clusterv3.OutlierDetection{
		SplitExternalLocalOriginErrors: true, MaxEjectionPercent: wrapperspb.UInt32(100), Consecutive_5Xx: wrapperspb.UInt32(2),
	}}
	over, err := fields.ReadCluster(`{"outlier_detection":{"split_external_local_origin_errors":false,"consecutive_5xx":5}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := over.Over(cluster); err != nil {
		t.Fatal(err)
	}
	want := &clusterv3.Cluster{OutlierDetection: &clusterv3.OutlierDetection{MaxEjectionPercent: wrapperspb.UInt32(100),
		Consecutive_5Xx: wrapperspb.UInt32(5)}}
	if !proto.Equal(cluster, want) {
		t.Errorf("%v", cluster)
	}
}
