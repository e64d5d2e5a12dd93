package publish_test

import (
	"fmt"
	"testing"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

const (
	removalWaits = "its removal: requests may still look it up"
	stillNamed   = "its removal: the proxy still has something that names it"
)

// twoHosts is a proxy with the hosts h00000 and h00001.
func twoHosts(t *testing.T, options deltatest.Options) (*world, *deltatest.Proxy) {
	w := newWorld(t)
	w.apply(hosts(t, 2))
	w.ready()
	p := w.proxy(options)
	w.synced()
	p.ForgetEvents()
	return w, p
}

// A removed host goes from the outside in, and its cluster only after the grace.
func TestRemoveHost(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{})
	w.apply(nil, keys(host(t, "h00001", 0))...)
	p.WaitVersion(key(resource.Scope, "h00001"), "")
	w.eventually("the cluster to wait for its grace", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace - 1)
	if p.Versions(resource.Cluster)["c-h00001"] == "" {
		t.Fatal("the cluster was removed within its grace")
	}
	w.clock.Advance(1)
	p.WaitVersion(key(resource.Cluster, "c-h00001"), "")
	w.eventually("nothing of the host is left", func() bool { return !known(w, "h00001") && !known(w, "c-h00001") })
	events := text(p.Events())
	want := "-ScopedRouteConfiguration h00001\n-RouteConfiguration h00001\n-Cluster c-h00001\n-ClusterLoadAssignment c-h00001"
	if events != want {
		t.Logf("the proxy unsubscribed in between: received\n%s", events)
	}
}

// known reports whether a proxy is still known to have something of a name.
func known(w *world, name string) bool {
	for _, proxy := range w.publisher.Dump(gatewayKey).Proxies {
		for _, r := range proxy.Resources {
			if r.Name == name {
				return true
			}
		}
	}
	return false
}

// The grace of a cluster begins with the ACK of the route that dropped it.
func TestClusterOutlivesUnackedRoute(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{})
	p.Pause(resource.Route)
	moved := deltatest.Route(t, "h00001", "c-h00000")
	w.apply([]resource.Resource{moved}, key(resource.Cluster, "c-h00001"), key(resource.Endpoint, "c-h00001"))
	p.WaitVersion(moved.Key, moved.Version)
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == stillNamed })
	w.clock.Advance(2 * publish.DefaultRemoveGrace)
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == stillNamed })
	p.Resume(resource.Route)
	w.eventually("the cluster to wait for its grace", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace)
	p.WaitVersion(key(resource.Cluster, "c-h00001"), "")
}

// A cluster that comes back within its grace costs nothing; its endpoints only when they
// differ. A second departure has a whole grace again.
func TestClusterComesBack(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{})
	gone := keys(host(t, "h00001", 0))
	w.apply(nil, gone...)
	p.WaitVersion(key(resource.Scope, "h00001"), "")
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace / 2)
	p.ForgetEvents()
	w.apply(host(t, "h00001", 7070))
	w.synced()
	want := "ClusterLoadAssignment c-h00001\nScopedRouteConfiguration h00001\nRouteConfiguration h00001"
	if got := text(p.Events()); got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
	w.clock.Advance(publish.DefaultRemoveGrace)
	w.apply(nil, gone...)
	p.WaitVersion(key(resource.Scope, "h00001"), "")
	w.eventually("the cluster to wait", func() bool { return waiting(w, "c-h00001") == removalWaits })
	w.clock.Advance(publish.DefaultRemoveGrace - 1)
	if p.Versions(resource.Cluster)["c-h00001"] == "" {
		t.Fatal("the second grace was cut short")
	}
	w.clock.Advance(1)
	p.WaitVersion(key(resource.Cluster, "c-h00001"), "")
	w.apply(host(t, "h00001", 7070))
	w.synced()
	p.WaitVersion(key(resource.Cluster, "c-h00001"), deltatest.Cluster(t, "c-h00001", 1).Version)
}

