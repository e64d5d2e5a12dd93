package publish_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// refuse has a proxy refuse resources that contain "bad", with a text that names nothing.
func refuse(_ resource.Key, body []byte) string {
	if bytes.Contains(body, []byte("bad")) {
		return "missing ]: ["
	}
	return ""
}

// rejectedNames lists the names of rejected resources.
func rejectedNames(w *world) []string {
	var names []string
	for _, r := range w.publisher.Delivery(gatewayKey).Rejected {
		names = append(names, r.Resource.Name)
	}
	return names
}

func (w *world) waitRejected(names ...string) {
	w.t.Helper()
	w.eventually("the rejections", func() bool { return slices.Equal(rejectedNames(w), names) })
}

// atRest waits until nothing is on its way to any proxy although something is rejected.
func (w *world) atRest() {
	w.t.Helper()
	w.eventually("nothing on the way", func() bool {
		for _, proxy := range w.publisher.Dump(gatewayKey).Proxies {
			if proxy.Behind > 0 {
				return false
			}
		}
		return true
	})
}

// A refused edit is isolated: its last good version stays, in this proxy and in new ones, all
// else is served, the rejection names its object, and the next edit ends it.
func TestRejectedEdit(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{Node: "one", Reject: refuse, Missing: []string{"bad"}})
	good := deltatest.Route(t, "h00000", "c-h00000")
	bad := deltatest.Route(t, "h00000", "c-h00000", "bad")
	w.apply(append(host(t, "other", 1), bad))
	w.waitRejected("h00000")
	p.WaitVersion(key(resource.Route, "other"), deltatest.Route(t, "other", "c-other").Version)
	w.atRest()
	p.WaitVersion(good.Key, good.Version)
	rejection := w.publisher.Delivery(gatewayKey).Rejected[0]
	want := publish.Rejection{
		Resource: good.Key, Version: bad.Version, Message: "missing ]: [", Node: "one",
		Sources: []ir.Source{{Kind: "HTTPRoute", Namespace: "default", Name: "h00000"}}, Since: w.clock.Now(),
	}
	if rejection.Resource != want.Resource || rejection.Version != want.Version || rejection.Message != want.Message ||
		rejection.Node != want.Node || !rejection.Since.Equal(want.Since) || !slices.Equal(rejection.Sources, want.Sources) {
		t.Errorf("rejection %+v, want %+v", rejection, want)
	}

	late := w.proxy(deltatest.Options{Node: "two", Reject: refuse})
	late.WaitVersion(good.Key, good.Version)
	late.WaitVersion(key(resource.Route, "other"), deltatest.Route(t, "other", "c-other").Version)
	w.atRest()
	for _, e := range late.Events() {
		if e.Version == bad.Version {
			t.Error("a quarantined version was sent to a new proxy")
		}
	}
	if d := w.publisher.Delivery(gatewayKey); d.Synced {
		t.Error("in sync although a resource is rejected")
	}

	fixed := deltatest.Route(t, "h00000", "c-other")
	w.apply([]resource.Resource{fixed})
	w.synced()
	p.WaitVersion(fixed.Key, fixed.Version)
	late.WaitVersion(fixed.Key, fixed.Version)
	w.waitRejected()
}

// Resources that were never good are replaced by nothing and block no other.
func TestNeverGood(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{Reject: refuse, Missing: []string{"c-bad"}})
	w.apply(append(host(t, "bad", 1), host(t, "fine", 1)...))
	w.waitRejected("c-bad", "c-bad", "bad", "bad") // cluster, endpoints, table, scope
	p.WaitVersion(key(resource.Route, "fine"), deltatest.Route(t, "fine", "c-fine").Version)
	w.atRest()
	late := w.proxy(deltatest.Options{Node: "two", Reject: refuse})
	late.WaitVersion(key(resource.Route, "fine"), deltatest.Route(t, "fine", "c-fine").Version)
	w.atRest()
	for _, e := range late.Events() {
		if e.Name == "bad" || e.Name == "c-bad" {
			t.Errorf("%s was sent to a new proxy", e)
		}
	}
	w.apply(nil, keys(host(t, "bad", 1))...)
	w.synced()
	w.waitRejected()
}

