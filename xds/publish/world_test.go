package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var gatewayKey = ir.Key{Namespace: "default", Name: "gateway"}

// world is a publisher behind a real gRPC server, with a clock that stands still.
type world struct {
	t         *testing.T
	clock     *deltatest.Clock
	publisher *publish.Publisher
	endpoint  *deltatest.Endpoint
	options   publish.Options

	mu         sync.Mutex
	deliveries []publish.Delivery
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: deltatest.NewClock()}
	w.publisher = w.newPublisher()
	w.endpoint = deltatest.Serve(t, w.publisher)
	return w
}

func (w *world) newPublisher() *publish.Publisher {
	options := w.options
	options.Clock = w.clock
	options.OnDelivery = func(d publish.Delivery) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.deliveries = append(w.deliveries, d)
	}
	return publish.New(options)
}

// restart replaces publisher and server; nothing but the desired state survives.
func (w *world) restart() {
	w.endpoint.Stop()
	w.publisher = w.newPublisher()
	w.endpoint = deltatest.Serve(w.t, w.publisher)
}

func (w *world) apply(upsert []resource.Resource, remove ...resource.Key) {
	for i := range upsert {
		upsert[i].ReportACKs = upsert[i].Type == resource.Endpoint
	}
	w.publisher.Apply(gatewayKey, resource.Change{Upsert: upsert, Remove: remove})
}

func (w *world) ready() { w.publisher.Ready(gatewayKey) }

func (w *world) proxy(options deltatest.Options) *deltatest.Proxy {
	w.t.Helper()
	p := w.newProxy(options)
	p.Connect()
	return p
}

func (w *world) newProxy(options deltatest.Options) *deltatest.Proxy {
	options.Gateway = gatewayKey
	options.Dial = w.endpoint.Dial
	p := deltatest.New(w.t, options)
	w.t.Cleanup(func() {
		for _, violation := range p.Violations() {
			w.t.Errorf("proxy %s: %s", options.Node, violation)
		}
	})
	return p
}

// synced waits until every connected proxy has everything.
func (w *world) synced() {
	w.t.Helper()
	w.eventually("all proxies in sync", func() bool { return w.publisher.Delivery(gatewayKey).Synced })
}

// eventually waits for a condition of the publisher of which no event tells.
func (w *world) eventually(what string, condition func() bool, why ...*string) {
	w.t.Helper()
	gomega.NewWithT(w.t).Eventually(condition).WithTimeout(10*time.Second).WithPolling(200*time.Microsecond).
		Should(gomega.BeTrue(), func() string {
			for _, reason := range why {
				w.t.Log(*reason)
			}
			return fmt.Sprintf("%s: %+v\n%s\n%s\naudit: %s", what, w.publisher.Delivery(gatewayKey), describe(w.publisher.Dump(gatewayKey)),
				w.publisher.Explain(gatewayKey), w.publisher.Audit(gatewayKey))
		})
}

// host is a scope, a route to one cluster, the cluster and its endpoints.
func host(t testing.TB, name string, port uint32) []resource.Resource {
	return []resource.Resource{
		deltatest.Scope(t, name), deltatest.Route(t, name, "c-"+name),
		deltatest.Cluster(t, "c-"+name, 1), deltatest.Endpoints(t, "c-"+name, port),
	}
}

func hosts(t testing.TB, count int) []resource.Resource {
	all := []resource.Resource{deltatest.Listener(t, "l", 80)}
	for i := range count {
		all = append(all, host(t, fmt.Sprintf("h%05d", i), 8080)...)
	}
	return all
}

func keys(all []resource.Resource) []resource.Key {
	var found []resource.Key
	for i := range all {
		found = append(found, all[i].Key)
	}
	return found
}

func key(kind resource.Type, name string) resource.Key { return resource.Key{Type: kind, Name: name} }

// text renders events in one line each, without those that carried nothing.
func text(events []deltatest.Event) string {
	var lines []string
	for _, e := range events {
		if e.Name != "" {
			lines = append(lines, e.String())
		}
	}
	return strings.Join(lines, "\n")
}

// named returns the resources of events without those that carried nothing.
func named(events []deltatest.Event) []deltatest.Event {
	return slices.DeleteFunc(events, func(e deltatest.Event) bool { return e.Name == "" })
}

// budget is the warm budget of a world.
func (w *world) budget() time.Duration { return publish.DefaultWarmBudget }

// describe renders what is not as it should be.
func describe(dump debug.Gateway) string {
	var lines []string
	for _, proxy := range dump.Proxies {
		for _, r := range proxy.Resources {
			if r.Desired != r.Acked {
				lines = append(lines, fmt.Sprintf("%s: %+v", proxy.Node, r))
			}
		}
	}
	return strings.Join(lines, "\n")
}

// waiting says why the first proxy was not sent the newest content of a name.
func waiting(w *world, name string) string {
	for _, proxy := range w.publisher.Dump(gatewayKey).Proxies {
		for _, r := range proxy.Resources {
			if r.Name == name && r.Waiting != "" {
				return r.Waiting
			}
		}
	}
	return ""
}

// before reports whether the first line occurs, and before the second.
func before(lines, first, second string) bool {
	at, then := -1, -1
	for i, line := range strings.Split(lines, "\n") {
		if line == first && at < 0 {
			at = i
		}
		if line == second && then < 0 {
			then = i
		}
	}
	return at >= 0 && (then < 0 || at < then)
}
