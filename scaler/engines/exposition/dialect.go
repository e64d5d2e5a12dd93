package exposition

// Engine is a kind of model server.
type Engine string

const (
	// Auto is the first engine of which the text has a name.
	Auto   Engine = "auto"
	VLLM   Engine = "vllm"
	SGLang Engine = "sglang"
	TRTLLM Engine = "trtllm" // trtllm-serve
	Triton Engine = "triton" // with the TensorRT-LLM backend
	TGI    Engine = "tgi"
)

// dialect is how an engine names its numbers. All of them are gauges.
type dialect struct {
	engine Engine
	// waiting and cache are names, the first that the text has counts. An engine without cache does not tell it.
	waiting, cache []name
	// repeats are labels of series that have one number: the ranks that work on one request together.
	repeats []string
	// part is a label of series that are parts of the series without it or with an empty one.
	part string
}

// name is the name of a metric, and the label that its series must have; label "" is none.
type name struct{ metric, label, value string }

// dialects are in the order in which Auto tries them. The names are those of the source of each engine:
//
//	vLLM      vllm/v1/metrics/loggers.py; the name with gpu_ until 0.11
//	SGLang    python/sglang/srt/observability/metrics_collector.py, which says about ranks and priorities what is said here
//	TRT-LLM   tensorrt_llm/metrics/collector.py
//	Triton    tensorrtllm_backend, inflight_batcher_llm/src/custom_metrics_reporter/custom_metrics_reporter.cc
//	TGI       backends/v3/src/queue.rs
var dialects = []dialect{
	{
		engine: VLLM, waiting: []name{{metric: "vllm:num_requests_waiting"}},
		cache: []name{{metric: "vllm:kv_cache_usage_perc"}, {metric: "vllm:gpu_cache_usage_perc"}},
	},
	{
		engine: SGLang, waiting: []name{{metric: "sglang:num_queue_reqs"}}, cache: []name{{metric: "sglang:token_usage"}},
		repeats: []string{"tp_rank", "pp_rank", "moe_ep_rank"}, part: "priority",
	},
	{
		engine: TRTLLM, waiting: []name{{metric: "trtllm_num_requests_waiting"}},
		cache: []name{{metric: "trtllm_kv_cache_utilization"}},
	},
	{
		engine: Triton, waiting: []name{{"nv_trt_llm_request_metrics", "request_type", "waiting"}},
		cache: []name{{"nv_trt_llm_kv_cache_block_metrics", "kv_cache_block_type", "fraction"}},
	},
	{engine: TGI, waiting: []name{{metric: "tgi_queue_size"}}},
}

// Engines are those whose names are known, in the order in which Auto tries them.
func Engines() []Engine {
	known := make([]Engine, 0, len(dialects))
	for i := range dialects {
		known = append(known, dialects[i].engine)
	}
	return known
}

// names are all names of the metrics of dialects.
func names(of []dialect) map[string]bool {
	all := map[string]bool{}
	for i := range of {
		for _, one := range append(of[i].waiting, of[i].cache...) {
			all[one.metric] = true
		}
	}
	return all
}

// dialectsOf returns that of an engine; of Auto all of them.
func dialectsOf(engine Engine) []dialect {
	if engine == Auto || engine == "" {
		return dialects
	}
	for i := range dialects {
		if dialects[i].engine == engine {
			return dialects[i : i+1]
		}
	}
	return nil
}