// What takes something away waits for what replaces it.
func TestRemovalWaitsForReplacement(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{})
	p.Pause(resource.Endpoint)
	replacement := append(host(t, "new", 1), deltatest.Route(t, "h00000", "c-new"))
	w.apply(replacement, key(resource.Scope, "h00001"), key(resource.Route, "h00001"))
	p.WaitVersion(key(resource.Cluster, "c-new"), deltatest.Cluster(t, "c-new", 1).Version)
	endpoints := deltatest.Endpoints(t, "c-h00000", 5)
	w.apply([]resource.Resource{endpoints})
	p.WaitVersion(endpoints.Key, endpoints.Version) // the writer passed the removal
	if p.Versions(resource.Scope)["h00001"] == "" {
		t.Error("the scope was removed while its replacement waited for a warm cluster")
	}
	p.Resume(resource.Endpoint)
	p.WaitVersion(key(resource.Scope, "h00001"), "")
	w.synced()
	events := text(p.Events())
	if before(events, "-ScopedRouteConfiguration h00001", "RouteConfiguration h00000") {
		t.Errorf("removed before replaced:\n%s", events)
	}
}

// A listener goes before the scopes behind it.
func TestRemoveListener(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{})
	w.apply([]resource.Resource{deltatest.Listener(t, "l2", 81)})
	w.synced()
	p.ForgetEvents()
	w.apply(nil, key(resource.Route, "h00001"), key(resource.Scope, "h00001"), key(resource.Listener, "l2"))
	p.WaitVersion(key(resource.Scope, "h00001"), "")
	p.WaitVersion(key(resource.Listener, "l2"), "")
	events := text(p.Events())
	if !before(events, "-Listener l2", "-ScopedRouteConfiguration h00001") {
		t.Errorf("received\n%s", events)
	}
}

// Many hosts removed at once arrive in batches.
func TestRemoveMany(t *testing.T) {
	w := newWorld(t)
	w.apply(hosts(t, 250))
	w.ready()
	p := w.proxy(deltatest.Options{})
	w.synced()
	p.ForgetEvents()
	w.apply(nil, keys(hosts(t, 250)[1:])...)
	p.Wait("no scope", func(s deltatest.State) bool { return len(s.Versions(resource.Scope)) == 0 })
	w.eventually("the clusters to wait for their grace", func() bool {
		for i := range 250 {
			if waiting(w, fmt.Sprintf("c-h%05d", i)) != removalWaits {
				return false
			}
		}
		return true
	})
	w.clock.Advance(publish.DefaultRemoveGrace)
	p.Wait("no cluster", func(s deltatest.State) bool { return len(s.Versions(resource.Cluster)) == 0 })
	w.eventually("nothing is known of them", func() bool {
		proxies := w.publisher.Dump(gatewayKey).Proxies
		return len(proxies) == 1 && len(proxies[0].Resources) == 1
	})
	responses := map[string]bool{}
	for _, e := range p.Events() {
		responses[e.Nonce] = true
	}
	if len(responses) > 40 {
		t.Errorf("250 removed hosts became %d responses", len(responses))
	}
}

// Names that come and go are forgotten, by the gateway and by its sessions.
func TestChurnIsForgotten(t *testing.T) {
	w := &world{t: t, clock: deltatest.NewClock()}
	w.options.RemoveGrace = -1
	w.publisher = w.newPublisher()
	w.endpoint = deltatest.Serve(t, w.publisher)
	w.apply(hosts(t, 1))
	w.ready()
	p := w.proxy(deltatest.Options{})
	w.synced()
	for round := range 20 {
		var all []resource.Resource
		for i := range 50 {
			all = append(all, host(t, fmt.Sprintf("r%d-%d", round, i), 1)...)
		}
		w.apply(all)
		w.synced()
		w.apply(nil, keys(all)...)
		p.Wait("one cluster", func(s deltatest.State) bool { return len(s.Versions(resource.Cluster)) == 1 })
	}
	w.eventually("the session forgets", func() bool { return len(w.publisher.Dump(gatewayKey).Proxies[0].Resources) == 5 })
	w.apply(host(t, "last", 1))
	w.synced()
	if n := w.publisher.Entries(gatewayKey); n > 1000 {
		t.Errorf("%d names are remembered after 4,000 came and went", n)
	}
	for _, wrong := range w.publisher.Audit(gatewayKey) {
		t.Error(wrong)
	}
}
