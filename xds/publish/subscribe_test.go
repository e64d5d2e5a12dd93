package publish_test

import (
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// Nothing is served before the first complete state of the gateway is known.
func TestWaitsForReady(t *testing.T) {
	w := newWorld(t)
	w.apply(hosts(t, 1)[:1])
	p := w.proxy(deltatest.Options{})
	w.eventually("the proxy is connected", func() bool { return w.publisher.Delivery(gatewayKey).Connected == 1 })
	w.apply(hosts(t, 1)[1:])
	if events := p.Events(); len(events) > 0 {
		t.Fatalf("received before ready:\n%s", text(events))
	}
	w.ready()
	w.synced()
}

// Wildcard subscriptions without any resource are answered at once.
func TestEmptyWorldIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.ready()
	p := w.proxy(deltatest.Options{})
	p.Wait("empty answers for clusters and listeners", func(s deltatest.State) bool {
		seen := map[resource.Type]bool{}
		for _, e := range s.Events() {
			seen[e.Type] = true
		}
		return seen[resource.Cluster] && seen[resource.Listener]
	})
	w.synced()
}

// Names that do not exist are answered at once with an empty resource or a removal.
func TestUnknownNamesAreAnswered(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	p.Subscribe(resource.Endpoint, "nobody")
	assignment := &endpointv3.ClusterLoadAssignment{}
	p.Wait("an empty assignment", func(s deltatest.State) bool { return s.Version(resource.Endpoint, "nobody") != "" })
	if !p.Decode(key(resource.Endpoint, "nobody"), assignment) || assignment.GetClusterName() != "nobody" ||
		len(assignment.GetEndpoints()) > 0 {
		t.Errorf("assignment %v", assignment)
	}
	p.Subscribe(resource.Route, "nobody")
	table := &routev3.RouteConfiguration{}
	p.Wait("an empty table", func(s deltatest.State) bool { return s.Version(resource.Route, "nobody") != "" })
	if !p.Decode(key(resource.Route, "nobody"), table) || table.GetName() != "nobody" || len(table.GetVirtualHosts()) > 0 {
		t.Errorf("table %v", table)
	}
	p.Subscribe(resource.Secret, "nobody")
	p.Wait("a removal", func(s deltatest.State) bool { return received(s.Events(), "-Secret nobody") })
	other := resource.Type("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig")
	p.Subscribe(other, "filter")
	p.Wait("a removal", func(s deltatest.State) bool { return received(s.Events(), "-TypedExtensionConfig filter") })
	w.synced()

	// And they become what they are when they come into being.
	secret := deltatest.Secret(t, "nobody", "text")
	route := deltatest.Route(t, "nobody", "c-h00000")
	endpoints := deltatest.Endpoints(t, "nobody", 1)
	w.apply([]resource.Resource{secret, route, endpoints})
	for _, made := range []resource.Resource{secret, route, endpoints} {
		p.WaitVersion(made.Key, made.Version)
	}
	w.synced()
}

func received(events []deltatest.Event, line string) bool {
	for _, e := range events {
		if e.String() == line {
			return true
		}
	}
	return false
}

// Only what was subscribed is sent: a secret, a table, endpoints without a subscription are not.
func TestOnlySubscribedNames(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	w.apply([]resource.Resource{
		deltatest.Secret(t, "secret", "1"), deltatest.Route(t, "loose", "c-h00000"), deltatest.Endpoints(t, "loose", 1),
		deltatest.Endpoints(t, "c-h00000", 2),
	})
	w.synced()
	p.WaitVersion(key(resource.Endpoint, "c-h00000"), deltatest.Endpoints(t, "c-h00000", 2).Version)
	if got, want := text(p.Events()), "ClusterLoadAssignment c-h00000"; got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
	p.Subscribe(resource.Secret, "secret")
	p.WaitVersion(key(resource.Secret, "secret"), deltatest.Secret(t, "secret", "1").Version)
	rotated := deltatest.Secret(t, "secret", "2")
	w.apply([]resource.Resource{rotated})
	p.WaitVersion(rotated.Key, rotated.Version)
	p.Unsubscribe(resource.Secret, "secret")
	w.eventually("the secret is forgotten", func() bool { return waiting(w, "secret") == "the proxy did not ask for it" })
	w.apply([]resource.Resource{deltatest.Secret(t, "secret", "3"), deltatest.Endpoints(t, "c-h00000", 3)})
	p.WaitVersion(key(resource.Endpoint, "c-h00000"), deltatest.Endpoints(t, "c-h00000", 3).Version)
	if received(p.Events()[len(p.Events())-1:], "Secret secret") {
		t.Error("an unsubscribed secret was sent")
	}
}

// A subscription that repeats what the proxy has is answered: it asks because it
// dropped a push that it ACKed.
func TestRepeatedSubscription(t *testing.T) {
	_, p := oneHost(t, deltatest.Options{})
	err := p.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: string(resource.Endpoint), ResourceNamesSubscribe: []string{"c-h00000"}})
	if err != nil {
		t.Fatal(err)
	}
	p.Wait("an answer", func(s deltatest.State) bool { return text(s.Events()) == "ClusterLoadAssignment c-h00000" })
}

// The explicit wildcard works for every type, and can be taken back.
func TestExplicitWildcard(t *testing.T) {
	w, p := oneHost(t, deltatest.Options{})
	w.apply([]resource.Resource{deltatest.Secret(t, "a", "1"), deltatest.Secret(t, "b", "1")})
	send := func(request *discovery.DeltaDiscoveryRequest) {
		t.Helper()
		request.TypeUrl = string(resource.Secret)
		if err := p.Send(request); err != nil {
			t.Fatal(err)
		}
	}
	send(&discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"*"}})
	p.Wait("all secrets", func(s deltatest.State) bool { return text(s.Events()) == "Secret a\nSecret b" })
	send(&discovery.DeltaDiscoveryRequest{ResourceNamesUnsubscribe: []string{"*"}})
	w.eventually("the secrets are forgotten", func() bool { return waiting(w, "a") == "the proxy did not ask for it" })
}
