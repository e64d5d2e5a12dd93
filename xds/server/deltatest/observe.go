package deltatest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/resource"
)

// patience is how long waits last before the test fails.
const patience = 10 * time.Second

// Event is one resource, or one removal, that the proxy received. A response without any is
// recorded as an event without a name.
type Event struct {
	resource.Key
	Version string
	Removed bool
	Nonce   string
	// Batch is how many resources and removals the response carried.
	Batch int
}

func (e Event) String() string {
	short := string(e.Type[strings.LastIndexByte(string(e.Type), '.')+1:])
	switch {
	case e.Name == "":
		return short + " -"
	case e.Removed:
		return "-" + short + " " + e.Name
	default:
		return short + " " + e.Name
	}
}

func (p *Proxy) record(response *discovery.DeltaDiscoveryResponse) {
	event := Event{
		Key:   resource.Key{Type: resource.Type(response.GetTypeUrl())},
		Nonce: response.GetNonce(),
		Batch: len(response.GetResources()) + len(response.GetRemovedResources()),
	}
	if event.Batch == 0 {
		p.events = append(p.events, event)
	}
	for _, r := range response.GetResources() {
		event.Name, event.Version = r.GetName(), r.GetVersion()
		p.events = append(p.events, event)
	}
	event.Version, event.Removed = "", true
	for _, name := range response.GetRemovedResources() {
		event.Name = name
		p.events = append(p.events, event)
	}
}

// Events returns everything received so far, in order.
func (p *Proxy) Events() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// ForgetEvents empties the record of events.
func (p *Proxy) ForgetEvents() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = nil
}

// Violations returns the moments at which requests would have failed: a route configuration
// before its cluster was warm, or a cluster gone before the route configuration.
func (p *Proxy) Violations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.violations)
}

// Err returns why the last stream ended by itself, nil while it is open.
func (p *Proxy) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure
}

// Versions returns the versions the proxy has of a type, by name.
func (p *Proxy) Versions(kind resource.Type) map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.versions(kind)
}

func (p *Proxy) versions(kind resource.Type) map[string]string {
	versions := map[string]string{}
	for key, h := range p.model.held {
		if key.Type == kind {
			versions[key.Name] = h.version
		}
	}
	return versions
}

// Decode unmarshals what the proxy has of a name and reports whether it has it.
func (p *Proxy) Decode(key resource.Key, into proto.Message) bool {
	p.t.Helper()
	p.mu.Lock()
	h, ok := p.model.held[key]
	p.mu.Unlock()
	if !ok {
		return false
	}
	if err := proto.Unmarshal(h.body, into); err != nil {
		p.t.Fatalf("proxy %s: %s %s: %v", p.options.Node, key.Type, key.Name, err)
	}
	return true
}

// State is a consistent view of a proxy, valid during the call it is passed to.
type State struct{ proxy *Proxy }

// Version returns the version the proxy has of a name, "" when it has none.
func (s State) Version(kind resource.Type, name string) string {
	return s.proxy.model.held[resource.Key{Type: kind, Name: name}].version
}

// Versions returns the versions the proxy has of a type, by name.
func (s State) Versions(kind resource.Type) map[string]string { return s.proxy.versions(kind) }

// Events returns everything received so far.
func (s State) Events() []Event { return s.proxy.events }

// Subscribed reports whether the proxy asked for a type.
func (s State) Subscribed(kind resource.Type) bool { return s.proxy.model.known(kind) }

// Warm reports whether no cluster waits for endpoints.
func (s State) Warm() bool { return len(s.proxy.model.warming) == 0 }

// Ended reports whether the stream ended by itself.
func (s State) Ended() bool { return s.proxy.failure != nil }

// Wait waits until a condition holds; it is checked after everything the proxy receives. A
// condition that does not hold within 10 s fails the test.
func (p *Proxy) Wait(what string, condition func(State) bool) {
	p.t.Helper()
	late := false
	deadline := time.AfterFunc(patience, func() {
		p.mu.Lock()
		late = true
		p.mu.Unlock()
		p.changed.Broadcast()
	})
	defer deadline.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !condition(State{p}) {
		if late {
			p.t.Fatalf("proxy %s: waited %s for %s, stream error: %v, received:\n%s", p.options.Node, patience, what, p.failure, p.tail())
		}
		p.changed.Wait()
	}
}

// WaitVersion waits until the proxy has a version of a name; "" waits until it is gone.
func (p *Proxy) WaitVersion(key resource.Key, version string) {
	p.t.Helper()
	p.Wait(fmt.Sprintf("%s %s at version %q", key.Type, key.Name, version), func(s State) bool {
		return s.Version(key.Type, key.Name) == version
	})
}

// tail prints the last events.
func (p *Proxy) tail() string {
	events := p.events
	if len(events) > 60 {
		events = events[len(events)-60:]
	}
	var text strings.Builder
	for _, e := range events {
		fmt.Fprintf(&text, "  %s %s (nonce %s, %d in the response)\n", e, e.Version, e.Nonce, e.Batch)
	}
	return text.String()
}
