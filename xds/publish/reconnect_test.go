package publish_test

import (
	"slices"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// A control plane that restarts into an unchanged world sends nothing.
func TestRestartUnchanged(t *testing.T) {
	w := newWorld(t)
	w.apply(hosts(t, 150))
	w.ready()
	p := w.proxy(deltatest.Options{})
	w.synced()
	p.Subscribe(resource.Secret, "nobody")
	p.Wait("an answer", func(s deltatest.State) bool { return received(s.Events(), "-Secret nobody") })
	reconnect(w, p, func() { w.apply(hosts(t, 150)) })
	w.synced()
	p.Wait("an answer", func(s deltatest.State) bool { return received(s.Events(), "-Secret nobody") })
	// An answer to a change proves that everything before it was sent.
	endpoints := deltatest.Endpoints(t, "c-h00000", 1)
	w.apply([]resource.Resource{endpoints})
	p.WaitVersion(endpoints.Key, endpoints.Version)
	w.clock.Advance(2 * publish.DefaultRemoveGrace)
	endpoints = deltatest.Endpoints(t, "c-h00000", 2)
	w.apply([]resource.Resource{endpoints})
	p.WaitVersion(endpoints.Key, endpoints.Version)
	if got, want := text(p.Events()), "-Secret nobody\nClusterLoadAssignment c-h00000\nClusterLoadAssignment c-h00000"; got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
}

// reconnect restarts the control plane, lets it build its world, and connects the proxy
// again.
func reconnect(w *world, p *deltatest.Proxy, build func()) {
	w.t.Helper()
	p.Disconnect()
	w.restart()
	p.Redial(w.endpoint.Dial)
	p.ForgetEvents()
	build()
	p.Connect()
	w.ready()
}

// What changed while the control plane was away is sent in the usual order, what vanished is
// removed in the usual order, and the rest stays.
func TestRestartChanged(t *testing.T) {
	w := newWorld(t)
	w.apply(hosts(t, 5))
	w.ready()
	p := w.proxy(deltatest.Options{})
	w.synced()
	reconnect(w, p, func() {
		w.apply(hosts(t, 4)[:9])             // listener, h00000 and h00001
		w.apply(host(t, "new", 1))           // a new host
		w.apply(host(t, "h00002", 8080)[:1]) // its table moved to another cluster
		w.apply([]resource.Resource{deltatest.Route(t, "h00002", "c-new"), deltatest.Endpoints(t, "c-h00000", 9)})
	})
	for _, name := range []string{"h00003", "h00004"} {
		p.WaitVersion(key(resource.Scope, name), "")
	}
	w.synced()
	p.WaitVersion(key(resource.Route, "h00002"), deltatest.Route(t, "h00002", "c-new").Version)
	for _, name := range []string{"c-h00002", "c-h00003", "c-h00004"} {
		w.eventually("the cluster to wait for its grace", func() bool { return waiting(w, name) == removalWaits })
	}
	w.clock.Advance(publish.DefaultRemoveGrace)
	p.Wait("three clusters", func(s deltatest.State) bool { return len(s.Versions(resource.Cluster)) == 3 })
	for _, e := range named(p.Events()) {
		if e.Name == "h00001" || e.Name == "c-h00001" || e.Type == resource.Cluster && e.Name == "c-h00000" {
			t.Errorf("%s was sent although nothing changed", e)
		}
	}
}

// The endpoints of a cluster that changed while the control plane was away follow it: the
// proxy lists them as known and would wait 15 s for a push.
func TestRestartChangedCluster(t *testing.T) {
	w := newWorld(t)
	w.apply(hosts(t, 3))
	w.ready()
	p := w.proxy(deltatest.Options{})
	w.synced()
	changed := deltatest.Cluster(t, "c-h00001", 2)
	reconnect(w, p, func() { w.apply(append(hosts(t, 3), changed)) })
	p.WaitVersion(changed.Key, changed.Version)
	p.Wait("all clusters warm", func(s deltatest.State) bool { return s.Warm() })
	w.synced()
	if got, want := text(p.Events()), "Cluster c-h00001\nClusterLoadAssignment c-h00001"; got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
}

// A version from before a restart may name anything: no cluster goes while the proxy may serve
// with it.
func TestRestartUnknownRouteKeepsClusters(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{})
	p.Pause(resource.Route)
	moved := deltatest.Route(t, "h00001", "c-h00000")
	reconnect(w, p, func() {
		w.apply(hosts(t, 1))
		w.apply([]resource.Resource{deltatest.Scope(t, "h00001"), moved})
	})
	p.WaitVersion(moved.Key, moved.Version)
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == stillNamed })
	w.clock.Advance(2 * publish.DefaultRemoveGrace)
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == stillNamed })
	p.Resume(resource.Route)
	w.eventually("the cluster to wait for its grace", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace)
	p.WaitVersion(key(resource.Cluster, "c-h00001"), "")
}

