package main

// ofGateway selects the Envoys of the chosen Gateways, by the labels that the chart's PodMonitor gives them.
const ofGateway = `{namespace=~"$namespace", gateway=~"$gateway"}`

const (
	byGateway     = "namespace, gateway"
	gatewayLegend = "{{namespace}}/{{gateway}}"
	byCluster     = "envoy_cluster_name"
	clusterLegend = "{{envoy_cluster_name}}"
	byClass       = "envoy_response_code_class"
	classLegend   = "{{envoy_response_code_class}}xx"
)

var gatewayVariables = []variable{{"namespace", "envoy_server_live"}, {"gateway", `envoy_server_live{namespace=~"$namespace"}`}}

// busiest shows the clusters with most of something.
func busiest(expr string) []query {
	return []query{{"topk(10, " + sum(byCluster, expr) + ")", clusterLegend}}
}

// gateway is what the Envoys of Gateways say.
var gateway = board{
	File: "gateway.json", UID: "kedify-gateway-gateway", Title: "Kedify gateway / Gateway",
	About:     "The Envoys of Gateways: requests, latency, errors, load.",
	Variables: gatewayVariables,
	Rows: []row{
		{"Requests", []panel{
			{Title: "Requests", Unit: "reqps", Queries: []query{
				{sum(byGateway, perSecond("envoy_http_downstream_rq_total", ofGateway)), gatewayLegend}}},
			{Title: "By class of the answer", Unit: "reqps", Queries: []query{
				{sum(byClass, perSecond("envoy_http_downstream_rq_xx", ofGateway)), classLegend}}},
			{Title: "Time to the end of the answer", Unit: "ms", Queries: []query{
				{quantile("0.5", "envoy_http_downstream_rq_time", ofGateway), "p50"},
				{quantile("0.95", "envoy_http_downstream_rq_time", ofGateway), "p95"},
				{quantile("0.99", "envoy_http_downstream_rq_time", ofGateway), "p99"}}},
			{Title: "In flight", Queries: []query{{sum(byGateway, "envoy_http_downstream_rq_active"+ofGateway), gatewayLegend}}},
			{Title: "Connections of clients", Queries: []query{{sum(byGateway, "envoy_http_downstream_cx_active"+ofGateway), gatewayLegend}}},
			{Title: "No route", Unit: "reqps", Queries: []query{
				{sum(byGateway, perSecond("envoy_http_no_route", ofGateway)), gatewayLegend}}},
		}},
		{"Backends", []panel{
			{Title: "Attempts", Unit: "reqps", About: "With retries. All backends of a trigger count together: demand/namespace/HTTPScaler.",
				Queries: busiest(perSecond("envoy_cluster_upstream_rq_total", ofGateway))},
			{Title: "Retries", Unit: "reqps", Queries: busiest(perSecond("envoy_cluster_upstream_rq_retry", ofGateway))},
			{Title: "In flight", Queries: busiest("envoy_cluster_upstream_rq_active" + ofGateway)},
		}},
		{"Envoys", []panel{
			{Title: "Connected to the control plane", Queries: []query{
				{sum(byGateway, "envoy_control_plane_connected_state"+ofGateway), gatewayLegend}}},
			{Title: "Memory", Unit: "bytes", Queries: []query{{"envoy_server_memory_allocated" + ofGateway, "{{pod}}"}}},
			{Title: "Rejected updates of listeners", Queries: []query{
				{sum(byGateway, growth("envoy_listener_manager_lds_update_rejected", ofGateway)), gatewayLegend}}},
		}},
	},
}
