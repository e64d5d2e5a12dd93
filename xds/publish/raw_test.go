package publish_test

import (
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// raw is a session whose requests the test writes itself.
type raw struct {
	t         *testing.T
	session   *publish.Session
	responses chan *discovery.DeltaDiscoveryResponse
}

func newRaw(t *testing.T, publisher *publish.Publisher) *raw {
	return newRawHook(t, publisher, func(*discovery.DeltaDiscoveryResponse) {})
}

// newRawHook calls sending while a response is being sent.
func newRawHook(t *testing.T, publisher *publish.Publisher, sending func(*discovery.DeltaDiscoveryResponse)) *raw {
	r := &raw{t: t, responses: make(chan *discovery.DeltaDiscoveryResponse, 1024)}
	r.session = publisher.Connect(gatewayKey, "raw", func(response *discovery.DeltaDiscoveryResponse) error {
		sending(response)
		r.responses <- response
		return nil
	})
	t.Cleanup(func() {
		r.session.Close()
		<-r.session.Done()
	})
	return r
}

func (r *raw) receive(kind resource.Type, request *discovery.DeltaDiscoveryRequest) {
	r.t.Helper()
	request.TypeUrl = string(kind)
	if err := r.session.Receive(request); err != nil {
		r.t.Fatal(err)
	}
}

// next returns the next response that carries something.
func (r *raw) next(kind resource.Type) *discovery.DeltaDiscoveryResponse {
	r.t.Helper()
	for response := range r.responses {
		if len(response.GetResources())+len(response.GetRemovedResources()) == 0 {
			continue
		}
		if got := resource.Type(response.GetTypeUrl()); got != kind {
			r.t.Fatalf("a response of %s, want %s: %v", got, kind, response)
		}
		return response
	}
	return nil
}

func (r *raw) ack(response *discovery.DeltaDiscoveryResponse) {
	r.receive(resource.Type(response.GetTypeUrl()), &discovery.DeltaDiscoveryRequest{ResponseNonce: response.GetNonce()})
}

// After a restart a changed cluster may be sent before the proxy says which endpoints it
// has. It needs them still, and is not warm before it accepted them.
func TestEndpointsOwedToChangedCluster(t *testing.T) {
	publisher := publish.New(publish.Options{})
	changed, endpoints := deltatest.Cluster(t, "c-h00000", 2), deltatest.Endpoints(t, "c-h00000", 8080)
	route := deltatest.Route(t, "h00000", "c-h00000")
	publisher.Apply(gatewayKey, resource.Change{Upsert: hosts(t, 1)})
	publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{changed}})
	publisher.Ready(gatewayKey)
	r := newRaw(t, publisher)
	r.receive(resource.Cluster, &discovery.DeltaDiscoveryRequest{
		InitialResourceVersions: map[string]string{"c-h00000": deltatest.Cluster(t, "c-h00000", 1).Version},
	})
	r.next(resource.Cluster) // its ACK is withheld while it warms
	// Endpoints that change and change back meanwhile are owed nevertheless.
	for _, port := range []uint32{1, 8080} {
		publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{deltatest.Endpoints(t, "c-h00000", port)}})
		publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{deltatest.Cluster(t, "other", int(port))}})
		r.next(resource.Cluster)
	}
	r.receive(resource.Route, &discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe:  []string{"h00000"},
		InitialResourceVersions: map[string]string{"h00000": "old"},
	})
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe:  []string{"c-h00000"},
		InitialResourceVersions: map[string]string{"c-h00000": endpoints.Version},
	})
	pushed := r.next(resource.Endpoint)
	select {
	case early := <-r.responses:
		t.Fatalf("sent before the endpoints were accepted: %v", early)
	default:
	}
	r.ack(pushed)
	if got := r.next(resource.Route).GetResources()[0].GetVersion(); got != route.Version {
		t.Errorf("route version %q, want %q", got, route.Version)
	}
}

