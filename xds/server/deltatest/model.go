package deltatest

import (
	"fmt"
	"maps"
	"slices"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"github.com/kedify/inference-gateway/xds/resource"
)

// model is what Envoy would have and ask for.
type model struct {
	missing       map[string]bool
	subscriptions map[resource.Type]*subscription
	order         []resource.Type // in which they were first subscribed
	held          map[resource.Key]held
	// warming are clusters whose current version waits for endpoints; active are clusters
	// with a version that serves.
	warming, active map[string]bool
	// started: a response of clusters came, so listeners follow once all are warm.
	started    bool
	answers    []answer
	violations []string
}

// held is one resource in the proxy.
type held struct {
	version  string
	body     []byte
	clusters []string // of a route configuration
	child    string   // endpoints of a cluster, route configuration of a scope
}

// subscription is what the model asks for of one type.
type subscription struct {
	wildcard bool
	watchers map[string]int
	sent     map[string]bool // names the server knows of
	opened   bool            // on this stream
}

// answer is the ACK or NACK of a response.
type answer struct {
	kind    resource.Type
	nonce   string
	refused string
}

func newModel(missing []string) *model {
	m := &model{
		missing:       map[string]bool{},
		subscriptions: map[resource.Type]*subscription{},
		held:          map[resource.Key]held{},
		warming:       map[string]bool{},
		active:        map[string]bool{},
	}
	for _, name := range missing {
		m.missing[name] = true
	}
	return m
}

// reconnect begins a new stream. A cluster whose endpoints did not arrive before the old one
// broke is not sent them again when the proxy lists them as known: Envoy takes them from its
// cache when initial_fetch_timeout (15 s) is over, and here that is now.
func (m *model) reconnect() {
	m.answers = nil
	for name := range m.warming {
		child := m.held[resource.Key{Type: resource.Cluster, Name: name}].child
		if m.held[resource.Key{Type: resource.Endpoint, Name: child}].version != "" {
			delete(m.warming, name)
			m.active[name] = true
		}
	}
	for _, s := range m.subscriptions {
		s.opened, s.sent = false, map[string]bool{}
	}
	m.subscription(resource.Cluster).wildcard = true
}

func (m *model) known(kind resource.Type) bool { return m.subscriptions[kind] != nil }

func (m *model) subscription(kind resource.Type) *subscription {
	s, ok := m.subscriptions[kind]
	if !ok {
		s = &subscription{watchers: map[string]int{}, sent: map[string]bool{}}
		m.subscriptions[kind] = s
		m.order = append(m.order, kind)
	}
	return s
}

func (m *model) watch(kind resource.Type, name string) { m.subscription(kind).watchers[name]++ }

// unwatch drops one watcher; without watchers the proxy forgets the resource.
func (m *model) unwatch(kind resource.Type, name string) {
	s := m.subscription(kind)
	if s.watchers[name]--; s.watchers[name] > 0 {
		return
	}
	delete(s.watchers, name)
	delete(m.held, resource.Key{Type: kind, Name: name})
}

// put applies one resource.
func (m *model) put(key resource.Key, version string, body []byte) error {
	next, err := decode(key, version, body)
	if err != nil {
		return err
	}
	old, had := m.held[key]
	switch key.Type {
	case resource.Cluster:
		if had && old.version == version {
			return nil // Envoy skips clusters that did not change
		}
		m.moveWatch(resource.Endpoint, old.child, next.child)
		if next.child == "" {
			m.active[key.Name] = true
			delete(m.warming, key.Name)
		} else {
			m.warming[key.Name] = true
		}
	case resource.Scope:
		m.moveWatch(resource.Route, old.child, next.child)
	case resource.Endpoint, resource.Route, resource.Secret:
		if m.subscription(key.Type).watchers[key.Name] == 0 {
			return nil // ACKed, and dropped
		}
	case resource.Listener:
		m.subscription(resource.Scope).wildcard = true
	}
	m.held[key] = next
	switch key.Type {
	case resource.Endpoint:
		m.warm(key.Name)
	case resource.Route:
		m.checkRoute(key.Name)
	default:
	}
	return nil
}

func (m *model) moveWatch(kind resource.Type, from, to string) {
	if from == to {
		return
	}
	if to != "" {
		m.watch(kind, to)
	}
	if from != "" {
		m.unwatch(kind, from)
	}
}

