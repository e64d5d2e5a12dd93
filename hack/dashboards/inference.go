package main

const (
	ofNamespace       = `{namespace=~"$namespace"}`
	byApplication     = "namespace, scaledobject"
	applicationLegend = "{{namespace}}/{{scaledobject}}"
)

// calls shows a counter of the calls of pickers and of the hold.
func calls(counter string) []query {
	return []query{
		{sum(byGateway, perSecond("envoy_http_ext_proc_picker_"+counter, ofGateway)), gatewayLegend + " picker"},
		{sum(byGateway, perSecond("envoy_http_ext_proc_hold_"+counter, ofGateway)), gatewayLegend + " hold"},
	}
}

// inference is what an InferencePool adds: pickers, and long answers.
var inference = board{
	File: "inference.json", UID: "kedify-gateway-inference", Title: "Kedify gateway / Inference",
	About: "InferencePools: calls of endpoint pickers, streamed answers, and models that start from zero. Model servers and pickers have " +
		"metrics of their own.",
	Variables: gatewayVariables,
	Rows: []row{
		{"Pickers and the hold", []panel{
			{Title: "Calls", Unit: "ops", About: "Of pickers and, while a backend is armed, of the hold.", Queries: calls("streams_started")},
			{Title: "Failed calls", Unit: "ops", Queries: calls("streams_failed")},
			{Title: "Calls that took too long", Unit: "ops", Queries: calls("message_timeouts")},
		}},
		{"Answers", []panel{
			{Title: "Time to the end of the answer", Unit: "ms", Queries: []query{
				{quantile("0.5", "envoy_http_downstream_rq_time", ofGateway), "p50"},
				{quantile("0.99", "envoy_http_downstream_rq_time", ofGateway), "p99"}}},
			{Title: "Requests in flight, streaming answers among them", Queries: []query{
				{sum(byGateway, "envoy_http_downstream_rq_active"+ofGateway), gatewayLegend}}},
			{Title: "Answers by class", Unit: "reqps", Queries: []query{
				{sum(byClass, perSecond("envoy_http_downstream_rq_xx", ofGateway)), classLegend}}},
		}},
		{"Models that start from zero", []panel{
			{Title: "Held", Queries: []query{{sum(byApplication, "kedify_gateway_trigger_held_requests"+ofNamespace), applicationLegend}}},
			{Title: "Mean wait of released requests", Unit: second, Queries: []query{
				{meanWait(byApplication, `{namespace=~"$namespace"`), applicationLegend}}},
			{Title: "Failed", Queries: []query{
				{sum(byApplication, growth("kedify_gateway_trigger_hold_answers_total", `{namespace=~"$namespace", answer="failed"}`)),
					applicationLegend}}},
		}},
	},
}