// A subscription that comes with the ACK of a push means that the push was dropped; one that
// comes before means that the push will arrive.
func TestSubscriptionAroundPush(t *testing.T) {
	for _, test := range []struct {
		name     string
		before   bool
		repeated bool
	}{{"before the ACK", true, false}, {"with the ACK", false, true}} {
		t.Run(test.name, func(t *testing.T) {
			publisher := publish.New(publish.Options{})
			publisher.Apply(gatewayKey, resource.Change{Upsert: hosts(t, 1)[3:]})
			publisher.Ready(gatewayKey)
			r := newRaw(t, publisher)
			r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"other"}})
			r.ack(r.next(resource.Endpoint)) // empty
			r.receive(resource.Cluster, &discovery.DeltaDiscoveryRequest{})
			r.next(resource.Cluster)
			pushed := r.next(resource.Endpoint)
			if test.before {
				r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"c-h00000"}})
				r.ack(pushed)
			} else {
				r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{
					ResponseNonce: pushed.GetNonce(), ResourceNamesSubscribe: []string{"c-h00000"},
				})
			}
			if test.repeated {
				if got := r.next(resource.Endpoint).GetResources()[0].GetName(); got != "c-h00000" {
					t.Errorf("answered with %q", got)
				}
			}
			// Anything that follows proves that nothing else was in between.
			publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{deltatest.Endpoints(t, "other", 1)}})
			if got := r.next(resource.Endpoint).GetResources()[0].GetName(); got != "other" {
				t.Errorf("sent %q once more", got)
			}
		})
	}
}

// A table that changes just after its scope was sent waits for its new cluster like any
// other.
func TestTableChangesBehindScope(t *testing.T) {
	publisher := publish.New(publish.Options{})
	publisher.Apply(gatewayKey, resource.Change{Upsert: hosts(t, 1)})
	publisher.Ready(gatewayKey)
	r := newRawHook(t, publisher, func(response *discovery.DeltaDiscoveryResponse) {
		if len(response.GetResources()) > 0 && response.GetResources()[0].GetName() == "new" && response.GetTypeUrl() == string(resource.Scope) {
			publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{
				deltatest.Route(t, "new", "late"), deltatest.Cluster(t, "late", 1), deltatest.Endpoints(t, "late", 1),
			}})
		}
	})
	r.receive(resource.Cluster, &discovery.DeltaDiscoveryRequest{})
	r.next(resource.Cluster)
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"c-h00000"}})
	r.ack(r.next(resource.Endpoint))
	r.receive(resource.Scope, &discovery.DeltaDiscoveryRequest{})
	r.ack(r.next(resource.Scope))
	r.receive(resource.Route, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"h00000"}})
	r.ack(r.next(resource.Route))

	publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{deltatest.Scope(t, "new"), deltatest.Route(t, "new", "c-h00000")}})
	r.ack(r.next(resource.Scope))
	r.next(resource.Cluster)
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"late"}})
	r.ack(r.next(resource.Endpoint))
	r.ack(r.next(resource.Route))
}

// A proxy that went on to other endpoints ACKs changes of the ones before and drops them: it has
// none, although the cluster that named them is not known to be gone.
func TestPushBehindUnsubscription(t *testing.T) {
	publisher := publish.New(publish.Options{})
	publisher.Apply(gatewayKey, resource.Change{Upsert: hosts(t, 1)})
	publisher.Ready(gatewayKey)
	r := newRaw(t, publisher)
	r.receive(resource.Cluster, &discovery.DeltaDiscoveryRequest{})
	r.ack(r.next(resource.Cluster))
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: []string{"c-h00000"}})
	r.ack(r.next(resource.Endpoint))

	publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{
		deltatest.SharingCluster(t, "c-h00000", "shared", 1), deltatest.Endpoints(t, "shared", 1),
	}})
	r.next(resource.Cluster) // its ACK is withheld while it warms
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe: []string{"shared"}, ResourceNamesUnsubscribe: []string{"c-h00000"},
	})
	r.ack(r.next(resource.Endpoint))
	publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{deltatest.Endpoints(t, "c-h00000", 2)}})
	pushed := r.next(resource.Endpoint)
	if got := pushed.GetResources()[0].GetName(); got != "c-h00000" {
		t.Fatalf("%s was pushed", got)
	}
	r.ack(pushed)
	if got := publisher.Accepted(gatewayKey, key(resource.Endpoint, "c-h00000"))["raw"]; got.Accepted != "" {
		t.Errorf("the proxy is said to have version %q of what it does not want", got.Accepted)
	}
}
