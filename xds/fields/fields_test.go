package fields

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// TestT62EveryOtherFieldIsRefusedByName walks the messages of Envoy: a field that is not on the list
// cannot be set, wherever it stands.
func TestT62EveryOtherFieldIsRefusedByName(t *testing.T) {
	for _, k := range []kind{routeKind, clusterKind} {
		refused := 0
		eachField(k.descriptor(), k.allowed, nil, func(path []step, field protoreflect.FieldDescriptor) {
			refused++
			for _, name := range []string{string(field.Name()), field.JSONName()} {
				text := written(append(path, step{name: name}))
				_, err := k.text([]byte(text))
				if err == nil || !strings.Contains(err.Error(), name+": cannot be set: ") {
					t.Errorf("%s: %v", text, err)
				}
			}
		})
		if refused < 40 {
			t.Errorf("%d fields of %s", refused, k.descriptor().Name())
		}
	}
}

// step is a field on the way to another one.
type step struct {
	name string
	list bool
}

func eachField(of protoreflect.MessageDescriptor, may allowed, path []step, visit func([]step, protoreflect.FieldDescriptor)) {
	for i := range of.Fields().Len() {
		field := of.Fields().Get(i)
		below, ok := may[string(field.Name())]
		switch {
		case !ok:
			visit(path, field)
		case below != nil:
			eachField(field.Message(), below, append(path[:len(path):len(path)], step{string(field.Name()), field.IsList()}), visit)
		}
	}
}

// written is the JSON of a path to a field with some value.
func written(path []step) string {
	text := "1"
	for i := len(path) - 1; i >= 0; i-- {
		if path[i].list {
			text = "[" + text + "]"
		}
		text = `{"` + path[i].name + `":` + text + "}"
	}
	return text
}

