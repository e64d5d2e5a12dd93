package translate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// logArguments are tried with every command operator. Those that an operator does not take are refused before Envoy sees them.
var logArguments = []string{
	"", "()", "(X-A)", "(:PATH)", "(x-a?:PATH)", "(:AUTHORITY?X.B_c)", "(%Y/%m/%dT%H:%M:%S.%3f%z)",
	"(%s)", "(%s.%6f)", "(%e %b %B %a %A %I %p %j %y %F %T %Z)", "(at %9f, or %f)",
	"(a)", "(kedify.hold:held_ms)", "(kedify:scaled_object:a/b)", "(DS_RX_BEG:US_RX_BODY_BEG:ms)", "(US_HS_END:DS_TX_END:us)",
	"(US_CX_BEG:US_CX_END:ns)",
	"(US_TX_BEG:US_TX_END:ms)", "(US_RX_BEG:US_RX_END:ms)", "(DS_TX_BEG:DS_RX_END:ms)", "(0)", "(9)", "(32)",
	"(CAMEL_STRING)", "(SNAKE_STRING)", "(NUMBER)",
	"(ALLOW_WHITESPACES)", "(WQ)", "(NQ)", "(NQ:ORIG)", "(WQ:PATH)", "(NQ:ORIG_OR_PATH)", "(SNI_ONLY)",
}

// TestEnvoyTakesAllowedLogFormats has Envoy validate each command operator with all arguments and lengths that a user may write.
func TestEnvoyTakesAllowedLogFormats(t *testing.T) {
	formats := []string{"text", "100%%", "%%%PROTOCOL%%%", "ü 日本 %PROTOCOL%\n%DURATION%\n"}
	for _, name := range logformat.Operators() {
		taken := 0
		for _, arguments := range logArguments {
			for _, length := range []string{"", ":1", ":9999"} {
				if format := "%" + name + arguments + length + "%"; logformat.Check(format) == nil {
					formats = append(formats, format)
					taken++
				}
			}
		}
		if taken == 0 {
			t.Errorf("no example has %s", name)
		}
	}
	fields := map[string]string{}
	for i, format := range formats {
		fields[fmt.Sprintf("field \"%d\"", i)] = format
	}
	logs := []*ir.AccessLog{{Fields: fields}, {Off: true}, {Text: strings.Join(formats, " ")}}
	for _, filter := range logFilters() {
		logs = append(logs, &ir.AccessLog{Filter: filter})
	}
	var listeners []resource.Resource
	for i, log := range logs {
		for _, forward := range []*ir.L4Forward{nil, {}} {
			port := uint32(10_000 + 2*i)
			if forward != nil {
				port++
			}
			chain := ir.Chain{ID: fmt.Sprint(port), Log: log, Forward: forward}
			rendered, err := translate.Listener(ir.Listener{Port: port, Transport: ir.TCP, Chains: []ir.Chain{chain}})
			if err != nil {
				t.Fatal(err)
			}
			listeners = append(listeners, rendered)
		}
	}
	if output, err := validate(t, proxytest.Binary(t), listeners); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func logFilters() []*ir.LogFilter {
	hour, none := time.Hour, time.Duration(0)
	return []*ir.LogFilter{
		{MinStatus: ptr.To(uint32(500))}, {MinDuration: &hour}, {MinDuration: &none},
		{SamplingRate: ptr.To(uint32(0))}, {SamplingRate: ptr.To(uint32(100))},
		{MinStatus: ptr.To(uint32(100)), MinDuration: &hour, SamplingRate: ptr.To(uint32(1))},
	}
}

// TestEnvoyRefusesOtherLogFormats proves that the test above can fail.
func TestEnvoyRefusesOtherLogFormats(t *testing.T) {
	rendered, err := translate.Listener(ir.Listener{Port: 10_000, Transport: ir.TCP, Chains: []ir.Chain{{
		ID: "10000", Log: &ir.AccessLog{Text: "%NO_OPERATOR%"}, Forward: &ir.L4Forward{},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if output, err := validate(t, proxytest.Binary(t), []resource.Resource{rendered}); err == nil || !strings.Contains(output, "NO_OPERATOR") {
		t.Errorf("accepted: %v %s", err, output)
	}
}

// TestAccessLogOff: a listener without a log writes none (it still counts for metrics), and one without a wish the product's.
func TestAccessLogOff(t *testing.T) {
	for _, forward := range []*ir.L4Forward{nil, {}} {
		for text, log := range map[string]*ir.AccessLog{
			"":                                {Off: true},
			`"textFormatSource"`:              {Text: "a"},
			`"inlineString":"a\n"`:            {Text: "a\n"},
			`"jsonFormat":{"b":"c"}`:          {Fields: map[string]string{"b": "c"}},
			`"endpoint":"%UPSTREAM_HOST%"`:    nil,
			`"details":"%`:                    {},
			`"useIndependentRandomness":true`: {Filter: &ir.LogFilter{SamplingRate: ptr.To(uint32(5))}},
		} {
			l := ir.Listener{Port: 80, Transport: ir.TCP, Chains: []ir.Chain{{ID: "80", Log: log, Forward: forward}}}
			rendered := strings.ReplaceAll(listenerText(t, l), " ", "")
			if strings.Contains(rendered, "envoy.access_loggers.stdout") != (text != "") || !strings.Contains(rendered, text) {
				t.Errorf("%+v: %q is not in %s", log, text, rendered)
			}
		}
	}
}

func listenerText(t *testing.T, l ir.Listener) string {
	t.Helper()
	rendered, err := translate.Listener(l)
	if err != nil {
		t.Fatal(err)
	}
	message := &listenerv3.Listener{}
	if err := proto.Unmarshal(rendered.Body, message); err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The product's own formats are among those that users may write.
func TestProductsFormatsMayBeWritten(t *testing.T) {
	l := ir.Listener{Port: 80, Transport: ir.TCP, Chains: []ir.Chain{{ID: "80"}}}
	text := listenerText(t, l)
	var seen []string
	for _, part := range strings.Split(text, `"`) {
		if strings.HasPrefix(part, "%") && strings.HasSuffix(part, "%") && part != "%REQ(:authority)%" {
			seen = append(seen, part)
			if err := logformat.Check(part); err != nil {
				t.Error(err)
			}
		}
	}
	if len(seen) < 30 || !slices.Contains(seen, "%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG:ms)%") {
		t.Errorf("only %v", seen)
	}
}
