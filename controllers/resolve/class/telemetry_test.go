package class

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestTelemetryIsMerged: what the parameters of a Gateway leave out of a block comes from its class; format and filter are one field each.
func TestTelemetryIsMerged(t *testing.T) {
	for _, c := range []struct{ base, own, want string }{
		{"{}", "telemetry: {accessLog: {disable: true}}", "telemetry: {accessLog: {disable: true}}"},
		{"telemetry: {accessLog: {disable: true}}", "{}", "telemetry: {accessLog: {disable: true}}"},
		{
			"telemetry: {accessLog: {disable: true, format: {json: {a: b, c: d}}}, metrics: {enableBackendStats: true}}",
			"telemetry: {accessLog: {disable: false, filter: {samplingRate: 1}}}",
			"telemetry: {accessLog: {disable: false, format: {json: {a: b, c: d}}, filter: {samplingRate: 1}}, metrics: {enableBackendStats: true}}",
		},
		{
			"telemetry: {accessLog: {format: {json: {a: b}}, filter: {samplingRate: 1}}}",
			"telemetry: {accessLog: {format: {text: a}, filter: {minDuration: 1s}}, metrics: {prometheus: {disable: true}}}",
			"telemetry: {accessLog: {format: {text: a}, filter: {minDuration: 1s}}, metrics: {prometheus: {disable: true}}}",
		},
		{
			"telemetry: {metrics: {prometheus: {disable: true}}}", "telemetry: {metrics: {prometheus: {disable: false}, enableBackendStats: true}}",
			"telemetry: {metrics: {prometheus: {disable: false}, enableBackendStats: true}}",
		},
	} {
		if merged := MergeParameters(specOf(t, c.base), specOf(t, c.own)); !reflect.DeepEqual(merged, specOf(t, c.want)) {
			t.Errorf("%s over %s: %+v", c.own, c.base, merged.Telemetry)
		}
	}
}

// TestAccessLog: what is read, and what is refused by the name of its field.
func TestAccessLog(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		log, refused string
		want         *ir.AccessLog
	}{
		{log: "{}", want: &ir.AccessLog{}},
		{log: "{disable: true}", want: &ir.AccessLog{Off: true}},
		{log: "{format: {type: Text, text: '%PROTOCOL%'}}", want: &ir.AccessLog{Text: "%PROTOCOL%"}},
		{log: "{format: {json: {a: '%PROTOCOL%'}}}", want: &ir.AccessLog{Fields: map[string]string{"a": "%PROTOCOL%"}}},
		{log: "{filter: {minStatusCode: 500}}", want: &ir.AccessLog{Filter: &ir.LogFilter{MinStatus: ptr.To(uint32(500))}}},
		{
			log:  "{filter: {minDuration: 1s, samplingRate: 0}}",
			want: &ir.AccessLog{Filter: &ir.LogFilter{MinDuration: &second, SamplingRate: ptr.To(uint32(0))}},
		},
		{log: "{format: {}}", refused: "format: set one of text and json"},
		{log: "{format: {text: a, json: {b: c}}}", refused: "format: set one of text and json"},
		{log: "{format: {type: JSON, text: a}}", refused: "format.type: JSON goes with"},
		{log: "{format: {type: Text, json: {a: b}}}", refused: "format.type: Text goes with"},
		{
			log:     "{format: {text: '%FILE_CONTENT(/etc/kedify/xds/tls.key)%'}}",
			refused: "format.text: %FILE_CONTENT(/etc/kedify/xds/tls.key)%: reads files",
		},
		{log: "{format: {text: ''}}", refused: "format.text: is empty"},
		{log: "{format: {json: {a: '%'}}}", refused: `format.json["a"]: "%" is no command operator`},
		{log: "{filter: {}}", refused: "filter: has no field"},
		{log: "{filter: {minStatusCode: 99}}", refused: "filter.minStatusCode: 99 is not"},
		{log: "{filter: {minStatusCode: 600}}", refused: "filter.minStatusCode: 600 is not"},
		{log: "{filter: {minDuration: -1s}}", refused: "filter.minDuration: -1s is not"},
		{log: "{filter: {minDuration: 1193h}}", refused: "filter.minDuration: 1193h0m0s is not a duration from 0s to 24h0m0s"},
		{log: "{filter: {samplingRate: -1}}", refused: "filter.samplingRate: -1 is not"},
		{log: "{filter: {samplingRate: 101}}", refused: "filter.samplingRate: 101 is not"},
	} {
		spec := specOf(t, "telemetry: {accessLog: "+c.log+"}")
		got, err := AccessLog(spec)
		if checked := CheckParameters(spec); (checked == nil) != (err == nil) {
			t.Errorf("%s: %v, but the parameters: %v", c.log, err, checked)
		}
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), "spec.telemetry.accessLog."+c.refused) {
				t.Errorf("%s: %v, want %q", c.log, err, c.refused)
			}
		case err != nil || !reflect.DeepEqual(got, c.want):
			t.Errorf("%s: %+v %v", c.log, got, err)
		}
	}
	if log, err := AccessLog(specOf(t, "telemetry: {metrics: {}}")); log != nil || err != nil {
		t.Errorf("%+v %v", log, err)
	}
}

// TestMetricsOfParameters: the port is open and nothing is kept for each backend, unless the parameters say otherwise.
func TestMetricsOfParameters(t *testing.T) {
	for spec, want := range map[string][2]bool{
		"{}": {true, false}, "telemetry: {}": {true, false}, "telemetry: {metrics: {}}": {true, false},
		"telemetry: {metrics: {prometheus: {}, enableBackendStats: false}}":             {true, false},
		"telemetry: {metrics: {prometheus: {disable: false}}}":                          {true, false},
		"telemetry: {metrics: {prometheus: {disable: true}, enableBackendStats: true}}": {false, true},
	} {
		if got := [2]bool{ServesMetrics(specOf(t, spec)), BackendStats(specOf(t, spec))}; got != want {
			t.Errorf("%s: %v, want %v", spec, got, want)
		}
	}
}
