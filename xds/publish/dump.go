package publish

import (
	"slices"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// GatewayDump is everything known about the proxies of a gateway, for people and tests.
type GatewayDump struct {
	Delivery
	Ready     bool           `json:"ready"`
	Resources []ResourceDump `json:"resources"`
	Proxies   []ProxyDump    `json:"proxies"`
}

// ResourceDump is one desired resource.
type ResourceDump struct {
	Type    resource.Type `json:"type"`
	Name    string        `json:"name"`
	Version string        `json:"version"`
	// StandIn is the version sent instead while Version is quarantined.
	StandIn string      `json:"standIn,omitempty"`
	Bytes   int         `json:"bytes"`
	Sources []ir.Source `json:"sources,omitempty"`
}

// ProxyDump is one connected proxy.
type ProxyDump struct {
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
	// Behind counts desired resources that the proxy has not accepted yet.
	Behind    int                   `json:"behind"`
	Resources []ProxiedResourceDump `json:"resources"`
}

// ProxiedResourceDump is what one proxy has of one name. Empty versions: nothing.
type ProxiedResourceDump struct {
	Type    resource.Type `json:"type"`
	Name    string        `json:"name"`
	Desired string        `json:"desired,omitempty"`
	// Sent is the newest version on the way or in the proxy, Acked the newest it accepted.
	Sent  string `json:"sent,omitempty"`
	Acked string `json:"acked,omitempty"`
	// Waiting says why nothing newer is sent.
	Waiting  string `json:"waiting,omitempty"`
	Rejected string `json:"rejected,omitempty"`
}

// Dump returns what the gateway should be and what every proxy of it has.
func (p *Publisher) Dump(key ir.Key) GatewayDump {
	g := p.existing(key)
	if g == nil {
		return GatewayDump{Delivery: Delivery{Gateway: key, Listeners: map[string]bool{}}}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	dump := GatewayDump{Delivery: g.delivery(), Ready: g.ready}
	for k := range g.resources {
		for _, e := range g.resources[k] {
			if e.desired != nil {
				dump.Resources = append(dump.Resources, e.dump())
			}
		}
	}
	slices.SortFunc(dump.Resources, func(a, b ResourceDump) int { return byName(a.Type, a.Name, b.Type, b.Name) })
	for s := range g.sessions {
		dump.Proxies = append(dump.Proxies, s.dump())
	}
	slices.SortFunc(dump.Proxies, func(a, b ProxyDump) int { return strings.Compare(a.Node, b.Node) })
	return dump
}

// Gateways returns the keys of all gateways, sorted.
func (p *Publisher) Gateways() []ir.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := make([]ir.Key, 0, len(p.gateways))
	for key := range p.gateways {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b ir.Key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

func (e *resourceState) dump() ResourceDump {
	dump := ResourceDump{
		Type:    kindTypes[e.kind],
		Name:    e.name,
		Version: e.desired.version,
		Bytes:   len(e.desired.body),
		Sources: e.desired.sources,
	}
	if e.rejection != nil && e.current != nil {
		dump.StandIn = e.current.version
	}
	return dump
}

func (s *Session) dump() ProxyDump {
	dump := ProxyDump{Node: s.node, Since: s.since, Behind: s.behind}
	for _, r := range s.records {
		if r.resource.desired == nil && !r.holdsAny() {
			continue
		}
		dump.Resources = append(dump.Resources, s.dumpRecord(r))
	}
	slices.SortFunc(dump.Resources, func(a, b ProxiedResourceDump) int { return byName(a.Type, a.Name, b.Type, b.Name) })
	return dump
}

func (s *Session) dumpRecord(r *record) ProxiedResourceDump {
	e := r.resource
	dump := ProxiedResourceDump{
		Type:    kindTypes[e.kind],
		Name:    e.name,
		Desired: versionOf(e.desired),
		Sent:    versionOf(r.latest()),
		Acked:   versionOf(r.acked),
	}
	switch {
	case r.blocked:
		dump.Waiting = "a cluster it names is not warm"
	case s.isLeaving(r) && r.unusedAt.IsZero():
		dump.Waiting = "its removal: the proxy still has something that names it"
	case s.isLeaving(r):
		dump.Waiting = "its removal: requests may still look it up"
	case !s.interested(r):
		dump.Waiting = "the proxy did not ask for it"
	case r.list != inNoList:
		dump.Waiting = "its turn"
	}
	if e.rejection != nil {
		dump.Rejected = e.rejection.Message
	}
	return dump
}

func versionOf(r *revision) string {
	if r == nil {
		return ""
	}
	return r.version
}

func byName(aType resource.Type, aName string, bType resource.Type, bName string) int {
	if by := strings.Compare(string(aType), string(bType)); by != 0 {
		return by
	}
	return strings.Compare(aName, bName)
}
