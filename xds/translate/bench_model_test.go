package translate_test

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/json_to_metadata/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// bodies of requests, by what is in them.
var bodies = []struct {
	name, text string
	requests   int
}{
	{"1KiB", chat("red", 1<<10), authRound},
	{"64KiB", chat("red", 64<<10), authRound},
	{"1MiB", chat("red", 1<<20), 60},
	{"1MiB-numbers", numbers(1 << 20), 20},
	{"16MiB", chat("red", 15<<20), 4},
	{"16MiB-numbers", numbers(15 << 20), 2},
}

// numbers is the body that costs a parser most: an array of as many values as possible.
func numbers(bytes int) string {
	return `{"model":"red","prompt":[0` + strings.Repeat(",0", bytes/2) + `]}`
}

// BenchmarkModel prints what it costs to read the model of a request from its body: the time of a request (p50) and the processor time of Envoy in
// microseconds, and the most memory that Envoy had resident. Kinds are a host without rules for models, another rule of a host with
// some, a rule for a model, and Envoy's filter json_to_metadata in a chain of its own, which the product does not use. One iteration is a
// round of each, and the figures are the medians of all rounds.
func BenchmarkModel(b *testing.B) {
	for _, way := range []struct{ name, host, path string }{
		{"none", "plain.test", "/"}, {"beside", "models.test", "/other"}, {"read", "models.test", "/"}, {"json_to_metadata", "again.test", "/"},
	} {
		b.Run(way.name, func(b *testing.B) {
			proxy, port, set := proxytest.Start(b), proxytest.Port(b), &resource.Change{}
			set.Upsert = append(set.Upsert, changedListener(b, port, func(filters []*hcmv3.HttpFilter) []*hcmv3.HttpFilter {
				if way.name == "json_to_metadata" {
					return slices.Insert(filters, 0, jsonFilter(b))
				}
				return filters
			}))
			sink := costCluster(b, set, "sink", ir.RouteHTTP, sinkServer(b))
			again := to(sink)
			again.Retry = &ir.Retry{Attempts: 1} // with which as much of a body is kept
			for host, routes := range map[string][]ir.Route{
				"plain.test":  {route("all", prefix("/"), to(sink))},
				"again.test":  {route("all", prefix("/"), again)},
				"models.test": {route("other", prefix("/other"), to(sink)), route("red", forModel("/", "red"), to(sink))},
			} {
				scope, table, err := translate.Host(ir.Host{Chain: strconv.Itoa(port), Hostname: host, Routes: routes})
				if err != nil {
					b.Fatal(err)
				}
				set.Upsert = append(set.Upsert, scope, table)
			}
			proxy.Apply(*set)
			awaitPort(b, port)
			var kinds []*costKind
			for _, body := range bodies {
				kinds = append(kinds, &costKind{
					name: body.name, host: way.host, path: way.path, body: body.text, kind: "application/json", requests: body.requests,
				})
			}
			for b.Loop() {
				for _, kind := range kinds {
					kind.round(b, port)
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, kind := range kinds {
				b.ReportMetric(median(kind.middle), kind.name+"-p50-µs")
				b.ReportMetric(median(kind.cpu), kind.name+"-cpu-µs")
			}
			b.ReportMetric(peak(b), "peak-MiB")
		})
	}
}

// jsonFilter has Envoy parse the whole document.
func jsonFilter(b *testing.B) *hcmv3.HttpFilter {
	config, err := anypb.New(&jsonv3.JsonToMetadata{RequestRules: &jsonv3.JsonToMetadata_MatchRules{Rules: []*jsonv3.JsonToMetadata_Rule{{
		Selectors: []*jsonv3.JsonToMetadata_Selector{{Selector: &jsonv3.JsonToMetadata_Selector_Key{Key: "model"}}},
		OnPresent: &jsonv3.JsonToMetadata_KeyValuePair{MetadataNamespace: "bench", Key: "model"},
	}}}})
	if err != nil {
		b.Fatal(err)
	}
	return &hcmv3.HttpFilter{Name: "json", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config}}
}

// sinkServer is a backend that reads bodies to their end.
func sinkServer(b *testing.B) string {
	return handlingServer(b, func(_ http.ResponseWriter, in *http.Request) { _, _ = io.Copy(io.Discard, in.Body) })
}

// peak is the most memory that the last process started by this one had resident, in MiB.
func peak(b *testing.B) float64 {
	all := children(b)
	text, err := os.ReadFile("/proc/" + all[len(all)-1] + "/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib >> 10)
}
