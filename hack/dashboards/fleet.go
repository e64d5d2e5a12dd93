package main

// fleet is the installation: replicas, configuration, KEDA, admission.
var fleet = board{
	File: "fleet.json", UID: "kedify-gateway-fleet", Title: "Kedify gateway / Fleet",
	About: "The control plane: replicas, what Envoys get, what KEDA is told.",
	Rows: []row{
		{"Control plane", []panel{
			{Title: "Replicas", Shape: number, Queries: []query{{`count(kedify_gateway_build_info)`, ""}}},
			{Title: "Leaders", About: "One. For a moment none, while the lease changes hands.", Shape: number,
				Queries: []query{{`sum(kedify_gateway_leader)`, ""}}},
			{Title: "Fewest peers", About: "Replicas less one, at every replica.", Shape: number,
				Queries: []query{{`min(kedify_gateway_peers_connected)`, ""}}},
			{Title: "First certificate to end", Unit: second, Shape: number,
				Queries: []query{{`min(kedify_gateway_certificate_expiry_timestamp_seconds) - time()`, ""}}},
			{Title: "Triggers with unknown demand", About: "KEDA leaves their replicas alone.", Shape: number,
				Queries: []query{{`max(kedify_gateway_demand_keys{known="false"})`, ""}}},
			{Title: "Withheld resources", About: "An Envoy rejected them.", Shape: number,
				Queries: []query{{`sum(kedify_gateway_xds_quarantined_resources)`, ""}}},
			{Title: "Versions", Shape: rows, Queries: []query{{`count by (version, revision, goversion) (kedify_gateway_build_info)`, ""}}},
			{Title: "Memory", Unit: "bytes", Queries: []query{
				{`process_resident_memory_bytes and on (instance) kedify_gateway_build_info`, "{{instance}}"}}},
			{Title: "Processor", About: "Seconds a second.", Queries: []query{
				{`rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) kedify_gateway_build_info`, "{{instance}}"}}},
		}},
		{"From a change to Envoy", []panel{
			{Title: "Change to publication, p99", Unit: second, Queries: []query{
				{quantile("0.99", "kedify_gateway_engine_delay_seconds", ""), "all"},
				{quantile("0.99", "kedify_gateway_engine_flush_seconds", ""), "of it computing"}}},
			{Title: "Publication to the last ACK, p99", Unit: second, Queries: []query{
				{quantile("0.99", "kedify_gateway_xds_propagation_seconds", "", "type"), "{{type}}"}}},
			{Title: "Connected Envoys", Queries: []query{{sum("gateway", "kedify_gateway_xds_connected_proxies"), "{{gateway}}"}}},
			{Title: "Rejections", Queries: []query{{sum("type", growth("kedify_gateway_xds_nacks_total", "")), "{{type}}"}}},
			{Title: "Bytes sent to Envoys", Unit: "Bps", Queries: []query{
				{sum("type", perSecond("kedify_gateway_xds_pushed_bytes_total", "")), "{{type}}"}}},
			{Title: "Writes of statuses", Unit: "ops", Queries: []query{
				{sum("kind, result", perSecond("kedify_gateway_status_writes_total", "")), "{{kind}} {{result}}"}}},
		}},
		{"KEDA and admission", []panel{
			{Title: "Calls", Unit: "ops", Queries: []query{
				{sum("method, code", perSecond("kedify_gateway_keda_calls_total", "")), "{{method}} {{code}}"}}},
			{Title: "Time to an answer, p99", Unit: second, Queries: []query{
				{quantile("0.99", "kedify_gateway_keda_call_seconds", "", "method"), "{{method}}"}}},
			{Title: "Unknown answers", Queries: []query{
				{sum("reason", growth("kedify_gateway_keda_unknown_answers_total", "")), "{{reason}}"}}},
			{Title: "Rescues", About: "The product scaled from zero, because KEDA did not or the trigger asks for it.", Queries: []query{
				{sum("reason, result", growth("kedify_gateway_rescue_attempts_total", "")), "{{reason}} {{result}}"}}},
			{Title: "Envoys that report", Queries: []query{{"max by (heard) (kedify_gateway_demand_proxies)", "heard {{heard}}"}}},
			{Title: "Decisions of admission", Queries: []query{
				{sum("webhook, kind, result", growth("kedify_gateway_admission_reviews_total", "")), "{{webhook}} {{kind}} {{result}}"}}},
		}},
	},
}
