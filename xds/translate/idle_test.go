package translate_test

import (
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate"
)

// TestG4IdleNeverUndercuts: silence ends no request that what is written lets go on: by its rule, by its
// trigger, or by the Gateway. The nearer wins.
func TestG4IdleNeverUndercuts(t *testing.T) {
	const byDefault = -1 // nothing said, so that the one of the connection manager holds
	service := func(hold time.Duration) ir.Target {
		target := ir.Target{Cluster: serviceKey("web"), Weight: 1}
		if hold > 0 {
			target.Hold = &ir.Hold{Cluster: target.Cluster.HoldCluster(), Timeout: hold}
		}
		return target
	}
	pool := service(0)
	pool.Picker = &ir.Picker{Cluster: ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "test", Name: "epp", Port: 9002}}
	for name, c := range map[string]struct {
		target   ir.Target
		timeouts ir.Timeouts
		retry    *ir.Retry
		fields   string
		idle     time.Duration
	}{
		"nothing said":     {target: service(0), idle: byDefault},
		"a pool":           {target: pool, idle: byDefault},
		"a hold":           {target: service(55 * time.Second), idle: byDefault},
		"the longest hold": {target: service(time.Hour), idle: time.Hour + 30*time.Second},
		"10m":              {target: service(0), timeouts: ir.Timeouts{Request: limit(10 * time.Minute)}, idle: byDefault},
		"59m59s": {target: service(0), timeouts: ir.Timeouts{Request: limit(time.Hour - time.Second)},
			idle: time.Hour + 29*time.Second},
		"2h":               {target: service(0), timeouts: ir.Timeouts{Request: limit(2 * time.Hour)}, idle: 2*time.Hour + 30*time.Second},
		"0s":               {target: service(0), timeouts: ir.Timeouts{Request: limit(0)}, idle: 0},
		"0s of a pool":     {target: pool, timeouts: ir.Timeouts{Request: limit(0)}, idle: 0},
		"0s of an attempt": {target: service(0), timeouts: ir.Timeouts{BackendRequest: limit(0)}, idle: 0},
		"0s of an attempt, limited": {target: service(0),
			timeouts: ir.Timeouts{Request: limit(time.Second), BackendRequest: limit(0)}, idle: byDefault},
		"0s, its attempts limited": {target: service(0), timeouts: ir.Timeouts{Request: limit(0), BackendRequest: limit(time.Second)}, idle: 0},
		"the longest of the API":   {target: service(0), timeouts: ir.Timeouts{Request: limit(99999*time.Hour + 59*time.Minute)}, idle: 0},
		"an attempt of 2h": {target: service(0), timeouts: ir.Timeouts{BackendRequest: limit(2 * time.Hour)},
			idle: 2*time.Hour + 30*time.Second},
		"an attempt of 2h, held": {target: service(time.Minute), timeouts: ir.Timeouts{BackendRequest: limit(2 * time.Hour)},
			idle: 2*time.Hour + 90*time.Second},
		"3 attempts of 40m": {target: service(0), timeouts: ir.Timeouts{BackendRequest: limit(40 * time.Minute)},
			retry: &ir.Retry{Attempts: 2}, idle: 2*time.Hour + 30500*time.Millisecond},
		"3 attempts, pauses of 10m": {target: service(0), timeouts: ir.Timeouts{BackendRequest: limit(time.Minute)},
			retry: &ir.Retry{Attempts: 2, Backoff: 10 * time.Minute}, idle: 203*time.Minute + 30*time.Second},
		"1001 attempts of the longest": {target: service(0), timeouts: ir.Timeouts{BackendRequest: limit(99999 * time.Hour)},
			retry: &ir.Retry{Attempts: 1000}, idle: 0},

		"the Gateway's":     {target: service(0), fields: `{"idle_timeout":"60s"}`, idle: time.Minute},
		"the Gateway's, 0s": {target: service(0), fields: `{"idle_timeout":"0s"}`, timeouts: ir.Timeouts{Request: limit(time.Minute)}, idle: 0},
		"the Gateway's, shorter than a rule": {target: service(0), fields: `{"idle_timeout":"60s"}`,
			timeouts: ir.Timeouts{Request: limit(10 * time.Minute)}, idle: 630 * time.Second},
		"the Gateway's, longer than a rule": {target: service(0), fields: `{"idle_timeout":"60s"}`,
			timeouts: ir.Timeouts{Request: limit(time.Second)}, idle: time.Minute},
		"the Gateway's, shorter than a hold": {target: service(5 * time.Minute), fields: `{"idle_timeout":"60s"}`, idle: 330 * time.Second},
		"the Gateway's, a rule without": {target: service(0), fields: `{"idle_timeout":"60s"}`,
			timeouts: ir.Timeouts{Request: limit(0)}, idle: 0},
		"the Gateway's timeout": {target: service(0), fields: `{"timeout":"7200s"}`, idle: 2*time.Hour + 30*time.Second},
		"the Gateway's stream": {target: service(0), fields: `{"max_stream_duration":{"max_stream_duration":"7200s"}}`,
			idle: 2*time.Hour + 30*time.Second},
		"the Gateway's timeout and silence": {target: service(0), fields: `{"timeout":"7200s","idle_timeout":"60s"}`, idle: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := fields.RouteText([]byte(c.fields))
			if c.fields == "" {
				text, err = "", nil
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range routesOf(t, text, &ir.Forward{Targets: []ir.Target{c.target}, Timeouts: c.timeouts, Retry: c.retry}) {
				idle := r.GetRoute().GetIdleTimeout()
				if got := idle.AsDuration(); (idle == nil) != (c.idle == byDefault) || idle != nil && got != c.idle {
					t.Errorf("%s: %v, want %s", r.Name, idle, c.idle)
				}
			}
		})
	}
}

