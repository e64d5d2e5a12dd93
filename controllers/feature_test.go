package controllers_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	k8sevents "k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var gatewayKey = types.NamespacedName{Namespace: "infra", Name: "gw"}

// plane is a whole control plane in this process, without a cluster: objects in, xDS and
// statuses out.
type plane struct {
	t         *testing.T
	loop      *engine.Loop
	publisher *publish.Publisher
	endpoint  *deltatest.Endpoint
	client    client.Client
	statuses  *status.Writer
	recorder  *k8sevents.FakeRecorder
	stop      func()
}

// planes is a DataPlanes that runs none.
type planes struct{}

func (planes) Apply(resolve.GatewayResult) {}
func (planes) Delete(types.NamespacedName) {}

// start runs a control plane over a world of objects that exist already.
func start(t *testing.T, world *world) *plane {
	t.Helper()
	scheme := controllers.NewScheme()
	builder := fake.NewClientBuilder().WithScheme(scheme)
	world.each(func(kind store.Kind, object client.Object) {
		if status.Has(kind) {
			builder.WithStatusSubresource(object)
		}
		builder.WithObjects(object.DeepCopyObject().(client.Object))
	})
	p := &plane{t: t, client: builder.Build(), recorder: k8sevents.NewFakeRecorder(100)}
	measures := controllers.NewMetrics(prometheus.NewRegistry())
	sink := &controllers.Sink{Metrics: measures, Scalers: scaler.NewCatalog(), Log: logr.Discard(), DataPlanes: planes{}}
	p.loop = engine.NewLoop(sink, measures)
	feedback := controllers.NewFeedback(p.loop, events.NewWriter(p.recorder, p.client))
	p.publisher = publish.New(publish.Options{OnDelivery: func(d publish.Delivery) { feedback.Deliver(d); feedback.Announce(d) }, RemoveGrace: 10 * time.Millisecond})
	p.statuses = status.NewWriter(status.Options{Reader: p.client, Writer: p.client, Log: logr.Discard(), Now: time.Now})
	sink.Publisher, sink.Stages, sink.Statuses = p.publisher, p.publisher, p.statuses
	p.endpoint = deltatest.Serve(t, p.publisher)

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{p.loop.Run, p.statuses.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	p.stop = sync.OnceFunc(func() { p.endpoint.Stop(); cancel(); running.Wait() })
	t.Cleanup(p.stop)
	world.each(p.loop.Set)
	p.loop.Synced()
	return p
}

func (p *plane) proxy(options deltatest.Options) *deltatest.Proxy {
	p.t.Helper()
	options.Gateway, options.Dial = ir.Key(gatewayKey), p.endpoint.Dial
	options.Missing = []string{"invalid"}
	return deltatest.Start(p.t, options)
}

// eventually polls what the API server of the plane has.
func (p *plane) eventually(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("never happened: %s", what)
		}
	}
}

func (p *plane) condition(object client.Object, kind string) string {
	p.t.Helper()
	if err := p.client.Get(p.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		return err.Error()
	}
	switch object := object.(type) {
	case *gwv1.Gateway:
		for _, c := range object.Status.Conditions {
			if c.Type == kind {
				return string(c.Status) + "/" + c.Reason
			}
		}
	case *gwv1.HTTPRoute:
		for _, parent := range object.Status.Parents {
			for _, c := range parent.Conditions {
				if c.Type == kind {
					return string(c.Status) + "/" + c.Reason
				}
			}
		}
	}
	return "absent"
}

// world is the objects of a test, written as YAML.
type world struct {
	t       *testing.T
	objects []client.Object
}

func newWorld(t *testing.T, texts ...string) *world {
	t.Helper()
	w := &world{t: t}
	for _, text := range texts {
		w.objects = append(w.objects, load(t, text)...)
	}
	w.objects = offline.WithClass(w.objects)
	return w
}

func load(t *testing.T, text string) []client.Object {
	t.Helper()
	objects, err := offline.Load(controllers.NewScheme(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func (w *world) each(do func(store.Kind, client.Object)) {
	for _, object := range w.objects {
		kind, ok := offline.KindOf(controllers.NewScheme(), object)
		if !ok {
			w.t.Fatalf("%T is not watched", object)
		}
		do(kind, object)
	}
}

const gatewayYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: infra, name: gw}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: v1
kind: Service
metadata:
  namespace: infra
  name: gw-kedify
  labels: {gateway.networking.k8s.io/gateway-name: gw}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}
`

func serviceYAML(name string, ips ...string) string {
	endpoints := make([]string, 0, len(ips))
	for _, ip := range ips {
		endpoints = append(endpoints, fmt.Sprintf("{addresses: [%s], conditions: {ready: true}}", ip))
	}
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {namespace: apps, name: %[1]s}
spec: {ports: [{name: web, port: 80, targetPort: 3000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: apps, name: %[1]s-a, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: web, port: 3000}]
endpoints: [%[2]s]
`, name, strings.Join(endpoints, ", "))
}

