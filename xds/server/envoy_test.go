package server_test

import (
	"fmt"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

// Hosts come, change in every way, and go while all hosts carry traffic.
func TestEnvoyEditsUnderTraffic(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, "127.0.0.1:0")
	port, first, second := freePort(t), backend(t, "first"), backend(t, "second")
	p.apply([]resource.Resource{realListener(t, port)})
	var stable []string
	for i := range 5 {
		name := fmt.Sprintf("stable%d.example.com", i)
		stable = append(stable, name)
		p.apply(realHost(t, name, first))
	}
	p.ready()
	began := time.Now()
	envoytest.Start(t, envoytest.Options{Gateway: envoyGateway, XDS: p.address})
	p.synced()
	c := newClient(t, port)
	for _, name := range stable {
		c.until(t, name, "first", 0)
	}
	t.Logf("cold start to the last host: %s", time.Since(began).Round(time.Millisecond))
	load := startTraffic(t, port, stable...)
	var added, updated []time.Duration
	for i := range 50 {
		name := fmt.Sprintf("h%d.example.com", i)
		at := time.Now()
		p.apply(realHost(t, name, first))
		c.until(t, name, "first", 404)
		added = append(added, time.Since(at))
		load.add(name)
		at = time.Now()
		p.apply([]resource.Resource{deltatest.Endpoints(t, "c-"+name, second)})
		c.until(t, name, "second")
		updated = append(updated, time.Since(at))
		p.apply([]resource.Resource{changedCluster(t, "c-"+name, i)})
		p.synced()
		other := "other-" + name
		p.apply([]resource.Resource{
			deltatest.Cluster(t, other, 1), deltatest.Endpoints(t, other, first), deltatest.Route(t, name, other),
		}, resource.Key{Type: resource.Cluster, Name: "c-" + name}, resource.Key{Type: resource.Endpoint, Name: "c-" + name})
		c.until(t, name, "first")
		if i%2 == 0 {
			load.drop(name)
			p.apply(nil, resource.Key{Type: resource.Scope, Name: name}, resource.Key{Type: resource.Route, Name: name},
				resource.Key{Type: resource.Cluster, Name: other}, resource.Key{Type: resource.Endpoint, Name: other})
		}
	}
	p.synced()
	load.report(t)
	t.Logf("host added to first 200: median %s, max %s; endpoints changed to first answer: median %s, max %s",
		median(added), longest(added), median(updated), longest(updated))
	if n := p.counted("kedify_gateway_xds_nacks_total"); n > 0 {
		t.Errorf("%v NACKs", n)
	}
	if n := p.counted("kedify_gateway_xds_warm_budget_exceeded_total"); n > 0 {
		t.Errorf("%v resources were sent before their clusters were warm", n)
	}
	p.eventually("removed clusters are gone", func(publish.Delivery) bool {
		for _, r := range p.publisher.Dump(envoyGateway).Proxies[0].Resources {
			if r.Desired == "" {
				return false
			}
		}
		return true
	})
}

// A control plane that restarts into the same world pushes nothing, and what changed
// meanwhile arrives.
func TestEnvoyControlPlaneRestart(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, "127.0.0.1:0")
	port, first, second := freePort(t), backend(t, "first"), backend(t, "second")
	world := []resource.Resource{realListener(t, port)}
	for i := range 100 {
		world = append(world, realHost(t, fmt.Sprintf("h%d.example.com", i), first)...)
	}
	p.apply(world)
	p.ready()
	envoytest.Start(t, envoytest.Options{Gateway: envoyGateway, XDS: p.address})
	p.synced()
	c := newClient(t, port)
	c.until(t, "h0.example.com", "first", 0)
	load := startTraffic(t, port, "h0.example.com", "h50.example.com", "h99.example.com")

	p.stop()
	again := newPlane(t, p.address)
	again.apply(world)
	again.ready()
	again.synced()
	if n := again.counted("kedify_gateway_xds_pushed_resources_total"); n > 0 {
		t.Errorf("%v resources were pushed after a restart without changes", n)
	}

	again.stop()
	changed := newPlane(t, p.address)
	changed.apply(world[:len(world)-4]) // the last host vanished
	changed.apply([]resource.Resource{changedCluster(t, "c-h0.example.com", 1), deltatest.Endpoints(t, "c-h50.example.com", second)})
	load.drop("h99.example.com")
	changed.ready()
	changed.synced()
	c.until(t, "h50.example.com", "second")
	changed.eventually("the vanished host is gone",
		func(publish.Delivery) bool { status, _ := c.get("h99.example.com"); return status == 404 })
	load.report(t)
	changed.eventually("nothing of the vanished host is left", func(publish.Delivery) bool {
		for _, proxy := range changed.publisher.Dump(envoyGateway).Proxies {
			for _, r := range proxy.Resources {
				if r.Desired == "" {
					return false
				}
			}
		}
		return true
	})
}