// A stream that breaks while things are on the way loses nothing.
func TestBreakInFlight(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	for round := range 20 {
		p.Pause(resource.Route)
		w.apply(host(t, "new", uint32(round+1)))
		w.apply([]resource.Resource{deltatest.Cluster(t, "c-h00000", round+2)})
		p.Disconnect()
		p.Resume(resource.Route)
		p.Connect()
		w.synced()
		p.Wait("all clusters warm", func(s deltatest.State) bool { return s.Warm() })
		w.apply(nil, keys(host(t, "new", 1))...)
	}
	w.apply(host(t, "new", 1))
	w.synced()
	endpoints := deltatest.Endpoints(t, "c-new", 1)
	p.WaitVersion(endpoints.Key, endpoints.Version)
}

// A deleted gateway ends its streams; its proxies find nothing when they come back.
func TestForget(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	w.publisher.Forget(gatewayKey)
	p.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
	if d := w.publisher.Delivery(gatewayKey); d.Connected != 0 || len(d.Listeners) != 0 {
		t.Errorf("delivery of a forgotten gateway: %+v", d)
	}
	p.Disconnect()
	p.ForgetEvents()
	p.Connect()
	w.eventually("the proxy is connected", func() bool { return w.publisher.Delivery(gatewayKey).Connected == 1 })
	if events := p.Events(); len(events) > 0 {
		t.Errorf("a gateway that was not built served:\n%s", text(events))
	}
}

// The grace of a cluster begins anew when the proxy lists a version of unknown content: a proxy
// speaks of its clusters before it speaks of its routes.
func TestRestartRoutesListedDuringGrace(t *testing.T) {
	w := newWorld(t)
	moved := deltatest.Route(t, "h00001", "c-h00000")
	w.apply(hosts(t, 1))
	w.apply([]resource.Resource{deltatest.Scope(t, "h00001"), moved})
	w.ready()
	r := newRaw(t, w.publisher)
	r.receive(resource.Cluster, &discovery.DeltaDiscoveryRequest{InitialResourceVersions: map[string]string{
		"c-h00000": deltatest.Cluster(t, "c-h00000", 1).Version,
		"c-h00001": deltatest.Cluster(t, "c-h00001", 1).Version,
	}})
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe:  []string{"c-h00000"},
		InitialResourceVersions: map[string]string{"c-h00000": deltatest.Endpoints(t, "c-h00000", 8080).Version},
	})
	w.eventually("the cluster to wait for its grace", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace - 1)
	r.receive(resource.Route, &discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe:  []string{"h00001"},
		InitialResourceVersions: map[string]string{"h00001": deltatest.Route(t, "h00001", "c-h00001").Version},
	})
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == stillNamed })
	r.ack(r.next(resource.Route))
	w.eventually("the cluster to wait for its grace", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace - 1)
	if waiting(w, "c-h00001") != removalWaits {
		t.Fatal("the grace was cut short")
	}
	w.clock.Advance(1)
	if removed := r.next(resource.Cluster).GetRemovedResources(); !slices.Equal(removed, []string{"c-h00001"}) {
		t.Errorf("removed %v", removed)
	}
}
