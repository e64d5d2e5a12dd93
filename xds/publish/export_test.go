package publish

import (
	"fmt"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Audit recomputes everything that sessions and gateway count incrementally and returns what
// differs.
func (p *Publisher) Audit(key ir.Key) []string {
	g := p.existing(key)
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a := audit{gateway: g}
	a.states()
	for s := range g.sessions {
		a.session(s)
	}
	return a.found
}

type audit struct {
	gateway *gatewayState
	found   []string
}

func (a *audit) differs(format string, args ...any) {
	a.found = append(a.found, fmt.Sprintf(format, args...))
}

func (a *audit) states() {
	needed, keepers := map[*resourceState]int{}, map[*resourceState]int{}
	behind, acked := map[*resourceState]int{}, map[*resourceState]int{}
	for k := range a.gateway.resources {
		desired := 0
		for _, e := range a.gateway.resources[k] {
			eachNeed(e.current, func(need *resourceState) {
				needed[need]++
				if e.current != e.desired {
					keepers[need]++
				}
			})
			if e.desired != nil {
				desired++
			}
			if e.current != e.standIn() {
				a.differs("current of %s", e.name)
			}
			if _, quarantined := a.gateway.quarantined[e]; quarantined != (e.rejection != nil) {
				a.differs("rejection of %s", e.name)
			}
		}
		if a.gateway.desired[k] != desired {
			a.differs("%d desired of kind %d, counted %d", desired, k, a.gateway.desired[k])
		}
	}
	for s := range a.gateway.sessions {
		for e, r := range s.records {
			if r.lags {
				behind[e]++
			}
			if r.has {
				acked[e]++
			}
		}
	}
	for k := range a.gateway.resources {
		for _, e := range a.gateway.resources[k] {
			if needed[e] != e.needed || keepers[e] != e.keepers || behind[e] != e.behind || acked[e] != e.acked {
				a.differs("%s %s: needed %d counted %d, keepers %d counted %d, behind %d counted %d, acked %d counted %d", kindNames[k], e.name,
					needed[e], e.needed, keepers[e], e.keepers, behind[e], e.behind, acked[e], e.acked)
			}
		}
	}
}

func (a *audit) session(s *Session) {
	if s.nonce > 5000 {
		a.differs("%s: %d responses: something is sent again and again", s.node, s.nonce)
	}
	refs, foreign, behind := map[*resourceState]int{}, [kinds]int{}, 0
	count := func(k kind, rev *revision) {
		if rev != nil && rev.foreign {
			foreign[k]++
			return
		}
		eachNeed(rev, func(need *resourceState) { refs[need]++ })
	}
	for e, r := range s.records {
		count(e.kind, r.acked)
		for _, sent := range r.flight {
			count(e.kind, sent.revision)
		}
		if r.lags {
			behind++
		}
		had, has := r.lags, r.has
		if s.updateCounters(r); had != r.lags || has != r.has {
			a.differs("%s: %s %s was not up to date: lags %t, has %t", s.node, kindNames[e.kind], e.name, had, has)
		}
	}
	for e, r := range s.records {
		if r.refs != refs[e] {
			a.differs("%s: %s %s has %d references, counted %d", s.node, kindNames[e.kind], e.name, refs[e], r.refs)
		}
	}
	if foreign != s.foreign {
		a.differs("%s: foreign %v counted %v", s.node, foreign, s.foreign)
	}
	if behind != s.behind {
		a.differs("%s: behind %d counted %d", s.node, behind, s.behind)
	}
}

// Explain renders everything known about the records of a name.
func (p *Publisher) Explain(key ir.Key) string {
	g := p.existing(key)
	if g == nil {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	text := ""
	for s := range g.sessions {
		text += fmt.Sprintf("%s: foreign %v, blocked %d, leaving %d, nonce %d, unanswered %d\n", s.node, s.foreign, len(s.blocked),
			len(s.leaving), s.nonce, len(s.responses))
		for e, r := range s.records {
			text += fmt.Sprintf("  %s %s: desired %s current %s, acked %s nonce %d, refs %d, blocked %t, "+
				"leaving %t, queue %d, subscribed %t force %t owed %t alone %t",
				kindNames[e.kind], e.name, versionOf(e.desired), versionOf(e.current), versionOf(r.acked), r.accepted, r.refs, r.blocked,
				s.isLeaving(r), r.list, r.subscribed, r.force, r.owed, r.alone)
			for _, sent := range r.flight {
				text += fmt.Sprintf(" flight %d %s doubtful %t", sent.nonce, versionOf(sent.revision), sent.doubtful)
			}
			eachNeed(r.acked, func(need *resourceState) { text += " names " + need.name })
			text += "\n"
		}
	}
	return text
}

// Entries counts the names that a gateway remembers.
func (p *Publisher) Entries(key ir.Key) int {
	g := p.existing(key)
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	total := 0
	for k := range g.resources {
		total += len(g.resources[k])
	}
	return total
}

// Heard counts the types that the newest stream of a proxy has spoken of.
func (p *Publisher) Heard(key ir.Key, node string) int {
	g := p.existing(key)
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	heard, newest := 0, uint64(0)
	for s := range g.sessions {
		if s.node != node || s.serial < newest {
			continue
		}
		heard, newest = 0, s.serial
		for _, sub := range s.subscriptions {
			if sub.seen {
				heard++
			}
		}
	}
	return heard
}