// A route that Envoy refuses is withheld alone and reported with its object; everything else
// serves, also in an Envoy that starts with it.
func TestEnvoyRejectsOneRoute(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, "127.0.0.1:0")
	port, first := freePort(t), backend(t, "first")
	p.apply([]resource.Resource{realListener(t, port)})
	const count = 120 // more than one batch
	for i := range count {
		p.apply(realHost(t, fmt.Sprintf("h%d.example.com", i), first))
	}
	bad := deltatest.RouteOf(t, "h7.example.com", &routev3.Route{
		Name: "bad",
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{
			SafeRegex: &matcherv3.RegexMatcher{Regex: "/[a-"},
		}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c-h7.example.com"}}},
	}, "c-h7.example.com")
	p.apply([]resource.Resource{bad})
	p.ready()
	one := envoytest.Start(t, envoytest.Options{Gateway: envoyGateway, XDS: p.address, Node: "one"})
	p.eventually("the rejection", func(d publish.Delivery) bool { return len(d.Rejected) == 1 })
	rejection := p.publisher.Delivery(envoyGateway).Rejected[0]
	if rejection.Resource != bad.Key || len(rejection.Sources) != 1 ||
		rejection.Sources[0].Name != "h7.example.com" || rejection.Message == "" {
		t.Errorf("rejection %+v", rejection)
	}
	t.Logf("Envoy said %q", rejection.Message)
	c := newClient(t, port)
	for i := range count {
		if i != 7 {
			c.until(t, fmt.Sprintf("h%d.example.com", i), "first", 0, 404)
		}
	}
	if status, _ := c.get("h7.example.com"); status != 404 {
		t.Errorf("a host that was never good answers %d", status)
	}
	one.Stop()

	began := time.Now()
	envoytest.Start(t, envoytest.Options{Gateway: envoyGateway, XDS: p.address, Node: "two"})
	c.until(t, "h0.example.com", "first", 0)
	t.Logf("an Envoy that starts with a quarantined route serves after %s", time.Since(began).Round(time.Millisecond))
	for i := range count {
		if i != 7 {
			c.until(t, fmt.Sprintf("h%d.example.com", i), "first")
		}
	}
	// A repaired route, then a bad edit: the last good version stays.
	p.apply(realHost(t, "h7.example.com", first))
	c.until(t, "h7.example.com", "first", 404)
	p.apply([]resource.Resource{bad})
	p.eventually("the rejection", func(d publish.Delivery) bool { return len(d.Rejected) == 1 })
	c.until(t, "h7.example.com", "first")
	if n := p.counted("kedify_gateway_xds_nacks_total"); n > 4 {
		t.Errorf("%v NACKs", n)
	}
}

// An Envoy that starts into many hosts gets them all without a refusal, a table before its
// cluster, or a listener that opens early; then a burst arrives.
func TestEnvoyManyHosts(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, "127.0.0.1:0")
	port, first := freePort(t), backend(t, "first")
	world := []resource.Resource{realListener(t, port)}
	const count = 2000
	for i := range count {
		world = append(world, realHost(t, fmt.Sprintf("h%d.example.com", i), first)...)
	}
	p.apply(world)
	p.ready()
	began := time.Now()
	envoytest.Start(t, envoytest.Options{Gateway: envoyGateway, XDS: p.address})
	c := newClient(t, port)
	c.until(t, "h0.example.com", "first", 0)
	opened := time.Since(began)
	for i := range count {
		if status, _ := c.get(fmt.Sprintf("h%d.example.com", i)); status != 200 {
			t.Errorf("host %d answers %d while the listener is open", i, status)
		}
	}
	p.synced()
	began = time.Now()
	const burst = 300
	var added []resource.Resource
	for i := range burst {
		added = append(added, realHost(t, fmt.Sprintf("burst%d.example.com", i), first)...)
	}
	p.apply(added)
	p.synced()
	t.Logf("%d hosts: listener open after %s; %d more in one change: all ACKed after %s",
		count, opened.Round(time.Millisecond), burst, time.Since(began).Round(time.Millisecond))
	for i := range burst {
		c.until(t, fmt.Sprintf("burst%d.example.com", i), "first")
	}
	for _, name := range []string{"kedify_gateway_xds_nacks_total", "kedify_gateway_xds_warm_budget_exceeded_total"} {
		if n := p.counted(name); n > 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
}
