package debug_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/api/debug"
)

var since = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

var sources = []debug.Source{{Kind: "HTTPRoute", Namespace: "shop", Name: "web", Section: "rule-0"}}

// People script against the views: every name, the order of the names and what an empty value looks
// like stay.
func TestJSON(t *testing.T) {
	for name, c := range map[string]struct {
		view any
		want string
	}{
		"gateway": {
			debug.Gateway{
				Gateway: debug.Key{Namespace: "shop", Name: "web"}, Connected: 2,
				Listeners: map[string]bool{"l": true}, Versions: map[string]string{"l": "v1"}, Synced: true,
				Rejected: []debug.Rejection{{
					Resource: debug.ResourceKey{Type: "type.googleapis.com/t", Name: "r"}, Version: "v2", Message: "bad regex",
					Sources: sources, Node: "one", Since: since,
				}},
				Ready:     true,
				Resources: []debug.Resource{{Type: "type.googleapis.com/t", Name: "r", Version: "v2", StandIn: "v1", Bytes: 3, Sources: sources}},
				Proxies: []debug.Proxy{{
					Node: "one", Since: since, Behind: 1,
					Resources: []debug.ProxyResource{{
						Type: "type.googleapis.com/t", Name: "r", Desired: "v2", Sent: "v2", Acked: "v1", Waiting: "its turn", Rejected: "bad regex",
					}},
				}},
				Elsewhere: []debug.PeerState{{Replica: "b", Connected: true, Synced: true}},
			},
			`{"gateway":{"namespace":"shop","name":"web"},"connected":2,"listeners":{"l":true},"versions":{"l":"v1"},"synced":true,` +
				`"rejected":[{"resource":{"type":"type.googleapis.com/t","name":"r"},"version":"v2","message":"bad regex",` +
				`"sources":[{"kind":"HTTPRoute","namespace":"shop","name":"web","section":"rule-0"}],` +
				`"node":"one","since":"2026-05-06T07:08:09Z"}],"ready":true,` +
				`"resources":[{"type":"type.googleapis.com/t","name":"r","version":"v2","standIn":"v1","bytes":3,` +
				`"sources":[{"kind":"HTTPRoute","namespace":"shop","name":"web","section":"rule-0"}]}],` +
				`"proxies":[{"node":"one","since":"2026-05-06T07:08:09Z","behind":1,"resources":[{"type":"type.googleapis.com/t","name":"r",` +
				`"desired":"v2","sent":"v2","acked":"v1","waiting":"its turn","rejected":"bad regex"}]}],` +
				`"elsewhere":[{"replica":"b","connected":true,"synced":true}]}`,
		},
		"gateway, empty": {
			debug.Gateway{},
			`{"gateway":{"namespace":"","name":""},"connected":0,"listeners":null,"versions":null,"synced":false,"ready":false,` +
				`"resources":null,"proxies":null}`,
		},
		"gateway, empty elements": {
			debug.Gateway{
				Rejected: []debug.Rejection{{}}, Resources: []debug.Resource{{}},
				Proxies: []debug.Proxy{{}, {Resources: []debug.ProxyResource{{}}}}, Elsewhere: []debug.PeerState{{}},
			},
			`{"gateway":{"namespace":"","name":""},"connected":0,"listeners":null,"versions":null,"synced":false,` +
				`"rejected":[{"resource":{"type":"","name":""},"version":"","message":"","node":"","since":"0001-01-01T00:00:00Z"}],` +
				`"ready":false,"resources":[{"type":"","name":"","version":"","bytes":0}],` +
				`"proxies":[{"node":"","since":"0001-01-01T00:00:00Z","behind":0,"resources":null},` +
				`{"node":"","since":"0001-01-01T00:00:00Z","behind":0,"resources":[{"type":"","name":""}]}],` +
				`"elsewhere":[{"replica":"","connected":false,"synced":false}]}`,
		},
		"demand": {
			debug.Demand{
				Key: "shop/web", Metric: "requestRate", Unknown: "silent", Value: 1.5, Rate: 2.5, Concurrency: 3.5, InFlight: 4, Active: true,
				LastGood: true, LastArrival: "1s", Requests: 5, Held: 6, HeldBy: map[string]int{"": 6},
				Proxies: []debug.ProxyCounters{{
					Gateway: "shop/kedify-proxy", Node: "one", Replica: "b", Heard: true, Age: "2s", Requests: 7, Retries: 8, InFlight: 9,
				}},
			},
			`{"key":"shop/web","metric":"requestRate","unknown":"silent","value":1.5,"rate":2.5,"concurrency":3.5,"inFlight":4,"active":true,` +
				`"lastGood":true,"lastArrival":"1s","requests":5,"held":6,"heldBy":{"":6},"proxies":[{"gateway":"shop/kedify-proxy","node":"one",` +
				`"replica":"b","heard":true,"age":"2s","requests":7,"retries":8,"inFlight":9}]}`,
		},
		"demand, empty": {
			debug.Demand{Proxies: []debug.ProxyCounters{{}}},
			`{"key":"","value":0,"rate":0,"concurrency":0,"inFlight":0,"active":false,"requests":0,"held":0,` +
				`"proxies":[{"gateway":"","node":"","heard":false,"age":"","requests":0,"inFlight":0}]}`,
		},
		"asked": {debug.Asked{Key: "shop/web", Ago: "2s", Answer: "active"}, `{"key":"shop/web","ago":"2s","answer":"active"}`},
		"queue": {map[string]debug.Queue{"shop/web": {Concurrency: 1.5, RPS: 2}}, `{"shop/web":{"Concurrency":1.5,"RPS":2}}`},
		"hold": {
			debug.Hold{
				Gateway: debug.Key{Namespace: "shop", Name: "web"}, Ready: true, Memory: 1024,
				Backends: []debug.HoldBackend{{
					Name: "b", Demands: []debug.Key{{Namespace: "shop", Name: "web-0"}}, State: "holding", Armed: true,
					Endpoints: []string{"127.0.0.1:80"}, Stale: []string{"127.0.0.1:81"}, StaleUntil: &since,
					Proxies: []debug.HoldProxy{{Node: "one", Connected: true, Ready: true, Held: 1, Oldest: "1s"}},
					Held:    1, Unconfirmed: 2,
				}},
			},
			`{"gateway":{"namespace":"shop","name":"web"},"ready":true,"memory":1024,"backends":[{"name":"b",` +
				`"demands":[{"namespace":"shop","name":"web-0"}],"state":"holding","armed":true,"endpoints":["127.0.0.1:80"],` +
				`"stale":["127.0.0.1:81"],"staleUntil":"2026-05-06T07:08:09Z","proxies":[{"node":"one","connected":true,"ready":true,` +
				`"held":1,"oldest":"1s"}],"held":1,"unconfirmed":2}]}`,
		},
		"hold, empty": {debug.Hold{}, `{"gateway":{"namespace":"","name":""},"ready":false}`},
		"hold, empty elements": {
			debug.Hold{Backends: []debug.HoldBackend{{}, {Proxies: []debug.HoldProxy{{}}}}},
			`{"gateway":{"namespace":"","name":""},"ready":false,"backends":[{"name":"","state":"","armed":false},` +
				`{"name":"","state":"","armed":false,"proxies":[{"node":"","connected":false,"ready":false}]}]}`,
		},
		"streams": {
			debug.Streams{Ready: true, Gateways: []debug.ProxyStreams{{
				Gateway: debug.Key{Namespace: "shop", Name: "web"}, Ready: true, Connected: 2, Accepting: 1,
			}}},
			`{"ready":true,"gateways":[{"gateway":{"namespace":"shop","name":"web"},"ready":true,"connected":2,"accepting":1}]}`,
		},
		"streams, empty":    {debug.Streams{}, `{"ready":false,"gateways":null}`},
		"envoy metrics map": {debug.EnvoyMetricsMap{"c": {"shop/web"}}, `{"c":["shop/web"]}`},
	} {
		got, err := json.Marshal(c.view)
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s %v\nwant %s", name, got, err, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for want, got := range map[string]string{
		"shop/web":                    debug.Key{Namespace: "shop", Name: "web"}.String(),
		"HTTPRoute shop/web (rule-0)": sources[0].String(),
		"Gateway shop/web":            debug.Source{Kind: "Gateway", Namespace: "shop", Name: "web"}.String(),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
