package isolate

import (
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// confirm tries the rules again that were refused by a proxy which is gone, once another one is connected: that may be another
// version of Envoy and take them. They stay withheld meanwhile, and come back when every connected proxy takes them. again has
// tables in which a search runs looked at after it.
func (g *gateway) confirm(again bool, change *resource.Change) {
	trying := map[string]bool{}
	for t := range g.partial {
		if t.search != nil {
			t.recheck = t.recheck || again
			continue
		}
		t.recheck = false
		if t.refusal != nil {
			continue
		}
		if stale := g.stale(t, trying); len(stale) > 0 {
			g.try(t, stale, change)
		}
	}
}

// stale are the findings in a table that came from a proxy which is gone, but for those that are being tried. There are none while
// no proxy is connected.
func (g *gateway) stale(t *table, trying map[string]bool) (ids []string) {
	connected := g.options.Accepted(g.key, t.wanted.Key)
	if len(connected) == 0 {
		return nil
	}
	for _, w := range t.withheld {
		id := w.Withheld.Part
		known := g.withheld[id]
		if _, there := connected[known.Node]; !there && !known.learned && !trying[id] {
			ids, trying[id] = append(ids, id), true
		}
	}
	return ids
}

// try begins a search among findings alone.
func (g *gateway) try(t *table, stale []string, change *resource.Change) {
	parts, err := t.divide()
	if err != nil {
		contain.Log(g.options.Log, err, "Failed to divide a table", "gateway", g.key.String(), "table", t.wanted.Name)
		return
	}
	t.search = newSearch(stale, 0, nil, hints{}, "")
	t.confirms, t.differs, t.suspect, t.searched, t.asked = true, false, publish.Rejection{}, t.wanted.Divisible, parts
	g.progress(t, change)
}

// confirmed takes the outcome in: a finding is that of the proxy which refuses the rule now, or ends. When no answer came, when proxies
// differ, or when they refuse even a table without rules, it stays.
func (g *gateway) confirmed(t *table, change *resource.Change) {
	over := t.search
	unclear := over.ended || t.differs
	t.search, t.confirms, t.searched, t.asked = nil, false, nil, nil
	touched := map[*table]struct{}{}
	for _, id := range over.order {
		known, ok := g.withheld[id]
		v, refused := over.found[id]
		switch {
		case !ok || known.learned:
			continue
		case refused:
			known.Node, known.Message = t.suspect.Node, v.message
			known.Withheld = &publish.Withheld{Part: id, Rule: known.Withheld.Rule, Form: v.form}
			g.withheld[id] = known
		case !unclear:
			delete(g.withheld, id)
			t.unexplained = ""
			g.options.Log.Info("A rule is in force again because the proxies take it", "gateway", g.key.String(), "rule", known.Withheld.Rule)
		}
		g.having(id, touched)
	}
	g.renderAgain(touched, change)
	if t.refusal != nil {
		g.begin(t, change) // it was refused meanwhile
	}
}

// having adds the tables in which a part is withheld.
func (g *gateway) having(id string, tables map[*table]struct{}) {
	for t := range g.partial {
		if _, ok := t.withholds(id); ok {
			tables[t] = struct{}{}
		}
	}
}
