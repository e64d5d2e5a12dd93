package isolate

import (
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// rejected takes a rejection in: of a table, of a trial, or of the scope of a trial.
func (g *gateway) rejected(rejection publish.Rejection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var change resource.Change
	switch rejection.Resource.Type {
	case resource.Route:
		if a := g.trials[rejection.Resource.Name]; a != nil {
			a.refused = &rejection
			g.look(rejection.Resource.Name, &change)
		} else if t := g.tables[rejection.Resource.Name]; t != nil && t.published == rejection.Version {
			t.refusal = &rejection
			g.begin(t, &change)
		}
	case resource.Scope:
		for name, a := range g.trials {
			if a.scope == rejection.Resource {
				a.mute[rejection.Node] = true
				g.look(name, &change)
				break
			}
		}
	default:
		return
	}
	g.pass(change)
}

// begin looks for what is refused in a table, unless that is known by now.
func (g *gateway) begin(t *table, change *resource.Change) {
	if t.search != nil || t.refusal == nil || t.unexplained == t.refusal.Version {
		return
	}
	if again := g.render(t); again.Version != t.refusal.Version {
		t.refusal = nil
		change.Upsert = append(change.Upsert, again)
		return
	}
	parts, err := t.divide()
	if err != nil {
		contain.Log(g.options.Log, err, "Failed to divide a table", "gateway", g.key.String(), "table", t.wanted.Name)
		t.unexplained = t.refusal.Version
		return
	}
	if g.disputed(t, *t.refusal) {
		t.unexplained, t.dispute = t.refusal.Version, t.refusal
		return
	}
	order, fresh := t.order(parts)
	known := map[string]resource.Form{}
	for _, w := range t.withheld {
		known[w.Withheld.Part] = w.Withheld.Form
	}
	t.search = newSearch(order, fresh, known, g.hints(parts, known), t.refusal.Message)
	t.differs, t.suspect, t.searched, t.asked = false, *t.refusal, t.wanted.Divisible, parts
	g.progress(t, change)
}

// hints are the parts of a refused table that Options.Suspected names, and the first that it does not.
func (g *gateway) hints(parts []resource.Part, known map[string]resource.Form) hints {
	first := hints{suspected: map[string]resource.Form{}}
	if g.options.Suspected == nil {
		return first
	}
	for _, part := range parts {
		_, withheld := known[part.ID]
		switch form := g.options.Suspected(part.Source, part.Name); {
		case form != resource.Whole:
			first.suspected[part.ID] = form
		case first.witness == "" && part.Forwards && !withheld:
			first.witness = part.ID
		}
	}
	if _, suspected := first.suspected[first.witness]; suspected {
		first.witness = "" // another object has the same rule
	}
	return first
}

// disputed reports whether another proxy has what one refuses. Then the proxies differ, and a rule of which a proxy makes use is
// not withheld from it.
func (g *gateway) disputed(t *table, refusal publish.Rejection) bool {
	if !g.has(t.wanted.Key, refusal.Version, refusal.Node) {
		return false
	}
	g.options.Log.Error(nil, "A proxy refuses a table that another one accepted; no rule is withheld",
		"gateway", g.key.String(), "table", t.wanted.Name, "node", refusal.Node)
	return true
}

// reopen searches again where proxies differed, once the proxy that has the table may be gone: those that are left may all refuse it.
func (g *gateway) reopen(change *resource.Change) {
	for _, t := range g.tables {
		if t.dispute == nil || t.search != nil || t.published != t.dispute.Version || g.has(t.wanted.Key, t.published, "") {
			continue
		}
		t.refusal, t.dispute, t.unexplained = t.dispute, nil, ""
		g.begin(t, change)
	}
}

// progress begins the trials that are due, and concludes a search that is over.
func (g *gateway) progress(t *table, change *resource.Change) {
	for due := t.search.take(); len(due) > 0; due = t.search.take() {
		for number, next := range due {
			if err := g.ask(t, number, next, change); err != nil {
				contain.Log(g.options.Log, err, "Failed to render a trial", "gateway", g.key.String(), "table", t.wanted.Name)
				t.search.end()
				break
			}
		}
	}
	if !t.search.done() {
		g.watch()
		return
	}
	g.abandon(t, change)
	if t.confirms {
		g.confirmed(t, change)
	} else {
		g.conclude(t, change)
	}
	if t.recheck && t.search == nil {
		g.confirm(false, change)
	}
}

// conclude withholds what a search found.
func (g *gateway) conclude(t *table, change *resource.Change) {
	found, suspect := t.search.found, t.suspect
	switch {
	case len(found) == 0:
	case g.disputed(t, suspect):
		t.differs, found = true, nil
	case t.common(found):
		g.options.Log.Error(nil, "A proxy refuses all rules that forward, so the fields of the Gateway may be the cause; no rule is withheld",
			"gateway", g.key.String(), "table", t.wanted.Name, "message", suspect.Message)
		found = nil
	}
	for _, part := range t.asked {
		if v, ok := found[part.ID]; ok {
			g.withhold(part, v, suspect.Node)
		}
	}
	t.search, t.searched, t.asked = nil, nil, nil
	again := g.render(t)
	if len(found) == 0 || again.Version == suspect.Version {
		t.unexplained = suspect.Version
		if t.differs && again.Version == suspect.Version {
			t.dispute = &suspect
		}
	}
	if t.refusal != nil && again.Version == t.refusal.Version {
		g.begin(t, change) // another version was refused meanwhile
		return
	}
	t.refusal = nil
	change.Upsert = append(change.Upsert, again)
}

func (g *gateway) withhold(part resource.Part, v finding, node string) {
	g.withheld[part.ID] = withheldPart{Rejection: publish.Rejection{
		Version: part.ID, Message: v.message, Since: g.options.Clock.Now(), Node: node,
		Withheld: &publish.Withheld{Part: part.ID, Rule: part.Name, Form: v.form},
	}}
	g.options.Log.Error(nil, "A rule is withheld because the proxy refuses it", "gateway", g.key.String(), "object", part.Source.String(),
		"rule", part.Name, "message", v.message, "form", string(v.form))
}