// A cluster that is refused does not hold back the routes that name it.
func TestRejectedCluster(t *testing.T) {
	reject := func(key resource.Key, _ []byte) string {
		if key.Type == resource.Cluster && key.Name == "c-new" {
			return "Error adding/updating cluster(s) c-new"
		}
		return ""
	}
	w, p := oneHost(t, deltatest.Options{Reject: reject, Missing: []string{"c-new"}})
	w.apply(host(t, "new", 1))
	p.WaitVersion(key(resource.Route, "new"), deltatest.Route(t, "new", "c-new").Version)
	w.waitRejected("c-new")
	w.atRest()
}

// A refused batch is sent again one by one, and every culprit is found.
func TestRejectedBatch(t *testing.T) {
	w := newWorld(t)
	all := hosts(t, 120)
	bad := []string{"h00007", "h00070", "h00111"}
	for i := range all {
		if slices.Contains(bad, all[i].Name) && all[i].Type == resource.Route {
			all[i] = deltatest.Route(t, all[i].Name, "bad")
		}
	}
	w.apply(all)
	w.ready()
	p := w.proxy(deltatest.Options{Reject: refuse})
	w.waitRejected(bad...)
	w.atRest()
	p.Wait("all other routes", func(s deltatest.State) bool { return len(s.Versions(resource.Route)) == 117 })
	late := w.proxy(deltatest.Options{Node: "two", Reject: refuse})
	late.Wait("all other routes", func(s deltatest.State) bool {
		// The bad ones were subscribed and are answered with an empty table.
		return len(s.Versions(resource.Route)) == 120
	})
	w.atRest()
	w.waitRejected(bad...)
}

// A change that drops a cluster and is refused keeps the cluster, for new proxies too.
func TestStandInKeepsItsCluster(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{Reject: refuse})
	w.apply([]resource.Resource{deltatest.Route(t, "h00001", "bad")}, key(resource.Cluster, "c-h00001"), key(resource.Endpoint, "c-h00001"))
	w.waitRejected("h00001")
	w.atRest()
	w.clock.Advance(2 * publish.DefaultRemoveGrace)
	late := w.proxy(deltatest.Options{Node: "two", Reject: refuse})
	late.WaitVersion(key(resource.Route, "h00001"), deltatest.Route(t, "h00001", "c-h00001").Version)
	for _, proxy := range []*deltatest.Proxy{p, late} {
		proxy.WaitVersion(key(resource.Cluster, "c-h00001"), deltatest.Cluster(t, "c-h00001", 1).Version)
		proxy.WaitVersion(key(resource.Endpoint, "c-h00001"), deltatest.Endpoints(t, "c-h00001", 8080).Version)
	}
	fixed := deltatest.Route(t, "h00001", "c-h00000")
	w.apply([]resource.Resource{fixed})
	w.synced()
	w.eventually("both clusters wait for their grace", func() bool { return countWaiting(w, "c-h00001", removalWaits) == 2 })
	w.clock.Advance(publish.DefaultRemoveGrace)
	for _, proxy := range []*deltatest.Proxy{p, late} {
		proxy.WaitVersion(key(resource.Cluster, "c-h00001"), "")
	}
}

// countWaiting counts the proxies that wait with a cluster for a reason.
func countWaiting(w *world, name, reason string) int {
	count := 0
	for _, proxy := range w.publisher.Dump(gatewayKey).Proxies {
		for _, r := range proxy.Resources {
			if r.Name == name && r.Type == string(resource.Cluster) && r.Waiting == reason {
				count++
			}
		}
	}
	return count
}

