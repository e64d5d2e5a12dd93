package exposition_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

// busy is a text as vLLM has it after a while: two numbers among twenty histograms.
func busy() string {
	text := strings.Builder{}
	for histogram := range 20 {
		fmt.Fprintf(&text, "# HELP vllm:seconds_%d Seconds of something.\n# TYPE vllm:seconds_%d histogram\n", histogram, histogram)
		for bucket := range 22 {
			fmt.Fprintf(&text, "vllm:seconds_%d_bucket{engine=\"0\",le=\"%d.0\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 1234.0\n",
				histogram, bucket)
		}
	}
	text.WriteString("vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 3.0\n" +
		"vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.5\n")
	return text.String()
}

func BenchmarkRead(b *testing.B) {
	text := busy()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := exposition.Read(strings.NewReader(text), exposition.Auto); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWholeText is what the library takes for all lines.
func BenchmarkWholeText(b *testing.B) {
	text := busy()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
