package publish_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// A proxy without configuration learns clusters with endpoints, then listeners, scopes and
// routes, and has all of it at the end.
func TestFirstStream(t *testing.T) {
	w := newWorld(t)
	all := hosts(t, 40)
	w.apply(all)
	w.ready()
	p := w.proxy(deltatest.Options{})
	p.Wait("all routes", func(s deltatest.State) bool { return len(s.Versions(resource.Route)) == 40 })
	for i := range all {
		p.WaitVersion(all[i].Key, all[i].Version)
	}
	w.synced()
	for _, e := range named(p.Events()) {
		if e.Type == resource.Cluster && e.Batch != 40 {
			t.Errorf("clusters of a new stream came in responses of %d", e.Batch)
		}
	}
}

// oneHost is a world with a listener, one host and a proxy that has it.
func oneHost(t *testing.T, options deltatest.Options) (*world, *deltatest.Proxy) {
	w := newWorld(t)
	w.apply(hosts(t, 1))
	w.ready()
	p := w.proxy(options)
	w.synced()
	p.ForgetEvents()
	return w, p
}

// Every edit of a running proxy: what it is sent, in which order, one resource per response.
func TestEdit(t *testing.T) {
	const name = "h00000"
	tests := []struct {
		name   string
		change func(t *testing.T, w *world)
		want   string
	}{
		{"add a host", func(t *testing.T, w *world) {
			w.apply(host(t, "new", 9090))
		}, "Cluster c-new\nClusterLoadAssignment c-new\nScopedRouteConfiguration new\nRouteConfiguration new"},
		{"the endpoints of a changed cluster follow although they are the same", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{deltatest.Cluster(t, "c-"+name, 2)})
		}, "Cluster c-h00000\nClusterLoadAssignment c-h00000"},
		{"only endpoints", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{deltatest.Endpoints(t, "c-"+name, 1, 2)})
		}, "ClusterLoadAssignment c-h00000"},
		{"a route to a cluster that exists", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{deltatest.Route(t, name)})
		}, "RouteConfiguration h00000"},
		{"a route to a new cluster", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{
				deltatest.Route(t, name, "c-"+name, "more"),
				deltatest.Endpoints(t, "more", 1), deltatest.Cluster(t, "more", 1),
			})
		}, "Cluster more\nClusterLoadAssignment more\nRouteConfiguration h00000"},
		{"a new cluster that shares endpoints", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{
				deltatest.Route(t, name, "c-"+name, "more"),
				deltatest.SharingCluster(t, "more", "c-"+name, 1),
			})
		}, "Cluster more\nClusterLoadAssignment c-h00000\nRouteConfiguration h00000"},
		{"a new cluster without endpoints is answered with none", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{deltatest.Route(t, name, "more"), deltatest.Cluster(t, "more", 1)})
		}, "Cluster more\nClusterLoadAssignment more\nRouteConfiguration h00000"},
		{"a listener opens after its routes", func(t *testing.T, w *world) {
			w.apply(append(host(t, "new", 9090), deltatest.Listener(t, "l2", 81)))
		}, "Cluster c-new\nClusterLoadAssignment c-new\nScopedRouteConfiguration new\nRouteConfiguration new\nListener l2"},
		{"a scope without a table, then the empty table", func(t *testing.T, w *world) {
			w.apply([]resource.Resource{deltatest.Scope(t, "empty")})
		}, "ScopedRouteConfiguration empty\nRouteConfiguration empty"},
		{"the same again", func(t *testing.T, w *world) {
			w.apply(hosts(t, 1))
			w.apply([]resource.Resource{deltatest.Endpoints(t, "c-"+name, 1)})
		}, "ClusterLoadAssignment c-h00000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, p := oneHost(t, deltatest.Options{Missing: []string{"more"}})
			test.change(t, w)
			last := test.want
			p.Wait("the change", func(s deltatest.State) bool { return text(s.Events()) == last })
			w.synced()
			if got := text(p.Events()); got != test.want {
				t.Errorf("received\n%s\nwant\n%s", got, test.want)
			}
			for _, e := range p.Events() {
				if e.Batch != 1 {
					t.Errorf("%s came in a response of %d", e, e.Batch)
				}
			}
		})
	}
}