// routesOf renders a rule and returns what Envoy gets of it.
func routesOf(t *testing.T, text string, f *ir.Forward) (routes []*routev3.Route) {
	t.Helper()
	_, table, err := translate.Host(ir.Host{Chain: "80", Hostname: "a.test", Fields: text, Routes: []ir.Route{route("rule", prefix("/"), f)}})
	if err != nil {
		t.Fatal(err)
	}
	config := &routev3.RouteConfiguration{}
	if err := proto.Unmarshal(table.Body, config); err != nil {
		t.Fatal(err)
	}
	for _, r := range config.VirtualHosts[0].Routes {
		if r.GetRoute() != nil {
			routes = append(routes, r)
		}
	}
	return routes
}

// TestG5LimitsOfARule: the request limit is that of the stream, and that of an attempt that of the handshake for requests that
// ask for WebSocket; a limit of the Gateway gives way to it as a whole.
func TestG5LimitsOfARule(t *testing.T) {
	text, err := fields.RouteText([]byte(`{"timeout":"1s","max_stream_duration":{"max_stream_duration":"1s","grpc_timeout_header_max":"0s"}}`))
	if err != nil {
		t.Fatal(err)
	}
	f := to(serviceKey("web"))
	f.Timeouts = ir.Timeouts{Request: limit(time.Minute), BackendRequest: limit(time.Second)}
	routes := routesOf(t, text, f)
	if len(routes) != 2 {
		t.Fatalf("%d routes", len(routes))
	}
	handshake, stream := routes[0].GetRoute(), routes[1].GetRoute()
	if handshake.MaxStreamDuration != nil || handshake.Timeout.AsDuration() != time.Second { // that of the only attempt
		t.Errorf("a WebSocket: %v", handshake)
	}
	if d := stream.MaxStreamDuration; d.GetMaxStreamDuration().AsDuration() != time.Minute || d.GrpcTimeoutHeaderMax != nil {
		t.Errorf("other requests: %v", stream)
	}
	for _, action := range []*routev3.RouteAction{handshake, stream} {
		if got := action.RetryPolicy.PerTryTimeout.AsDuration(); got != time.Second {
			t.Errorf("an attempt: %v", got)
		}
	}
	if routes := routesOf(t, "", to(serviceKey("web"))); len(routes) != 1 || routes[0].GetRoute().MaxStreamDuration != nil ||
		routes[0].GetRoute().Timeout.AsDuration() != 0 {
		t.Errorf("without a limit: %v", routes)
	}
}