func routeYAML(name, host, rules string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: apps, name: %s}
spec:
  parentRefs: [{name: gw, namespace: infra}]
  hostnames: [%q]
  rules:
%s`, name, host, rules)
}

func (p *plane) set(text string, generation int64) {
	p.t.Helper()
	for _, object := range load(p.t, text) {
		kind, _ := offline.KindOf(controllers.NewScheme(), object)
		object.SetGeneration(generation)
		p.apply(object)
		p.loop.Set(kind, object)
	}
}

// apply keeps the fake API server in step; statuses stay. The status writer works at the same
// time, so an update may have to be made again.
func (p *plane) apply(object client.Object) {
	live := object.DeepCopyObject().(client.Object)
	key := client.ObjectKeyFromObject(object)
	if err := p.client.Get(p.t.Context(), key, live); err != nil {
		if err := p.client.Create(p.t.Context(), object.DeepCopyObject().(client.Object)); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := p.client.Get(p.t.Context(), key, live); err != nil {
			return err
		}
		copied := object.DeepCopyObject().(client.Object)
		copied.SetResourceVersion(live.GetResourceVersion())
		return p.client.Update(p.t.Context(), copied)
	}); err != nil {
		p.t.Fatal(err)
	}
}

func TestRouteReachesTheProxyAndStatusFollows(t *testing.T) {
	p := start(t, newWorld(t, gatewayYAML, serviceYAML("a", "10.0.0.1"),
		routeYAML("r", "a.example.com", `  - {backendRefs: [{name: a, port: 80}]}`)))
	gateway := &gwv1.Gateway{}
	gateway.Namespace, gateway.Name = gatewayKey.Namespace, gatewayKey.Name
	p.eventually("a Gateway that waits for a proxy", func() bool {
		return p.condition(gateway, "Accepted") == "True/Accepted" && strings.HasPrefix(p.condition(gateway, "Programmed"), "False/")
	})

	proxy := p.proxy(deltatest.Options{})
	proxy.Wait("the table of the host", func(s deltatest.State) bool { return s.Version(resource.Route, "80/a.example.com") != "" })
	p.eventually("Programmed after the ACK", func() bool { return p.condition(gateway, "Programmed") == "True/Programmed" })
	if found := proxy.Violations(); len(found) > 0 {
		t.Errorf("requests would have failed: %v", found)
	}
}

func TestEndpointsTravelAlone(t *testing.T) {
	p := start(t, newWorld(t, gatewayYAML, serviceYAML("a", "10.0.0.1"),
		routeYAML("r", "a.example.com", `  - {backendRefs: [{name: a, port: 80}]}`)))
	proxy := p.proxy(deltatest.Options{})
	proxy.Wait("the table of the host", func(s deltatest.State) bool { return s.Version(resource.Route, "80/a.example.com") != "" })
	before := proxy.Versions(resource.Endpoint)["service/apps/a/80"]
	proxy.ForgetEvents()
	p.set(serviceYAML("a", "10.0.0.1", "10.0.0.2"), 2)
	proxy.Wait("the new endpoint", func(s deltatest.State) bool { return s.Version(resource.Endpoint, "service/apps/a/80") != before })
	p.set(serviceYAML("a"), 3)
	p.set(serviceYAML("a", "10.0.0.3"), 4)
	for _, event := range proxy.Events() {
		if event.Type != resource.Endpoint {
			t.Errorf("an endpoint change sent %s", event)
		}
	}
}

func TestRejectionShowsOnItsObjectAndHurtsNothingElse(t *testing.T) {
	p := start(t, newWorld(t, gatewayYAML, serviceYAML("a", "10.0.0.1"),
		routeYAML("good", "good.example.com", `  - {backendRefs: [{name: a, port: 80}]}`),
		routeYAML("bad", "bad.example.com", `  - {backendRefs: [{name: a, port: 80}]}`)))
	refuse := true
	proxy := p.proxy(deltatest.Options{Reject: func(key resource.Key, _ []byte) string {
		if refuse && key.Type == resource.Route && key.Name == "80/bad.example.com" {
			return "goo.gle/debugproto  \nvirtual_hosts {\n  domains: \"other-tenant\"\n}\n: missing ]: ["
		}
		return ""
	}})
	proxy.Wait("the good host", func(s deltatest.State) bool { return s.Version(resource.Route, "80/good.example.com") != "" })
	bad, good := &gwv1.HTTPRoute{}, &gwv1.HTTPRoute{}
	bad.Namespace, bad.Name, good.Namespace, good.Name = "apps", "bad", "apps", "good"
	p.eventually("the rejection on its route", func() bool {
		return p.condition(bad, "gateway.kedify.io/Programmed") == "False/RejectedByProxy"
	})
	if message := bad.Status.Parents[0].Conditions[len(bad.Status.Parents[0].Conditions)-1].Message; !strings.Contains(message, "missing ]") ||
		strings.Contains(message, "other-tenant") {
		t.Errorf("the condition says %q", message)
	}
	if got := p.condition(good, "gateway.kedify.io/Programmed"); got != "absent" {
		t.Errorf("the good route has %s", got)
	}
	select {
	case event := <-p.recorder.Events:
		if !strings.Contains(event, corev1.EventTypeWarning) || !strings.Contains(event, "missing ]") || strings.Contains(event, "other-tenant") {
			t.Errorf("event %q", event)
		}
	case <-time.After(10 * time.Second):
		t.Error("no event tells of the rejection")
	}

	refuse = false // what the user now writes is fine
	p.set(routeYAML("bad", "bad.example.com", `  - {matches: [{path: {value: /fixed}}], backendRefs: [{name: a, port: 80}]}`), 2)
	proxy.Wait("the fixed host", func(s deltatest.State) bool { return s.Version(resource.Route, "80/bad.example.com") != "" })
	p.eventually("the condition gone", func() bool { return p.condition(bad, "gateway.kedify.io/Programmed") == "absent" })
}

func TestRestartWithAnUnchangedWorldPushesNothing(t *testing.T) {
	texts := []string{gatewayYAML}
	for i := range 50 {
		name := fmt.Sprintf("s%d", i)
		texts = append(texts, serviceYAML(name, "10.0.0.1"), routeYAML(name, name+".example.com", "  - {backendRefs: [{name: "+name+", port: 80}]}"))
	}
	first := start(t, newWorld(t, texts...))
	proxy := first.proxy(deltatest.Options{})
	proxy.Wait("all hosts", func(s deltatest.State) bool { return len(s.Versions(resource.Route)) == 51 && s.Warm() })
	first.stop()
	proxy.Disconnect()

	proxy.ForgetEvents()
	second := start(t, newWorld(t, texts...))
	proxy.Redial(second.endpoint.Dial)
	proxy.Connect()
	gateway := &gwv1.Gateway{}
	gateway.Namespace, gateway.Name = gatewayKey.Namespace, gatewayKey.Name
	second.eventually("Programmed", func() bool { return second.condition(gateway, "Programmed") == "True/Programmed" })
	for _, event := range proxy.Events() {
		if event.Name != "" {
			t.Errorf("the restarted control plane sent %s", event)
		}
	}
}

func TestEditsNeverFailARequest(t *testing.T) {
	p := start(t, newWorld(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), serviceYAML("b", "10.0.0.2"), serviceYAML("c", "10.0.0.3"),
		routeYAML("r", "a.example.com", `  - {backendRefs: [{name: a, port: 80}]}`)))
	proxy := p.proxy(deltatest.Options{})
	proxy.Wait("the table of the host", func(s deltatest.State) bool { return s.Version(resource.Route, "80/a.example.com") != "" })
	edits := []string{
		`  - {backendRefs: [{name: b, port: 80}]}`, // swap
		`  - {backendRefs: [{name: b, port: 80, weight: 9}, {name: c, port: 80, weight: 1}]}`,
		`  - {backendRefs: [{name: c, port: 80, weight: 1}, {name: b, port: 80, weight: 5}]}`,
		"  - {matches: [{path: {value: /x}}], backendRefs: [{name: a, port: 80}]}\n  - {backendRefs: [{name: c, port: 80}]}",
		"  - {backendRefs: [{name: c, port: 80}]}\n  - {matches: [{path: {value: /x}}], backendRefs: [{name: a, port: 80}]}", // reorder
		`  - {backendRefs: [{name: missing, port: 80}, {name: a, port: 80}]}`,
	}
	for i := range 120 {
		before := proxy.Versions(resource.Route)["80/a.example.com"]
		p.set(routeYAML("r", "a.example.com", edits[i%len(edits)]), int64(i+2))
		if (i+1)%len(edits) != 5 { // the reordered rules mean the same as the ones before
			proxy.Wait("the edit", func(s deltatest.State) bool { return s.Version(resource.Route, "80/a.example.com") != before })
		}
	}
	if found := proxy.Violations(); len(found) > 0 {
		t.Errorf("requests would have failed: %v", found)
	}
}
