package exposition_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

func number(of *float64) string {
	if of == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.4g", *of)
}

// Each file of testdata is what an engine writes: its names, types and labels, with numbers that tell series apart.
func TestEngines(t *testing.T) {
	for _, c := range []struct {
		file           string
		engine         exposition.Engine
		waiting, cache string
	}{
		{"vllm-0.10.txt", exposition.VLLM, "7", "0.25"},
		{"vllm-0.12-two-ranks.txt", exposition.VLLM, "11", "0.4"},
		{"sglang.txt", exposition.SGLang, "4", "0.52"},
		{"sglang-ranks-priorities.txt", exposition.SGLang, "9", "0.5"},
		{"trtllm.txt", exposition.TRTLLM, "3", "0.31"},
		{"triton.txt", exposition.Triton, "5", "0.125"},
		{"tgi.txt", exposition.TGI, "6", "unknown"},
	} {
		text, err := os.ReadFile("testdata/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, asked := range []exposition.Engine{exposition.Auto, "", c.engine} {
			numbers, err := exposition.Read(strings.NewReader(string(text)), asked)
			if err != nil || numbers.Engine != c.engine || number(numbers.Waiting) != c.waiting || number(numbers.Cache) != c.cache {
				t.Errorf("%s as %q: engine %q, waiting %s, cache %s, %v; want %q, %s, %s",
					c.file, asked, numbers.Engine, number(numbers.Waiting), number(numbers.Cache), err, c.engine, c.waiting, c.cache)
			}
		}
		for _, other := range exposition.Engines() {
			if _, err := exposition.Read(strings.NewReader(string(text)), other); other != c.engine && !errors.Is(err, exposition.ErrNotInForce) {
				t.Errorf("%s as %q: %v", c.file, other, err)
			}
		}
	}
}

// What is no number is an error that repeats nothing of the text, and never zero.
func TestUnknown(t *testing.T) {
	const waiting = "vllm:num_requests_waiting"
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", exposition.ErrNoNumbers},
		{"other metrics", "process_cpu_seconds_total 12\n", exposition.ErrNoNumbers},
		{"a name that begins alike", waiting + "_by_reason{reason=\"capacity\"} 3\n", exposition.ErrNoNumbers},
		{"a declared metric without a series", "# TYPE " + waiting + " gauge\n", exposition.ErrNoNumbers},
		{"JSON", `[{"numQueuedRequests": 3}]`, exposition.ErrNoNumbers},
		{"no value", waiting + "{engine=\"0\"}\n", exposition.ErrNoText},
		{"a word", waiting + " many\n", exposition.ErrNoText},
		{"open labels", waiting + "{engine=\"0\n", exposition.ErrNoText},
		{"NaN", waiting + " NaN\n", exposition.ErrNoAmount},
		{"NaN among others", waiting + "{engine=\"0\"} 1\n" + waiting + "{engine=\"0\"} NaN\n" + waiting + "{engine=\"0\"} 2\n",
			exposition.ErrNoAmount},
		{"infinite", waiting + " +Inf\n", exposition.ErrNoAmount},
		{"negative", waiting + " -1\n", exposition.ErrNoAmount},
		{"enormous", waiting + " 1e18\n", exposition.ErrNoAmount},
		{"percent", "vllm:kv_cache_usage_perc 37\n", exposition.ErrNoAmount},
		{"a negative share", "vllm:kv_cache_usage_perc -0.1\n", exposition.ErrNoAmount},
		{"too many series", strings.Repeat(waiting+" 1\n", exposition.MaxSeries+1), exposition.ErrTooMany},
		{"long series", strings.Repeat(waiting+"{a=\""+strings.Repeat("x", 4000)+"\"} 1\n", 40), exposition.ErrTooMany},
		{"long text", strings.Repeat("other_metric_total 1\n", exposition.MaxBytes/20), exposition.ErrTooLong},
		{"a long line", strings.Repeat("x", 100_000), exposition.ErrNoText},
		{"zeros", strings.Repeat("\x00", 1000), exposition.ErrNoNumbers},
	} {
		numbers, err := exposition.Read(strings.NewReader(c.text), exposition.Auto)
		if !errors.Is(err, c.want) || numbers.Waiting != nil || numbers.Cache != nil {
			t.Errorf("%s: waiting %s, cache %s, %v; want %v", c.name, number(numbers.Waiting), number(numbers.Cache), err, c.want)
		}
	}
	if _, err := exposition.Read(iotest.ErrReader(io.ErrUnexpectedEOF), exposition.VLLM); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a connection that ends: %v", err)
	}
	if _, err := exposition.Read(strings.NewReader(waiting+" 1\n"), "not an engine"); !errors.Is(err, exposition.ErrNotInForce) {
		t.Errorf("an unknown engine: %v", err)
	}
}

// What the values mean at their edges.
func TestEdges(t *testing.T) {
	for _, c := range []struct{ name, text, waiting, cache string }{
		{"no types, Windows' ends of lines", "vllm:num_requests_waiting 3\r\nvllm:kv_cache_usage_perc 0.5\n", "3", "0.5"},
		{"a time of the sample", "vllm:num_requests_waiting{engine=\"0\"} 3 1700000000000\n", "3", "unknown"},
		{"spaces and an exponent", "  vllm:num_requests_waiting  2e1\n", "20", "unknown"},
		{"no end of the last line", "vllm:num_requests_waiting 4", "4", "unknown"},
		{"a full cache, rounded", "vllm:kv_cache_usage_perc 1.0000001\n", "unknown", "1"},
		{"zero", "vllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc 0.0\n", "0", "0"},
		{"the newer name of two", "vllm:gpu_cache_usage_perc 0.9\nvllm:kv_cache_usage_perc 0.1\n", "unknown", "0.1"},
		{"two engines: the first of the list", "tgi_queue_size 9\nsglang:num_queue_reqs 2\n", "2", "unknown"},
		{"priorities alone are parts of nothing", "sglang:num_queue_reqs{priority=\"1\"} 5\nsglang:token_usage 0.5\n", "unknown", "0.5"},
	} {
		numbers, err := exposition.Read(strings.NewReader(c.text), exposition.Auto)
		if err != nil || number(numbers.Waiting) != c.waiting || number(numbers.Cache) != c.cache {
			t.Errorf("%s: waiting %s, cache %s, %v; want %s, %s", c.name, number(numbers.Waiting), number(numbers.Cache), err, c.waiting, c.cache)
		}
	}
}
