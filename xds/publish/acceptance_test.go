package publish_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

var watched = key(resource.Endpoint, "c-h00000")

// hearing is a publisher that tells what proxies accepted of one name.
type hearing struct {
	*publish.Publisher
	heard chan publish.Acceptance
}

func newHearing(t *testing.T) *hearing {
	h := &hearing{heard: make(chan publish.Acceptance, 1024)}
	h.Publisher = publish.New(publish.Options{
		OnAccepted: func(a publish.Acceptance) { h.heard <- a },
	})
	all := hosts(t, 2)
	for i := range all {
		all[i].ReportACKs = all[i].Key == watched
	}
	h.Apply(gatewayKey, resource.Change{Upsert: all})
	h.Ready(gatewayKey)
	return h
}

// watchedEndpoints have their ACKs reported.
func watchedEndpoints(t *testing.T, port uint32) resource.Resource {
	made := deltatest.Endpoints(t, watched.Name, port)
	made.ReportACKs = true
	return made
}

// port changes the endpoints and returns their version.
func (h *hearing) port(t *testing.T, port uint32) string {
	changed := watchedEndpoints(t, port)
	h.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{changed}})
	return changed.Version
}

// has returns what the proxy "raw" has, in one line.
func (h *hearing) has() string {
	proxies := h.Accepted(gatewayKey, watched)
	one, ok := proxies["raw"]
	if !ok {
		return "not connected"
	}
	return fmt.Sprintf("%s %v", one.Accepted, one.Pending)
}

func (h *hearing) want(t *testing.T, accepted string, pending ...string) {
	t.Helper()
	if got, want := h.has(), fmt.Sprintf("%s %v", accepted, pending); got != want {
		t.Errorf("the proxy has %q, want %q", got, want)
	}
}

func (h *hearing) hears(t *testing.T, version string) {
	t.Helper()
	if got, want := <-h.heard, (publish.Acceptance{Gateway: gatewayKey, Node: "raw", Key: watched, Version: version}); got != want {
		t.Errorf("heard %+v, want %+v", got, want)
	}
}

func subscribe(r *raw, names ...string) {
	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesSubscribe: names})
}

// From the opening of a stream to its end: sent is not accepted, and what is on the way is
// visible.
func TestAcceptances(t *testing.T) {
	h := newHearing(t)
	if len(h.Accepted(gatewayKey, watched)) != 0 {
		t.Error("a proxy before any connected")
	}
	first := deltatest.Endpoints(t, watched.Name, 8080).Version
	r := newRaw(t, h.Publisher)
	if got := <-h.heard; got != (publish.Acceptance{Gateway: gatewayKey, Node: "raw"}) {
		t.Errorf("heard %+v of an opened stream", got)
	}
	h.want(t, "")
	subscribe(r, watched.Name, "c-h00001")
	one := r.next(resource.Endpoint)
	two := r.next(resource.Endpoint)
	if one.GetResources()[0].GetName() != watched.Name {
		one, two = two, one
	}
	h.want(t, "", first)
	r.ack(two) // no OnAccepted is called for it: ReportACKs is not set
	r.ack(one)
	h.hears(t, first)
	h.want(t, first)

	second := h.port(t, 1)
	sent := r.next(resource.Endpoint)
	h.want(t, first, second)
	third := h.port(t, 2)
	newest := r.next(resource.Endpoint)
	h.want(t, first, second, third)
	r.ack(sent)
	h.hears(t, second)
	h.want(t, second, third)
	r.receive(resource.Endpoint,
		&discovery.DeltaDiscoveryRequest{ResponseNonce: newest.GetNonce(), ErrorDetail: &rpcstatus.Status{Message: "no"}})
	h.hears(t, second)

	r.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{ResourceNamesUnsubscribe: []string{watched.Name}})
	h.hears(t, "")
	h.want(t, "")
	r.session.Close()
	if got := <-h.heard; got != (publish.Acceptance{Gateway: gatewayKey, Node: "raw", Gone: true}) {
		t.Errorf("heard %+v of a stream that ended", got)
	}
	if got := h.has(); got != "not connected" {
		t.Errorf("a proxy without a stream has %q", got)
	}
}

// A proxy that comes back says what it has; without a stream it has nothing.
func TestAcceptanceAfterReconnect(t *testing.T) {
	h := newHearing(t)
	version := h.port(t, 7)
	old := newRaw(t, h.Publisher)
	<-h.heard
	subscribe(old, watched.Name)
	old.ack(old.next(resource.Endpoint))
	h.hears(t, version)

	// The new stream counts for the proxy although the old one did not end yet.
	fresh := newRaw(t, h.Publisher)
	<-h.heard
	h.want(t, "")
	old.session.Close() // not reported
	h.want(t, "")
	fresh.receive(resource.Endpoint, &discovery.DeltaDiscoveryRequest{
		ResourceNamesSubscribe: []string{watched.Name}, InitialResourceVersions: map[string]string{watched.Name: version},
	})
	h.hears(t, version)
	h.want(t, version)
}

