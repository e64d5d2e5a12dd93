package isolate

import (
	"strconv"
	"strings"
	"sync"

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
	withheld map[string]publish.Rejection
	// trials that proxies have not answered, by the name of their table.
	trials map[string]*asked
	serial int
	alarm  publish.Timer // of the oldest trial

	reports reports
}

// asked is a trial under way.
type asked struct {
	of      *table
	number  int
	scope   resource.Key
	table   resource.Key
	version string
	late    bool // some proxies had their time
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
			g.options.Log.Error(err, "Failed to divide a table", "gateway", g.key.String(), "table", t.wanted.Name)
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
		t.withheld = append(t.withheld, known)
	}
	if len(forms) == 0 {
		return t.wanted
	}
	out, err := t.wanted.Divisible.Render(forms)
	if err != nil {
		g.options.Log.Error(err, "Failed to render a table without refused rules", "gateway", g.key.String(), "table", t.wanted.Name)
		t.withheld = nil
		return t.wanted
	}
	out.Sources = t.wanted.Sources
	return out
}

// rejected takes a rejection in.
func (g *gateway) rejected(rejection publish.Rejection) {
	if rejection.Resource.Type != resource.Route {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var change resource.Change
	if a := g.trials[rejection.Resource.Name]; a != nil {
		a.of.search.refuse(a.number, rejection.Message)
		g.end(rejection.Resource.Name, &change)
		g.progress(a.of, &change)
	} else if t := g.tables[rejection.Resource.Name]; t != nil && t.published == rejection.Version {
		t.refusal = &rejection
		g.begin(t, &change)
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
		g.options.Log.Error(err, "Failed to divide a table", "gateway", g.key.String(), "table", t.wanted.Name)
		return
	}
	order, fresh := t.order(parts)
	known := map[string]resource.Form{}
	for _, w := range t.withheld {
		known[w.Withheld.Part] = w.Withheld.Form
	}
	t.names = make(map[string]resource.Part, len(parts))
	for _, part := range parts {
		t.names[part.ID] = part
	}
	t.search, t.searched = newSearch(order, fresh, known, t.refusal.Message), t.wanted.Divisible
	g.progress(t, change)
}

// progress begins the trials that are due, and concludes a search that is over.
func (g *gateway) progress(t *table, change *resource.Change) {
	for number, next := range t.search.take() {
		g.serial++
		scope, routes, err := t.searched.Trial(strconv.Itoa(g.serial), next.forms)
		if err != nil {
			g.options.Log.Error(err, "Failed to render a trial", "gateway", g.key.String(), "table", t.wanted.Name)
			t.search.accept(number)
			continue
		}
		routes.ReportACKs = true
		change.Upsert = append(change.Upsert, scope, routes)
		g.trials[routes.Name] = &asked{of: t, number: number, scope: scope.Key, table: routes.Key, version: routes.Version}
	}
	if t.search.done() {
		g.conclude(t, change)
		return
	}
	g.watch()
}

// conclude withholds what a search found.
func (g *gateway) conclude(t *table, change *resource.Change) {
	found := t.search.found
	t.search, t.searched = nil, nil
	refusal := t.refusal
	if len(found) == 0 && refusal != nil {
		t.unexplained = refusal.Version
	}
	for id, v := range found {
		part, rejection := t.names[id], publish.Rejection{Version: id, Message: v.message, Since: g.options.Clock.Now()}
		if refusal != nil {
			rejection.Node = refusal.Node
		}
		rejection.Withheld = &publish.Withheld{Part: id, Rule: part.Name, Form: v.form}
		g.withheld[id] = rejection
		g.options.Log.Error(nil, "A rule is withheld because the proxy refuses it", "gateway", g.key.String(), "object", part.Source.String(),
			"rule", part.Name, "message", v.message, "form", string(v.form))
	}
	t.names = nil
	again := g.render(t)
	switch {
	case refusal == nil || again.Version != refusal.Version:
		t.refusal = nil
		change.Upsert = append(change.Upsert, again)
	default:
		g.begin(t, change) // another version was refused meanwhile
	}
}

// accepted looks at trials that proxies may have accepted: one, or all when a proxy came or went.
func (g *gateway) accepted(key resource.Key) {
	if key.Name != "" && !strings.HasPrefix(key.Name, resource.TrialPrefix) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.look(key.Name)
}

// look concludes the trials that are accepted; an empty name is all of them.
func (g *gateway) look(name string) {
	var change resource.Change
	for each, a := range g.trials {
		if name != "" && each != name || !g.taken(a) {
			continue
		}
		a.of.search.accept(a.number)
		g.end(each, &change)
		g.progress(a.of, &change)
	}
	if !change.Empty() {
		g.pass(change)
	}
}

// taken reports whether all proxies accepted a trial; or some of them, when the others had their time.
func (g *gateway) taken(a *asked) bool {
	states := g.options.Accepted(g.key, a.table)
	accepted := 0
	for _, has := range states {
		if has.Accepted == a.version {
			accepted++
		}
	}
	return accepted > 0 && (a.late || accepted == len(states))
}

// end removes a trial from the proxies.
func (g *gateway) end(name string, change *resource.Change) {
	a := g.trials[name]
	delete(g.trials, name)
	change.Remove = append(change.Remove, a.scope, a.table)
}

// abandon ends the search in a table that is gone.
func (g *gateway) abandon(t *table, change *resource.Change) {
	for name, a := range g.trials {
		if a.of == t {
			g.end(name, change)
		}
	}
}

// watch has trials looked at again whose answers do not come.
func (g *gateway) watch() {
	if g.alarm != nil {
		return
	}
	g.alarm = g.options.Clock.AfterFunc(answerTime, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.alarm = nil
		if g.gone || len(g.trials) == 0 {
			return
		}
		g.look("")
		for _, a := range g.trials {
			a.late = true
		}
		g.watch()
	})
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

// learn takes over what other replicas withhold.
func (g *gateway) learn(rejections []publish.Rejection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	touched := map[string]bool{}
	for _, rejection := range rejections {
		if rejection.Withheld == nil {
			continue
		}
		if _, known := g.withheld[rejection.Withheld.Part]; !known && g.tables[rejection.Resource.Name] != nil {
			g.withheld[rejection.Withheld.Part] = rejection
			touched[rejection.Resource.Name] = true
		}
	}
	var change resource.Change
	for name := range touched {
		t := g.tables[name]
		before := t.published
		if again := g.render(t); again.Version != before {
			t.refusal = nil
			change.Upsert = append(change.Upsert, again)
		}
	}
	if len(touched) > 0 {
		g.pass(change)
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
