package count_test

import (
	"context"
	"net"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
)

func externalTrigger(key types.NamespacedName, cluster string) *scaler.Scaler {
	s := &scaler.Scaler{Key: key}
	s.Spec.Type = v1alpha1.TriggerEnvoyHTTP
	s.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.RequestRate, Target: 10, ExternalProxyMetricKey: cluster}
	return s
}

// outside is an External with one trigger, for the cluster "test".
type outside struct {
	*registry
	catalog *scaler.Catalog
	metrics *count.Metrics
	service *count.External
}

func newOutside(t *testing.T) *outside {
	o := &outside{registry: &registry{t: t}, catalog: scaler.NewCatalog(), metrics: count.NewMetrics()}
	o.service = count.NewExternal(count.ExternalOptions{
		Registry: o.registry, Catalog: o.catalog, Metrics: o.metrics,
		Identify: func(context.Context) (string, error) { return webKey.Namespace, nil },
	})
	o.catalog.Set(webKey, externalTrigger(webKey, "test"))
	return o
}

// send has a stream take one message, and returns the reports that came of it.
func (o *outside) send(take func([]byte) error, node string, families ...*dto.MetricFamily) []demand.Report {
	o.t.Helper()
	o.reports = nil
	if err := take(encoded(o.t, message(node, families...))); err != nil {
		o.t.Fatal(err)
	}
	return o.reports
}

func tagged(name string, value float64, cluster string) *dto.MetricFamily {
	return counter("cluster."+name, value, "envoy.cluster_name", cluster)
}

// Cumulative counters are handed on as they are, for each trigger with that cluster; others
// are ignored, and counted as such.
func TestExternalCumulative(t *testing.T) {
	o := newOutside(t)
	other := types.NamespacedName{Namespace: webKey.Namespace, Name: "other-0"}
	o.catalog.Set(other, externalTrigger(other, "test"))
	take, end := o.service.Take(webKey.Namespace, "10.0.0.1")
	got := o.send(take, "envoy", at(9000,
		gauge("server.uptime", 500), counter("server.wip_protos", 0),
		tagged("upstream_rq_total", 40, "test"), tagged("upstream_rq_retry", 4, "test"),
		tagged("upstream_rq_total", 7, "unknown"), tagged("upstream_rq_total", 8, "metrics-sink"),
		gauge("cluster.upstream_rq_active", 3, "envoy.cluster_name", "test"),
	)...)
	if len(got) != 2 {
		t.Fatalf("%d reports", len(got))
	}
	seen := map[types.NamespacedName]bool{}
	for _, r := range got {
		for key, counts := range r.Counts {
			seen[key] = true
			if r.Proxy != (demand.Proxy{Gateway: demand.External(key), Node: "envoy@10.0.0.1"}) || r.Uptime != 500*time.Second || r.Started ||
				counts != (demand.Counts{Requests: 40, Retries: 4, Active: 3}) || r.Time.UnixMilli() != 9000 {
				t.Errorf("%+v", r)
			}
		}
	}
	if !seen[webKey] || !seen[other] {
		t.Errorf("reported for %v", seen)
	}
	if n := gathered(t, o.metrics.Register, "kedify_gateway_count_ignored_clusters_total"); n != 2 {
		t.Errorf("%v clusters were ignored", n)
	}
	if all := o.service.Clusters(); len(all) != 1 || len(all["test"]) != 2 || all["test"][0] != other.String() {
		t.Errorf("clusters %v", all)
	}
	o.catalog.Set(other, nil)
	if got := o.send(take, "", tagged("upstream_rq_total", 50, "test")); len(got) != 1 || got[0].Counts[webKey].Requests != 50 {
		t.Errorf("%+v", got)
	}
	o.catalog.Set(webKey, externalTrigger(webKey, "renamed"))
	renamed := o.send(take, "", tagged("upstream_rq_total", 60, "test"), tagged("upstream_rq_total", 5, "renamed"))
	if len(renamed) != 1 || renamed[0].Counts[webKey].Requests != 5 {
		t.Errorf("%+v", renamed)
	}
	end()
	if len(o.gone) == 0 || o.gone[len(o.gone)-1] != (demand.Proxy{Gateway: demand.External(webKey), Node: "envoy@10.0.0.1"}) {
		t.Errorf("gone %v", o.gone)
	}
}

