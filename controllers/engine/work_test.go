package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/controllers/store"
)

// computed counts the computations of a model by memo.
type computed map[string]int

func newComputed(m *Model) computed {
	c := computed{}
	count(c, "gateways", m.gateways)
	count(c, "routes", m.routes)
	count(c, "pools", m.pools)
	count(c, "hosts", m.hosts)
	count(c, "wildcards", m.wildcards)
	count(c, "ports", m.ports)
	count(c, "listeners", m.listeners)
	count(c, "clusters", m.clusters)
	count(c, "endpoints", m.endpoints)
	count(c, "secrets", m.secrets)
	count(c, "scalers", m.scalers)
	count(c, "modelPods", m.modelPods)
	count(c, "statuses", m.statuses)
	return c
}

func count[K comparable, V any](c computed, name string, m *memo[K, V]) {
	compute := m.compute
	m.compute = func(key K, computing *computation) (*V, error) {
		c[name]++
		return compute(key, computing)
	}
}

// TestEditComputesWhatItChanges holds the engine to "an edit computes the units that read what it changed", each once.
// The status of a route's edit is its own and, because it was attached anew, that of its Gateway.
func TestEditComputesWhatItChanges(t *testing.T) {
	f := newFailing(t)
	f.setTCPRoute(1, "s2")
	f.model.Flush()
	work := newComputed(f.model)
	for _, step := range []struct {
		name string
		edit func()
		want computed
	}{
		{"nothing", func() {}, computed{}},
		{"the path of a route", func() { f.setRoute("exact", 2, "h1.example.com", "/v2", "s1") },
			computed{"routes": 1, "hosts": 1, "statuses": 2}},
		{"a generation without meaning", func() { f.setRoute("exact", 9, "h1.example.com", "/v2", "s1") }, computed{"routes": 1, "statuses": 1}},
		{"the path of a wildcard route", func() { f.setRoute("wild", 2, "*.example.org", "/v2", "s1") },
			computed{"routes": 1, "wildcards": 1, "statuses": 2}},
		{"the backend of a route", func() { f.setRoute("exact", 3, "h1.example.com", "/v2", "s2") },
			computed{"routes": 1, "hosts": 1, "clusters": 1, "statuses": 2}},
		{"another hostname", func() { f.setRoute("exact", 4, "h2.example.com", "/v2", "s2") }, computed{"routes": 1, "hosts": 1, "statuses": 2}},
		{"a second route of the hostname", func() { f.setRoute("second", 1, "h2.example.com", "/v3", "s1") },
			computed{"routes": 1, "hosts": 1, "statuses": 2}},
		{"another wildcard", func() { f.setRoute("wild", 3, "*.example.com", "/v2", "s1") },
			computed{"routes": 1, "hosts": 1, "wildcards": 1, "statuses": 2}},
		{"two routes that swap their backends", func() {
			f.setRoute("exact", 5, "h2.example.com", "/v2", "s1")
			f.setRoute("second", 2, "h2.example.com", "/v3", "s2")
		}, computed{"routes": 2, "hosts": 1, "statuses": 3}},
		{"a route that is created again", func() {
			f.model.Delete(store.HTTPRoute, objectOf("exact"))
			f.setRoute("exact", 6, "h2.example.com", "/v2", "s1")
		}, computed{"routes": 1, "hosts": 1, "statuses": 2}},
		{"an address", func() { f.setAddress("s1", "10.0.0.7") }, computed{"endpoints": 1}},
		{"a certificate", func() { f.setSecret(1) },
			computed{"gateways": 1, "routes": 4, "hosts": 1, "wildcards": 2, "ports": 1, "clusters": 3, "secrets": 1, "statuses": 1}},
		{"a CA", func() { f.setCA(1) }, computed{"clusters": 1, "secrets": 1, "statuses": 1}},
		{"the backend of a TCPRoute", func() { f.setTCPRoute(2, "s1") },
			computed{"routes": 1, "ports": 1, "listeners": 1, "clusters": 1, "statuses": 2}},
		{"a delivery", func() { f.model.Deliver(failingGateway, Delivery{Connected: 1}) }, computed{"statuses": 1}},
		{"a data plane", func() { f.model.Built(failingGateway, "quota exceeded") }, computed{"statuses": 1}},
		{"a port", func() { f.model.Set(store.Gateway, failingGatewayObject(2, 8080)) },
			computed{"gateways": 1, "routes": 4, "hosts": 1, "wildcards": 2, "ports": 1, "listeners": 1, "clusters": 3, "statuses": 1}},
		{"the end of a route", func() { f.model.Delete(store.HTTPRoute, objectOf("second")) }, computed{"hosts": 1, "statuses": 1}},
		{"the end of all routes of a hostname", func() { f.model.Delete(store.HTTPRoute, objectOf("exact")) }, computed{"statuses": 1}},
		{"the CRDs", func() { f.model.Installed(newWorld(1).crds()) }, computed{"gateways": 1, "statuses": 2}},
		{"the same objects again", func() {
			f.model.Set(store.Gateway, failingGatewayObject(2, 8080))
			f.setTCPRoute(2, "s1")
		}, computed{}},
		{"a deleted object that was never set", func() { f.model.Delete(store.HTTPRoute, objectOf("nowhere")) }, computed{}},
	} {
		clear(work)
		step.edit()
		f.model.Flush()
		if diff := cmp.Diff(step.want, work); diff != "" {
			t.Errorf("%s (-want +computed):\n%s", step.name, diff)
		}
	}
}