// TestT62ProblemsNameTheField has one case for each thing that is wrong.
func TestT62ProblemsNameTheField(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{`[1]`, "is not an object of fields"},
		{`7`, "is not an object of fields"},
		{``, "is not an object of fields"},
		{`{} {}`, "has text after the object"},
		{`{"idle_timeout": "` + strings.Repeat("1", maxBytes) + `s"}`, "more than 16384"},
		{`{"idle_timeouts": "1s"}`, "idle_timeouts: Envoy's RouteAction has no such field"},
		{`{"retry_policy": {"retry_on": "5xx", "retries": 1}}`, "retry_policy.retries: Envoy's RetryPolicy has no such field"},
		{`{"idle_timeout": "1h"}`, "idle_timeout: invalid google.protobuf.Duration value"},
		{`{"idle_timeout": 5}`, "idle_timeout: "},
		{`{"idle_timeout": "-1s"}`, "idle_timeout: is not a duration from 0s to 31536000s"},
		{`{"timeout": "31536001s"}`, "timeout: is not a duration from 0s"},
		{`{"max_stream_duration": {"grpc_timeout_header_max": "-1s"}}`, "max_stream_duration.grpc_timeout_header_max: is not a duration"},
		{`{"idle_timeout": "1s", "idleTimeout": "2s"}`, "is set twice"},
		{`{"retry_policy": []}`, "retry_policy: is not an object"},
		{`{"hash_policy": {}}`, "hash_policy: is not a list"},
		{`{"hash_policy": [1]}`, "hash_policy[0]: is not an object"},
		{`{"cluster": "kube-system/secrets"}`, "cluster: cannot be set: the backendRefs of routes say where requests go"},
		{`{"retry_policy": {}}`, `retry_policy.retry_on: "" is not one of 5xx`},
		{`{"retry_policy": {"retry_on": "5xx, reset"}}`, `retry_policy.retry_on: " reset" is not one of`},
		{`{"retry_policy": {"retry_on": "retriable-headers"}}`, `"retriable-headers" is not one of`},
		{`{"retry_policy": {"retry_on": "5xx", "retriable_status_codes": [503]}}`, "retriable_status_codes: and the word"},
		{`{"retry_policy": {"retry_on": "retriable-status-codes"}}`, "retriable_status_codes: and the word"},
		{`{"retry_policy": {"retry_on": "retriable-status-codes", "retriable_status_codes": [99]}}`, "99 is not a status code"},
		{`{"retry_policy": {"retry_on": "5xx", "num_retries": 1001}}`, "retry_policy.num_retries: 1001 is more than 1000"},
		{`{"retry_policy": {"retry_on": "5xx", "host_selection_retry_max_attempts": -1}}`, "host_selection_retry_max_attempts: -1"},
		{`{"retry_policy": {"retry_on": "5xx", "retry_back_off": {"base_interval": "2s", "max_interval": "1s"}}}`, "max_interval: is less than"},
		{`{"retry_policy": {"retry_on": "5xx", "retry_back_off": {"max_interval": "1s"}}}`, "BaseInterval"},
		{`{"hash_policy": [{}]}`, "hash_policy[0].header, cookie, query_parameter or connection_properties"},
		{`{"hash_policy": [{"header": {"header_name": "a b"}}]}`, "hash_policy[0].header.header_name"},
		{`{"hash_policy": [{"cookie": {"name": "a;b"}}]}`, "hash_policy[0].cookie.name"},
		{`{"hash_policy": [{"cookie": {"name": "a", "path": "/; Secure"}}]}`, "hash_policy[0].cookie.path"},
		{`{"hash_policy": [{"cookie": {"name": "a", "path": "x\r\nSet-Cookie: y"}}]}`, "hash_policy[0].cookie.path"},
		{`{"hash_policy": [{"query_parameter": {}}]}`, "hash_policy[0].query_parameter.name: is missing"},
		{`{"hash_policy": [{"connection_properties": {}}]}`, "source_ip: is not true"},
		{`{"hash_policy": [{"cookie": {"name": "a"}, "header": {"header_name": "b"}}]}`, "hash_policy: "},
	} {
		if _, err := RouteText([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%.100s: %v, want %q", c.text, err, c.problem)
		}
	}
	for _, c := range []struct{ text, problem string }{
		{`{"lb_policy": "LEAST_REQUESTS"}`, "lb_policy: invalid value for enum field"},
		{`{"lb_policy": "CLUSTER_PROVIDED"}`, "lb_policy: CLUSTER_PROVIDED cannot be set: use ROUND_ROBIN"},
		{`{"lb_policy": "LOAD_BALANCING_POLICY_CONFIG"}`, "cannot be set"},
		{`{"lb_policy": 99}`, "cannot be set"},
		{`{"ring_hash_lb_config": {}}`, "ring_hash_lb_config: needs lb_policy: RING_HASH"},
		{`{"lb_policy": "RANDOM", "maglev_lb_config": {}}`, "maglev_lb_config: needs lb_policy: MAGLEV"},
		{`{"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 65536}}`, "maglev_lb_config.table_size: 65536 is not a prime number"},
		{`{"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 2147483647}}`, "TableSize"},
		{`{"lb_policy": "RING_HASH", "ring_hash_lb_config": {"maximum_ring_size": 1000}}`,
			"minimum_ring_size: 1024 is more than maximum_ring_size 1000"},
		{`{"lb_policy": "RING_HASH", "ring_hash_lb_config": {"maximum_ring_size": 8388609}}`, "MaximumRingSize"},
		{`{"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 101}}`, "choice_count: 101 is more than 100"},
		{`{"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 1}}`, "ChoiceCount"},
		{`{"connect_timeout": "0s"}`, "ConnectTimeout"},
		{`{"connect_timeout": null, "name": "x"}`, "name: cannot be set"},
		{`{"common_lb_config": {"healthy_panic_threshold": {"value": 101}}}`, "HealthyPanicThreshold"},
		{`{"common_lb_config": {"healthy_panic_threshold": {"value": "NaN"}}}`,
			"common_lb_config.healthy_panic_threshold.value: is not a number"},
		{`{"circuit_breakers": {"thresholds": [{"max_requests": -1}]}}`, "circuit_breakers: "},
		{`{"outlier_detection": {"interval": "0s"}}`, "Interval"},
		{`{"outlier_detection": {"max_ejection_time": "29s"}}`, "outlier_detection.max_ejection_time: 29s is less than base_ejection_time 30s"},
		{`{"outlier_detection": {"max_ejection_percent": 101}}`, "MaxEjectionPercent"},
		{`{"upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 32768}}}`,
			"tcp_keepalive.keepalive_time: 32768 is more than 32767"},
		{`{"upstream_connection_options": {"tcp_keepalive": {"keepalive_probes": 128}}}`, "tcp_keepalive.keepalive_probes: 128 is more than 127"},
		{`{"transport_socket": {"name": "x"}}`, "transport_socket: cannot be set: use a BackendTLSPolicy"},
	} {
		if _, err := ClusterText([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%.100s: %v, want %q", c.text, err, c.problem)
		}
	}
}

func TestTextHasOneForm(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{}`, ""},
		{`{"idle_timeout": null}`, ""},
		{` {"timeout":"1s", "idleTimeout" : "3600s"} `, `{"idle_timeout":"3600s","timeout":"1s"}`},
		{`{"retryPolicy": {"retryOn": "5xx", "numRetries": 5}}`, `{"retry_policy":{"num_retries":5,"retry_on":"5xx"}}`},
	} {
		if got, err := RouteText([]byte(c.text)); got != c.want || err != nil {
			t.Errorf("%s: %q, %v", c.text, got, err)
		}
	}
}

func TestT62MergeTakesFieldsWhole(t *testing.T) {
	for _, c := range []struct{ name, base, own, want string }{
		{"base alone", `{"timeout":"1s"}`, "", `{"timeout":"1s"}`},
		{"own alone", "", `{"timeout":"1s"}`, `{"timeout":"1s"}`},
		{"by field", `{"idle_timeout":"1s","timeout":"1s"}`, `{"timeout":"2s"}`, `{"idle_timeout":"1s","timeout":"2s"}`},
		{"messages are fields", `{"retry_policy":{"num_retries":5,"retry_on":"5xx"}}`, `{"retry_policy":{"retry_on":"reset"}}`,
			`{"retry_policy":{"retry_on":"reset"}}`},
		{"another policy", `{"lb_policy":"RING_HASH","ring_hash_lb_config":{}}`, `{"lb_policy":"RANDOM"}`, `{"lb_policy":"RANDOM"}`},
		{"another policy with its configuration", `{"common_lb_config":{},"lb_policy":"RING_HASH","ring_hash_lb_config":{}}`,
			`{"lb_policy":"MAGLEV","maglev_lb_config":{}}`, `{"common_lb_config":{},"lb_policy":"MAGLEV","maglev_lb_config":{}}`},
		{"the policy stays", `{"lb_policy":"RING_HASH","ring_hash_lb_config":{}}`, `{"connect_timeout":"1s"}`,
			`{"connect_timeout":"1s","lb_policy":"RING_HASH","ring_hash_lb_config":{}}`},
	} {
		if got, err := Merge(c.base, c.own); got != c.want || err != nil {
			t.Errorf("%s: %s, %v", c.name, got, err)
		}
	}
}

// FuzzText: every text that passes has one form, which passes again and says the same.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`{"idle_timeout":"3600s"}`, `{"retry_policy":{"retry_on":"5xx","num_retries":5,"retry_back_off":{"base_interval":"1s"}}}`,
		`{"lb_policy":"RING_HASH","ring_hash_lb_config":{"minimum_ring_size":1e3}}`, `{"hash_policy":[{"header":{"header_name":"a"}}]}`,
		`{"circuit_breakers":{"thresholds":[{"max_requests":1}]}}`, `{"hash_policy":[null]}`, `{"outlier_detection":{"interval":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, k := range []kind{routeKind, clusterKind} {
			text, err := k.text(raw)
			if err != nil || text == "" {
				continue
			}
			if !json.Valid([]byte(text)) {
				t.Fatalf("%q is no JSON", text)
			}
			if again, err := k.text([]byte(text)); again != text || err != nil {
				t.Fatalf("%q becomes %q: %v", text, again, err)
			}
			if _, err := ReadCluster(text); err != nil && k.descriptor() == clusterKind.descriptor() {
				t.Fatal(err)
			}
		}
	})
}