// Deltas are summed up from the first message on; the first says that it began from zero.
func TestExternalDeltas(t *testing.T) {
	o := newOutside(t)
	take, end := o.service.Take(webKey.Namespace, "10.0.0.1")
	idle := tagged("membership_change", 0, "metrics-sink")
	sum := uint64(0)
	for i, delta := range []float64{5, 7, 0, 3} {
		sum += uint64(delta)
		got := o.send(take, "envoy", gauge("server.uptime", 500), idle, tagged("upstream_rq_total", delta, "test"),
			tagged("upstream_rq_retry", 1, "test"))
		want := demand.Counts{Requests: sum, Retries: uint64(i + 1)}
		if len(got) != 1 || got[0].Counts[webKey] != want || got[0].Started != (i == 0) || got[0].Uptime != 0 {
			t.Errorf("message %d: %+v", i, got)
		}
	}
	end()
	again, _ := o.service.Take(webKey.Namespace, "10.0.0.1")
	got := o.send(again, "envoy", idle, tagged("upstream_rq_total", 9, "test"))
	if got[0].Counts[webKey].Requests != 9 || !got[0].Started || got[0].Proxy.Node != "envoy@10.0.0.1" {
		t.Errorf("another stream: %+v", got)
	}
}

// Deltas that look like cumulative counters until something is idle were counted right
// before, when the Envoy had just started.
func TestExternalDeltasShowLate(t *testing.T) {
	o := newOutside(t)
	take, _ := o.service.Take(webKey.Namespace, "10.0.0.1")
	got := o.send(take, "envoy", gauge("server.uptime", 1), tagged("upstream_rq_total", 5, "test"))
	if got[0].Counts[webKey].Requests != 5 || !got[0].Started {
		t.Errorf("%+v", got)
	}
	got = o.send(take, "", gauge("server.uptime", 2), tagged("upstream_rq_total", 6, "test"), tagged("membership_change", 0, "test"))
	if got[0].Counts[webKey].Requests != 11 || got[0].Started {
		t.Errorf("%+v", got)
	}
}

// Names as Prometheus writes them, and names without tags, are understood.
func TestExternalNames(t *testing.T) {
	for _, families := range [][]*dto.MetricFamily{
		{counter("envoy_cluster_upstream_rq_total", 5, "envoy_cluster_name", "test"),
			gauge("envoy_cluster_upstream_rq_active", 2, "envoy_cluster_name", "test")},
		{counter("cluster.test.upstream_rq_total", 5), gauge("cluster.test.upstream_rq_active", 2)},
	} {
		o := newOutside(t)
		take, _ := o.service.Take(webKey.Namespace, "10.0.0.1")
		got := o.send(take, "envoy", families...)
		if len(got) != 1 || got[0].Counts[webKey] != (demand.Counts{Requests: 5, Active: 2}) {
			t.Errorf("%+v", got)
		}
	}
}

