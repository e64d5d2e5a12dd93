package isolate

import (
	"sync"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// gateway is the tables of one gateway.
type gateway struct {
	options *Options
	key     ir.Key

	mu     sync.Mutex
	gone   bool
	tables map[string]*table // by name
	// partial are the tables without all of their parts.
	partial map[*table]struct{}
	// withheld are the parts that proxies refuse, by ID.
	withheld map[string]withheldPart
	// trials that proxies have not answered, by the name of their table.
	trials map[string]*asked
	serial int
	alarm  publish.Timer // of the trials

	reports reports
}

// withheldPart is a part that proxies refuse, with what is said of it.
type withheldPart struct {
	publish.Rejection
	// learned from another replica, and in force while that holds to it.
	learned bool
}

func (g *gateway) apply(change resource.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, wanted := range change.Upsert {
		if wanted.Type != resource.Route || wanted.Divisible == nil {
			continue
		}
		t := g.tables[wanted.Name]
		if t == nil {
			t = &table{}
			g.tables[wanted.Name] = t
		}
		t.want(wanted)
		change.Upsert[i] = g.render(t)
	}
	for _, key := range change.Remove {
		if t := g.tables[key.Name]; t != nil && key.Type == resource.Route {
			delete(g.tables, key.Name)
			delete(g.partial, t)
			g.abandon(t, &change)
		}
	}
	g.pass(change)
}

// pass hands a change on, and has told what is withheld by now.
func (g *gateway) pass(change resource.Change) {
	if !change.Empty() && !g.gone {
		g.options.Next.Apply(g.key, change)
	}
	g.clean()
	g.reportSoon()
}

// render returns a table without the parts that are refused.
func (g *gateway) render(t *table) resource.Resource {
	out := t.wanted
	t.withheld = nil
	if len(g.withheld) > 0 {
		if parts, err := t.divide(); err == nil {
			out = g.without(t, parts)
		} else {
			contain.Log(g.options.Log, err, "Failed to divide a table", "gateway", g.key.String(), "table", t.wanted.Name)
		}
	}
	t.published = out.Version
	if delete(g.partial, t); len(t.withheld) > 0 {
		g.partial[t] = struct{}{}
	}
	return out
}

func (g *gateway) without(t *table, parts []resource.Part) resource.Resource {
	forms := map[string]resource.Form{}
	for _, part := range parts {
		known, ok := g.withheld[part.ID]
		if _, seen := forms[part.ID]; !ok || seen {
			continue
		}
		forms[part.ID] = known.Withheld.Form
		known.Resource, known.Sources = t.wanted.Key, []ir.Source{part.Source}
		t.withheld = append(t.withheld, known.Rejection)
	}
	if len(forms) == 0 {
		return t.wanted
	}
	out, err := contain.Call(func() (resource.Resource, error) { return t.wanted.Divisible.Render(forms) })
	if err != nil {
		contain.Log(g.options.Log, err, "Failed to render a table without refused rules", "gateway", g.key.String(), "table", t.wanted.Name)
		t.withheld = nil
		return t.wanted
	}
	out.Sources = t.wanted.Sources
	return out
}

// clean forgets refused parts that are in no table any more.
func (g *gateway) clean() {
	if len(g.withheld) == 0 {
		return
	}
	used := map[string]bool{}
	for t := range g.partial {
		for _, w := range t.withheld {
			used[w.Withheld.Part] = true
		}
	}
	for id := range g.withheld {
		if !used[id] {
			delete(g.withheld, id)
		}
	}
}

func (g *gateway) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	if g.alarm != nil {
		g.alarm.Stop()
	}
}