// While one cluster hangs in warming, and with it the ACKs of all clusters, other hosts and
// endpoints get through.
func TestWarmingClusterHoldsNoOther(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	p.Pause(resource.Endpoint)
	w.apply(host(t, "slow", 1))
	p.WaitVersion(key(resource.Cluster, "c-slow"), deltatest.Cluster(t, "c-slow", 1).Version)
	w.apply(host(t, "quick", 2))
	endpoints := deltatest.Endpoints(t, "c-h00000", 3)
	w.apply([]resource.Resource{endpoints})
	p.WaitVersion(endpoints.Key, endpoints.Version)
	route := deltatest.Route(t, "h00000")
	w.apply([]resource.Resource{route})
	p.WaitVersion(route.Key, route.Version)
	if got := p.Versions(resource.Route); got["slow"] != "" || got["quick"] != "" {
		t.Errorf("routes %v before their endpoints were accepted", got)
	}
	p.Resume(resource.Endpoint)
	w.synced()
}

// A route waits for a warm cluster until the budget is over, not longer, and alone.
func TestWarmBudget(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{Missing: []string{"c-slow"}})
	p.Pause(resource.Endpoint)
	w.apply(host(t, "slow", 1))
	p.WaitVersion(key(resource.Cluster, "c-slow"), deltatest.Cluster(t, "c-slow", 1).Version)
	w.eventually("the scope to wait", func() bool { return waiting(w, "slow") == "a cluster it names is not warm" })
	w.clock.Advance(w.budget() / 2)
	if p.Versions(resource.Scope)["slow"] != "" {
		t.Error("the scope was sent within the budget")
	}
	w.clock.Advance(w.budget() / 2)
	route := deltatest.Route(t, "slow", "c-slow")
	p.WaitVersion(route.Key, route.Version)
	p.Resume(resource.Endpoint)
	w.synced()
}

// A route that names a cluster which is not desired is not held back by it.
func TestMissingClusterBlocksNothing(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{Missing: []string{"nowhere"}})
	route := deltatest.Route(t, "h00000", "nowhere", "c-h00000")
	w.apply([]resource.Resource{route})
	p.WaitVersion(route.Key, route.Version)
	w.synced()
}

// A burst travels in batches, and content that changes while it waits is sent once.
func TestBurst(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	p.Pause(resource.Endpoint)
	for port := range uint32(100) {
		w.apply([]resource.Resource{deltatest.Endpoints(t, "c-h00000", port+1)})
	}
	last := deltatest.Endpoints(t, "c-h00000", 100)
	p.Resume(resource.Endpoint)
	p.WaitVersion(last.Key, last.Version)
	if n := len(named(p.Events())); n > 40 {
		t.Errorf("100 changes of one name while the proxy answered nothing became %d responses", n)
	}
	w.synced()
	p.ForgetEvents()

	w.apply(hosts(t, 300))
	w.synced()
	responses := map[string]bool{}
	for _, e := range p.Events() {
		responses[e.Nonce] = true
	}
	if n := len(responses); n > 40 {
		t.Errorf("1,200 resources in one change became %d responses", n)
	}
	p.Wait("all routes", func(s deltatest.State) bool { return len(s.Versions(resource.Route)) == 300 })
}

// The scopes of the trials of a search come and go in one response, and their tables and the scopes of hosts one by one.
func TestScopesOfTrialsTravelTogether(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	var trials []resource.Resource
	for i := range 11 {
		name := resource.TrialPrefix + strconv.Itoa(i)
		trials = append(trials, deltatest.Scope(t, name), deltatest.Route(t, name))
	}
	w.apply(append(trials, append(host(t, "a", 9090), host(t, "b", 9090)...)...))
	w.synced()
	w.apply(nil, keys(trials)...)
	w.synced()
	for _, e := range named(p.Events()) {
		want := 1
		if e.Type == resource.Scope && strings.HasPrefix(e.Name, resource.TrialPrefix) {
			want = len(trials) / 2
		}
		if e.Type != resource.Endpoint && e.Batch != want {
			t.Errorf("%s %s came in a response of %d, want %d", e.Type, e.Name, e.Batch, want)
		}
	}
}

// A route that changes together with a cluster waits for the new version of the cluster.
func TestRouteWaitsForChangedCluster(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	p.Pause(resource.Endpoint)
	changed, route := deltatest.Cluster(t, "c-h00000", 2), deltatest.Route(t, "h00000", "c-h00000", "c-h00000")
	w.apply([]resource.Resource{changed, route})
	p.WaitVersion(changed.Key, changed.Version)
	w.eventually("the route to wait", func() bool { return waiting(w, "h00000") == "a cluster it names is not warm" })
	if p.Versions(resource.Route)["h00000"] == route.Version {
		t.Error("the route came before the endpoints of the changed cluster were accepted")
	}
	p.Resume(resource.Endpoint)
	p.WaitVersion(route.Key, route.Version)
	w.synced()
}
