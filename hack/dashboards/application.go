package main

// ofApplication begins the selector of the triggers of the chosen ScaledObjects.
const ofApplication = `{namespace=~"$namespace", scaledobject=~"$scaledobject"`

const (
	byTrigger     = "namespace, scaledobject, trigger"
	triggerLegend = "{{namespace}}/{{scaledobject}} {{trigger}}"
	ofErrors      = `{envoy_response_code_class="5", envoy_cluster_name=~"demand/($namespace)/.*"}`
)

// meanWait is how long released requests were held on average; selector has no closing brace.
func meanWait(by, selector string) string {
	return sum(by, perSecond("kedify_gateway_trigger_hold_seconds_total", selector+"}")) + " / " +
		sum(by, perSecond("kedify_gateway_trigger_hold_answers_total", selector+`, answer="released"}`))
}

// application is one or more applications that are scaled by requests: demand, held requests, cold starts.
var application = board{
	File: "application.json", UID: "kedify-gateway-application", Title: "Kedify gateway / Application and cold start",
	About: "Applications with kedify-http triggers: requests, held requests, cold starts. Sums over the replicas of the control plane.",
	Variables: []variable{
		{"namespace", "kedify_gateway_trigger_requests_total"},
		{"scaledobject", `kedify_gateway_trigger_requests_total{namespace=~"$namespace"}`},
	},
	Rows: []row{
		{"Demand", []panel{
			{Title: "Requests", Unit: "reqps", Queries: []query{
				{sum(byTrigger, perSecond("kedify_gateway_trigger_requests_total", ofApplication+"}")), triggerLegend}}},
			{Title: "Concurrency", About: "In flight and held. Absent: not known.", Queries: []query{
				{sum(byTrigger, "kedify_gateway_trigger_concurrency"+ofApplication+"}"), triggerLegend}}},
			{Title: "Active", About: "1 while KEDA is told that the application is needed.", Queries: []query{
				{"max by (" + byTrigger + ") (kedify_gateway_trigger_active" + ofApplication + "})", triggerLegend}}},
			{Title: "Known", About: "0 while KEDA gets an error instead of a number, and leaves the replicas alone.", Queries: []query{
				{"min by (" + byTrigger + ") (kedify_gateway_trigger_known" + ofApplication + "})", triggerLegend}}},
			{Title: "Errors of the application", Unit: "reqps", About: "5xx, with those that were retried.", Queries: []query{
				{sum(byCluster, perSecond("envoy_cluster_upstream_rq_xx", ofErrors)), clusterLegend}}},
		}},
		{"Cold starts", []panel{
			{Title: "Held", Queries: []query{{sum(byTrigger, "kedify_gateway_trigger_held_requests"+ofApplication+"}"), triggerLegend}}},
			{Title: "Mean wait of released requests", Unit: second, Queries: []query{{meanWait(byTrigger, ofApplication), triggerLegend}}},
			{Title: "Failed", About: "503 and 504 of the product: timeouts, limits, backends that were withdrawn or are paused.", Queries: []query{
				{sum(byTrigger, growth("kedify_gateway_trigger_hold_answers_total", ofApplication+`, answer="failed"}`)), triggerLegend}}},
			{Title: "Wait of released requests, all applications", Unit: second, Queries: []query{
				{quantile("0.5", "kedify_gateway_hold_wait_seconds", ""), "p50"},
				{quantile("0.99", "kedify_gateway_hold_wait_seconds", ""), "p99"}}},
			{Title: "Oldest held request, all applications", Unit: second, Queries: []query{
				{"max(kedify_gateway_hold_oldest_request_seconds)", "age"}}},
			{Title: "Answers, all applications", Unit: "reqps", Queries: []query{
				{sum("answer", perSecond("kedify_gateway_hold_answers_total", "")), "{{answer}}"}}},
		}},
	},
}