// One proxy may keep what another refused.
func TestProxiesDisagree(t *testing.T) {
	w, easy := oneHost(t, deltatest.Options{Node: "easy", Missing: []string{"bad"}})
	strict := w.proxy(deltatest.Options{Node: "strict", Reject: refuse})
	w.eventually("both proxies are connected", func() bool { return w.publisher.Delivery(gatewayKey).Connected == 2 })
	w.synced()
	strict.Pause(resource.Route)
	bad := deltatest.Route(t, "h00000", "bad")
	w.apply([]resource.Resource{bad})
	easy.WaitVersion(bad.Key, bad.Version)
	strict.Resume(resource.Route)
	w.waitRejected("h00000")
	w.atRest()
	strict.WaitVersion(bad.Key, deltatest.Route(t, "h00000", "c-h00000").Version)
	easy.WaitVersion(bad.Key, bad.Version)
	late := w.proxy(deltatest.Options{Node: "late", Reject: refuse})
	late.WaitVersion(bad.Key, deltatest.Route(t, "h00000", "c-h00000").Version)
	w.waitRejected("h00000")
}

// A rejection that an older stream would send late changes nothing.
func TestOvertakenRejection(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{Reject: refuse})
	p.Pause(resource.Route)
	w.apply([]resource.Resource{deltatest.Route(t, "h00000", "bad")})
	p.Wait("the bad table", func(s deltatest.State) bool { return len(named(s.Events())) == 1 })
	fixed := deltatest.Route(t, "h00000")
	w.apply([]resource.Resource{fixed})
	p.WaitVersion(fixed.Key, fixed.Version)
	p.Resume(resource.Route)
	w.synced()
	w.waitRejected()
}

// When a slow proxy refuses a cluster that another refused before, what waits there goes on
// with the version before.
func TestLateRejectionReleasesWaiting(t *testing.T) {
	w, quick := oneHost(t, deltatest.Options{Node: "quick", Reject: refuse})
	slow := w.proxy(deltatest.Options{Node: "slow", Reject: refuse})
	w.eventually("both proxies are connected", func() bool { return w.publisher.Delivery(gatewayKey).Connected == 2 })
	w.synced()
	slow.ForgetEvents()
	quick.Pause(resource.Cluster)
	slow.Pause(resource.Cluster)
	route := deltatest.Route(t, "h00000", "c-h00000", "c-h00000")
	w.apply([]resource.Resource{deltatest.SharingCluster(t, "c-h00000", "bad", 2)})
	slow.Wait("the bad cluster", func(s deltatest.State) bool { return received(s.Events(), "Cluster c-h00000") })
	quick.Resume(resource.Cluster)
	w.waitRejected("c-h00000")
	w.apply([]resource.Resource{route})
	w.eventually("the route to wait in the slow proxy", func() bool { return waiting(w, "h00000") == "a cluster it names is not warm" })
	slow.Resume(resource.Cluster)
	slow.WaitVersion(route.Key, route.Version)
}

// A refused table may fall back to one whose cluster is refused as well, and gone by now:
// nothing is sent twice.
func TestStandInOfRefusedCluster(t *testing.T) {
	w, p := twoHosts(t, deltatest.Options{Reject: refuse, Missing: []string{"c-h00001"}})
	p.Pause(resource.Cluster)
	w.apply([]resource.Resource{deltatest.SharingCluster(t, "c-h00001", "bad", 2)})
	p.Wait("the bad cluster", func(s deltatest.State) bool { return received(s.Events(), "Cluster c-h00001") })
	w.apply([]resource.Resource{deltatest.Route(t, "h00001", "bad")}, key(resource.Cluster, "c-h00001"), key(resource.Endpoint, "c-h00001"))
	w.waitRejected("h00001")
	p.Resume(resource.Cluster)
	w.atRest()
	late := w.proxy(deltatest.Options{Node: "two", Reject: refuse, Missing: []string{"c-h00001"}})
	late.WaitVersion(key(resource.Route, "h00001"), deltatest.Route(t, "h00001", "c-h00001").Version)
	late.WaitVersion(key(resource.Cluster, "c-h00001"), deltatest.Cluster(t, "c-h00001", 1).Version)
	w.atRest()
	bad := deltatest.SharingCluster(t, "c-h00001", "bad", 2).Version
	times := 0
	for _, e := range append(p.Events(), late.Events()...) {
		if e.Version == bad {
			times++
		}
	}
	if times != 1 {
		t.Errorf("the refused cluster was sent %d times", times)
	}
}