// A cluster that exists and never had a request is known to be idle.
func TestExternalIdle(t *testing.T) {
	o := newOutside(t)
	take, _ := o.service.Take(webKey.Namespace, "10.0.0.1")
	got := o.send(take, "envoy", gauge("cluster.membership_total", 1, "envoy.cluster_name", "test"))
	if len(got) != 1 || got[0].Counts[webKey] != (demand.Counts{}) {
		t.Errorf("%+v", got)
	}
	if got := o.send(take, "", gauge("cluster.membership_total", 1, "envoy.cluster_name", "else")); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// Two Envoys with one node id behind one address are two.
func TestExternalSameNode(t *testing.T) {
	o := newOutside(t)
	one, endOne := o.service.Take(webKey.Namespace, "10.0.0.1")
	two, _ := o.service.Take(webKey.Namespace, "10.0.0.1")
	first := o.send(one, "kedify-proxy", tagged("upstream_rq_total", 5, "test"))
	second := o.send(two, "kedify-proxy", tagged("upstream_rq_total", 5, "test"))
	if first[0].Proxy.Node != "kedify-proxy@10.0.0.1" || second[0].Proxy.Node != "kedify-proxy@10.0.0.1#2" {
		t.Errorf("%s and %s", first[0].Proxy.Node, second[0].Proxy.Node)
	}
	endOne()
	three, _ := o.service.Take(webKey.Namespace, "10.0.0.1")
	if third := o.send(three, "kedify-proxy", tagged("upstream_rq_total", 6, "test")); third[0].Proxy.Node != "kedify-proxy@10.0.0.1" {
		t.Errorf("%s", third[0].Proxy.Node)
	}
}

// TestX4EnvoysCountForTheirNamespace: an Envoy with the certificate of a namespace counts for no trigger of another
// one, under any name of a cluster; an Envoy without a certificate is not heard.
func TestX4EnvoysCountForTheirNamespace(t *testing.T) {
	o := newOutside(t)
	victim := types.NamespacedName{Namespace: "victim", Name: "web-0"}
	o.catalog.Set(victim, externalTrigger(victim, "test"))
	o.catalog.Set(types.NamespacedName{Namespace: "victim", Name: "more-0"}, externalTrigger(victim, "more"))
	take, end := o.service.Take(webKey.Namespace, "10.0.0.1")
	got := o.send(take, "envoy", tagged("upstream_rq_total", 1000, "test"), tagged("upstream_rq_total", 1000, "more"))
	if len(got) != 1 || got[0].Proxy.Gateway != demand.External(webKey) {
		t.Errorf("reports %+v", got)
	}
	same, _ := o.service.Take("victim", "10.0.0.1")
	if got := o.send(same, "envoy", tagged("upstream_rq_total", 5, "test")); len(got) != 1 || got[0].Proxy.Node != "envoy@10.0.0.1" {
		t.Errorf("an Envoy of a namespace changes the name of another one's: %+v", got)
	}
	end()
	if len(o.gone) != 1 || o.gone[0].Gateway != demand.External(webKey) {
		t.Errorf("gone %v", o.gone)
	}
	if namespaces := o.service.Namespaces(); len(namespaces) != 2 || namespaces[1] != "victim" {
		t.Errorf("namespaces %q", namespaces)
	}
}

// TestX4StrangersCountNothing: without a certificate a stream ends.
func TestX4StrangersCountNothing(t *testing.T) {
	registry, catalog := &registry{t: t}, scaler.NewCatalog()
	service := count.NewExternal(count.ExternalOptions{Registry: registry, Catalog: catalog})
	catalog.Set(webKey, externalTrigger(webKey, "test"))
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- service.Serve(ctx, accept) }()
	stream := open(t, dial(t, accept.Addr().String()))
	_ = stream.Send(message("envoy", tagged("upstream_rq_total", 5, "test"))) // it may have ended already
	if _, err := stream.CloseAndRecv(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("%v", err)
	}
	cancel()
	if err := <-served; err != nil || len(registry.reports) > 0 {
		t.Errorf("%v, reports %+v", err, registry.reports)
	}
}

// Over gRPC; the address is that of the connection.
func TestExternalServed(t *testing.T) {
	o := newOutside(t)
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- o.service.Serve(ctx, accept) }()
	stream := open(t, dial(t, accept.Addr().String()))
	if err := stream.Send(message("envoy", tagged("upstream_rq_total", 5, "test"))); err != nil {
		t.Fatal(err)
	}
	if got := o.received(1); got.Proxy.Node != "envoy@127.0.0.1" || got.Counts[webKey].Requests != 5 {
		t.Errorf("%+v", got)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	o.waitFor("the end", func() bool { return len(o.gone) == 1 })
}