// A proxy that waits for the first complete state is connected and has nothing.
func TestAcceptanceBeforeReady(t *testing.T) {
	publisher := publish.New(publish.Options{})
	r := newRaw(t, publisher)
	subscribe(r, watched.Name)
	if got, ok := publisher.Accepted(gatewayKey, watched)["raw"]; !ok || got.Accepted != "" || len(got.Pending) > 0 {
		t.Errorf("the proxy has %+v, connected %t", got, ok)
	}
}

// A resource whose ACKs are reported later is reported as proxies have it by then.
func TestReportLater(t *testing.T) {
	h := &hearing{heard: make(chan publish.Acceptance, 1024)}
	h.Publisher = publish.New(publish.Options{OnAccepted: func(a publish.Acceptance) { h.heard <- a }})
	wanted := deltatest.Endpoints(t, watched.Name, 1)
	h.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{wanted}})
	h.Ready(gatewayKey)
	r := newRaw(t, h.Publisher)
	if got := <-h.heard; got != (publish.Acceptance{Gateway: gatewayKey, Node: "raw"}) {
		t.Errorf("heard %+v of an opened stream", got)
	}
	subscribe(r, watched.Name)
	r.ack(r.next(resource.Endpoint))
	h.want(t, wanted.Version)
	wanted.ReportACKs = true
	h.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{wanted}})
	h.hears(t, wanted.Version)
	h.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{wanted}}) // says nothing new
	second := h.port(t, 2)
	r.ack(r.next(resource.Endpoint))
	h.hears(t, second)
}

// The receiver of an acceptance may change what is published, under a lock that it also holds
// when it publishes on its own.
func TestApplyFromOnAccepted(t *testing.T) {
	var own sync.Mutex
	var publisher *publish.Publisher
	answered := deltatest.Endpoints(t, "answer", 1)
	publisher = publish.New(publish.Options{
		OnAccepted: func(a publish.Acceptance) {
			own.Lock()
			defer own.Unlock()
			if a.Version != "" && len(publisher.Accepted(gatewayKey, watched)) > 0 {
				publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{answered}})
			}
		},
	})
	own.Lock()
	publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{watchedEndpoints(t, 1)}})
	publisher.Ready(gatewayKey)
	r := newRaw(t, publisher)
	subscribe(r, watched.Name, "answer")
	for range 2 { // the second is the empty answer for a name that does not exist yet
		r.ack(r.next(resource.Endpoint))
	}
	other := newRaw(t, publisher)
	publisher.Forget(gatewayKey) // ends streams, which is reported, while the lock is held
	<-r.session.Done()
	<-other.session.Done()
	publisher.Apply(gatewayKey, resource.Change{Upsert: []resource.Resource{watchedEndpoints(t, 1)}})
	publisher.Ready(gatewayKey)
	own.Unlock()
	r = newRaw(t, publisher)
	subscribe(r, watched.Name, "answer")
	for {
		response := r.next(resource.Endpoint)
		r.ack(response)
		if got := response.GetResources()[0]; got.GetName() == "answer" && got.GetVersion() == answered.Version {
			return
		}
	}
}

// acceptances keeps the acceptances of every proxy for every resource.
type acceptances struct {
	mu        sync.Mutex
	publisher *publish.Publisher
	keys      map[resource.Key]bool // of the acceptances
	has       map[string]map[resource.Key]string
}

func newAcceptances() *acceptances {
	return &acceptances{keys: map[resource.Key]bool{}, has: map[string]map[resource.Key]string{}}
}

// ask says whom to ask; no proxy is connected to it yet.
func (a *acceptances) ask(publisher *publish.Publisher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.publisher = publisher
}

// take does what OnAccepted asks for: when another stream is the newest of a proxy, which may have
// been open before, it calls Accepted.
func (a *acceptances) take(change publish.Acceptance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[change.Key] = true
	if change.Key != (resource.Key{}) {
		a.has[change.Node][change.Key] = change.Version
		return
	}
	a.has[change.Node] = map[resource.Key]string{}
	for k := range a.keys {
		a.has[change.Node][k] = a.publisher.Accepted(gatewayKey, k)[change.Node].Accepted
	}
}

// differences compares the acceptances with what the publisher knows and with what the proxies have.
func (a *acceptances) differences(c *chaos) (found []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range c.desired {
		if k.Type != resource.Endpoint {
			continue
		}
		known := c.publisher.Accepted(gatewayKey, k)
		for i, p := range c.proxies {
			node := c.nodes[i]
			told, accepted, has := a.has[node][k], known[node].Accepted, p.Versions(resource.Endpoint)[k.Name]
			if told != accepted || accepted != has || len(known[node].Pending) > 0 {
				found = append(found, fmt.Sprintf("%s: %s was told to have %q, is known to have %+v, has %q", node, k.Name, told, known[node], has))
			}
		}
	}
	slices.Sort(found)
	return found
}
