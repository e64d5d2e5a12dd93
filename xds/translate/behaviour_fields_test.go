package translate_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate"
)

// fieldsHost adds a host whose routes have fields of the user.
func (w *world) fieldsHost(hostname, text string, routes ...ir.Route) {
	w.t.Helper()
	scope, table, err := translate.Host(ir.Host{Chain: w.chain, Hostname: hostname, Routes: routes, Fields: text})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(scope, table)
}

func unavailable(out http.ResponseWriter, _ *http.Request) {
	out.WriteHeader(http.StatusServiceUnavailable)
}

// TestT62RetriesOfAGateway: retry_policy of the Gateway retries for rules that say nothing, and a rule
// with retries of its own has those.
func TestT62RetriesOfAGateway(t *testing.T) {
	w := newWorld(t)
	address := func(good int64) string { at, _ := counted(t, good, unavailable); return at }
	backend := func(name string, good int64) *ir.Forward {
		return to(w.cluster(ir.Cluster{Key: serviceKey(name), Protocol: ir.HTTP1}, address(good)))
	}
	own := backend("own", 4)
	own.Retry = &ir.Retry{Attempts: 1, Codes: []uint32{503}}
	w.fieldsHost("fields.test", `{"retry_policy":{"num_retries":3,"retry_back_off":{"base_interval":"0.001s"},"retry_on":"5xx"}}`,
		route("retried", prefix("/retried"), backend("retried", 4)), route("own", prefix("/own"), own))
	w.host("plain.test", route("plain", prefix("/"), backend("plain", 2)))
	w.apply()
	w.expect(ask{host: "fields.test", path: "/retried"}, 200, "")
	w.expect(ask{host: "fields.test", path: "/own"}, 503, "")
	w.expect(ask{host: "plain.test", path: "/"}, 503, "")
}

// TestT62IdleTimeoutOfAGateway: silence ends a request after the idle timeout of the Gateway.
func TestT62IdleTimeoutOfAGateway(t *testing.T) {
	w := newWorld(t)
	forward := to(w.cluster(ir.Cluster{Key: serviceKey("silent"), Protocol: ir.HTTP1}, server(t, hang)))
	w.fieldsHost("fields.test", `{"idle_timeout":"0.200s"}`, route("silent", prefix("/"), forward))
	w.apply()
	start := time.Now()
	w.expect(ask{host: "fields.test", path: "/"}, 504, "")
	if took := time.Since(start); took < 200*time.Millisecond-early || took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestT62BalancingOfAGateway: a hash of a header leads requests with the same value to one endpoint, of
// a Service and of a pool whose picker named none.
func TestT62BalancingOfAGateway(t *testing.T) {
	w := newWorld(t)
	const hash, ring = `{"hash_policy":[{"header":{"header_name":"x-user"}}]}`, `{"lb_policy":"RING_HASH"}`
	addresses := []string{echo(t, "a"), echo(t, "b"), echo(t, "c")}
	service := w.cluster(ir.Cluster{Key: serviceKey("web"), Protocol: ir.HTTP1, Fields: ring}, addresses...)
	pool := w.cluster(ir.Cluster{
		Key: ir.ClusterKey{Kind: ir.BackendPool, Namespace: "test", Name: "llama"}, Protocol: ir.HTTP1,
		Pool: &ir.Pool{FailOpen: true}, Fields: ring,
	}, addresses...)
	w.fieldsHost("fields.test", hash, route("web", prefix("/web"), to(service)), route("pool", prefix("/pool"), to(pool)))
	w.apply()
	for _, path := range []string{"/web", "/pool"} {
		backends := map[string]bool{}
		for user := range 40 {
			headers := map[string]string{"x-user": strconv.Itoa(user)}
			first := w.expect(ask{host: "fields.test", path: path, headers: headers}, 200, "").Backend
			backends[first] = true
			for range 2 {
				w.expect(ask{host: "fields.test", path: path, headers: headers}, 200, first)
			}
		}
		if len(backends) != len(addresses) {
			t.Errorf("%s: 40 users reach %d of %d endpoints", path, len(backends), len(addresses))
		}
	}
}
