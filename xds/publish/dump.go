package publish

import (
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Dump returns what the gateway should be and what every proxy of it has.
func (p *Publisher) Dump(key ir.Key) debug.Gateway {
	g := p.existing(key)
	if g == nil {
		return debug.Gateway{Gateway: debug.Key(key), Listeners: map[string]bool{}}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	dump := g.delivery().dump()
	dump.Ready = g.ready
	for k := range g.resources {
		for _, e := range g.resources[k] {
			if e.desired != nil {
				dump.Resources = append(dump.Resources, e.dump())
			}
		}
	}
	slices.SortFunc(dump.Resources, func(a, b debug.Resource) int { return byName(a.Type, a.Name, b.Type, b.Name) })
	for s := range g.sessions {
		dump.Proxies = append(dump.Proxies, s.dump())
	}
	slices.SortFunc(dump.Proxies, func(a, b debug.Proxy) int { return strings.Compare(a.Node, b.Node) })
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

func (d Delivery) dump() debug.Gateway {
	dump := debug.Gateway{
		Gateway: debug.Key(d.Gateway), Connected: d.Connected, Listeners: d.Listeners, Versions: d.Versions, Synced: d.Synced,
	}
	for _, rejection := range d.Rejected {
		dump.Rejected = append(dump.Rejected, rejection.dump())
	}
	return dump
}

func (r Rejection) dump() debug.Rejection {
	return debug.Rejection{
		Resource: debug.ResourceKey{Type: string(r.Resource.Type), Name: r.Resource.Name},
		Version:  r.Version,
		Message:  r.Message,
		Sources:  dumpSources(r.Sources),
		Node:     r.Node,
		Since:    r.Since,
	}
}

func dumpSources(sources []ir.Source) (dumps []debug.Source) {
	for _, source := range sources {
		dumps = append(dumps, debug.Source(source))
	}
	return dumps
}

func (e *resourceState) dump() debug.Resource {
	dump := debug.Resource{
		Type:    string(kindTypes[e.kind]),
		Name:    e.name,
		Version: e.desired.version,
		Bytes:   len(e.desired.body),
		Sources: dumpSources(e.desired.sources),
	}
	if e.rejection != nil && e.current != nil {
		dump.StandIn = e.current.version
	}
	return dump
}

func (s *Session) dump() debug.Proxy {
	dump := debug.Proxy{Node: s.node, Since: s.since, Behind: s.behind}
	for _, r := range s.records {
		if r.resource.desired == nil && !r.holdsAny() {
			continue
		}
		dump.Resources = append(dump.Resources, s.dumpRecord(r))
	}
	slices.SortFunc(dump.Resources, func(a, b debug.ProxyResource) int { return byName(a.Type, a.Name, b.Type, b.Name) })
	return dump
}

func (s *Session) dumpRecord(r *record) debug.ProxyResource {
	e := r.resource
	dump := debug.ProxyResource{
		Type:    string(kindTypes[e.kind]),
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

func byName(aType, aName, bType, bName string) int {
	if by := strings.Compare(aType, bType); by != 0 {
		return by
	}
	return strings.Compare(aName, bName)
}