// warm activates the clusters that waited for endpoints.
func (m *model) warm(endpoints string) {
	for key, h := range m.held {
		if key.Type == resource.Cluster && h.child == endpoints {
			delete(m.warming, key.Name)
			m.active[key.Name] = true
		}
	}
}

// remove applies one removal. Envoy ignores it for types subscribed by name: they go when
// nothing watches them.
func (m *model) remove(key resource.Key) {
	old, had := m.held[key]
	if !had {
		return
	}
	switch key.Type {
	case resource.Cluster:
		delete(m.held, key)
		delete(m.warming, key.Name)
		delete(m.active, key.Name)
		m.moveWatch(resource.Endpoint, old.child, "")
		m.checkCluster(key.Name)
	case resource.Scope:
		delete(m.held, key)
		m.moveWatch(resource.Route, old.child, "")
	case resource.Listener:
		delete(m.held, key)
	default:
	}
}

// checkRoute notes clusters that a route configuration names and requests would not find.
func (m *model) checkRoute(name string) {
	for _, cluster := range m.held[resource.Key{Type: resource.Route, Name: name}].clusters {
		if !m.active[cluster] && !m.missing[cluster] {
			m.violate("route configuration %s came before its cluster %s was warm", name, cluster)
		}
	}
}

// checkCluster notes route configurations that name a cluster which just went.
func (m *model) checkCluster(name string) {
	for key, h := range m.held {
		if key.Type == resource.Route && slices.Contains(h.clusters, name) && !m.missing[name] {
			m.violate("cluster %s was removed while route configuration %s named it", name, key.Name)
		}
	}
}

func (m *model) violate(format string, args ...any) {
	m.violations = append(m.violations, fmt.Sprintf(format, args...))
}

func (m *model) takeViolations() []string {
	taken := m.violations
	m.violations = nil
	return taken
}

func (m *model) queueAnswer(a answer) {
	m.answers = append(m.answers, a)
	m.started = m.started || a.kind == resource.Cluster
}

// requests returns what is due: subscriptions in the order of Envoy, and answers, except
// those of paused types and those of clusters while any cluster warms.
func (m *model) requests(paused map[resource.Type]bool) []*discovery.DeltaDiscoveryRequest {
	if m.started && len(m.warming) == 0 {
		m.subscription(resource.Listener).wildcard = true
	}
	var due []*discovery.DeltaDiscoveryRequest
	for _, kind := range m.order {
		if request := m.subscribe(kind); request != nil {
			due = append(due, request)
		}
	}
	var withheld []answer
	for _, a := range m.answers {
		if paused[a.kind] || a.kind == resource.Cluster && len(m.warming) > 0 {
			withheld = append(withheld, a)
			continue
		}
		due = append(due, a.request())
	}
	m.answers = withheld
	return due
}

// subscribe returns the request that brings the server's idea of a subscription up to date.
func (m *model) subscribe(kind resource.Type) *discovery.DeltaDiscoveryRequest {
	s := m.subscriptions[kind]
	request := &discovery.DeltaDiscoveryRequest{TypeUrl: string(kind)}
	for _, name := range slices.Sorted(maps.Keys(s.watchers)) {
		if !s.sent[name] {
			request.ResourceNamesSubscribe = append(request.ResourceNamesSubscribe, name)
			s.sent[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.sent)) {
		if s.watchers[name] == 0 {
			request.ResourceNamesUnsubscribe = append(request.ResourceNamesUnsubscribe, name)
			delete(s.sent, name)
		}
	}
	if !s.opened {
		if !s.wildcard && len(request.ResourceNamesSubscribe) == 0 {
			return nil
		}
		s.opened = true
		request.InitialResourceVersions = map[string]string{}
		for key, h := range m.held {
			if key.Type == kind {
				request.InitialResourceVersions[key.Name] = h.version
			}
		}
		return request
	}
	if len(request.ResourceNamesSubscribe)+len(request.ResourceNamesUnsubscribe) == 0 {
		return nil
	}
	return request
}

func (a answer) request() *discovery.DeltaDiscoveryRequest {
	request := &discovery.DeltaDiscoveryRequest{TypeUrl: string(a.kind), ResponseNonce: a.nonce}
	if a.refused != "" {
		request.ErrorDetail = &status.Status{Code: int32(codes.Internal), Message: a.refused}
	}
	return request
}
