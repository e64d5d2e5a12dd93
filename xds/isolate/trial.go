package isolate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// asked is a trial under way.
type asked struct {
	of      *table
	number  int
	scope   resource.Key
	table   resource.Key
	version string
	// begun is when proxies could first answer.
	begun time.Time
	// refused by the first proxy that did; nil: by none.
	refused *publish.Rejection
	// mute proxies refuse the scope, so they will not answer.
	mute map[string]bool
}

// answer is what the proxies say of a trial.
type answer int

const (
	open answer = iota
	taken
	refused
	never // will be answered
)

// ask begins a trial.
func (g *gateway) ask(t *table, number int, next trial, change *resource.Change) error {
	g.serial++
	type rendered struct{ scope, table resource.Resource }
	made, err := contain.Call(func() (r rendered, err error) {
		r.scope, r.table, err = t.searched.Trial(strconv.Itoa(g.serial), next.forms)
		return r, err
	})
	if err != nil {
		return err
	}
	made.table.ReportACKs = true
	change.Upsert = append(change.Upsert, made.scope, made.table)
	g.trials[made.table.Name] = &asked{
		of: t, number: number, scope: made.scope.Key, table: made.table.Key, version: made.table.Version,
		begun: g.options.Clock.Now(), mute: map[string]bool{},
	}
	return nil
}

// accepted looks at trials that proxies may have accepted: one, or all when a proxy came or, with gone, went.
func (g *gateway) accepted(key resource.Key, gone bool) {
	if key.Name != "" && !strings.HasPrefix(key.Name, resource.TrialPrefix) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var change resource.Change
	g.look(key.Name, &change)
	if gone {
		g.reopen(&change)
	}
	if key.Name == "" {
		g.confirm(true, &change)
	}
	if !change.Empty() {
		g.pass(change)
	}
}

// look concludes the trials that are answered; an empty name is all of them.
func (g *gateway) look(name string, change *resource.Change) {
	for each, a := range g.trials {
		if name != "" && each != name {
			continue
		}
		switch g.answer(a) {
		case open:
			continue
		case taken:
			a.of.differs = a.of.differs || a.refused != nil
			a.of.search.accept(a.number)
		case refused:
			a.of.suspect.Node = cmp.Or(a.of.suspect.Node, a.refused.Node)
			a.of.search.refuse(a.number, a.refused.Message)
		case never:
			g.options.Log.Error(nil, "A search for a refused rule ends, because no proxy answers its trials",
				"gateway", g.key.String(), "table", a.of.wanted.Name)
			a.of.search.end()
		}
		g.end(each, change)
		g.progress(a.of, change)
	}
}

// answer decides when all proxies answered, or some, and the others had their time. A trial that one proxy takes and another
// refuses is taken: it is the proxies that differ, and no rule is to be withheld from one that has it.
func (g *gateway) answer(a *asked) answer {
	accepted, waits, age := 0, 0, g.options.Clock.Now().Sub(a.begun)
	states := g.options.Accepted(g.key, a.table)
	for node, has := range states {
		switch {
		case has.Accepted == a.version:
			accepted++
		case a.mute[node]:
		case a.refused == nil, slices.Contains(has.Pending, a.version):
			waits++ // what is refused is sent to no other proxy
		}
	}
	switch {
	case accepted > 0 && a.refused != nil:
		return taken
	case waits > 0 && age < answerTime:
		return open
	case a.refused != nil:
		return refused
	case accepted > 0:
		return taken
	case len(states) == 0:
		a.begun = g.options.Clock.Now()
		return open
	case waits == 0 || age >= searchTime:
		return never
	}
	return open
}

// end removes a trial from the proxies.
func (g *gateway) end(name string, change *resource.Change) {
	a := g.trials[name]
	if a == nil {
		return // with its search
	}
	delete(g.trials, name)
	change.Remove = append(change.Remove, a.scope, a.table)
}

// abandon ends the trials of a table.
func (g *gateway) abandon(t *table, change *resource.Change) {
	for name, a := range g.trials {
		if a.of == t {
			g.end(name, change)
		}
	}
}

// watch has trials looked at again whose answers do not come.
func (g *gateway) watch() {
	if g.alarm == nil {
		g.alarm = g.options.Clock.AfterFunc(answerTime, func() {
			if err := contain.Do(g.tick); err != nil {
				contain.Log(g.options.Log, err, "Trials were not looked at", "gateway", g.key.String())
			}
		})
	}
}

func (g *gateway) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.alarm = nil
	if g.gone || len(g.trials) == 0 {
		return
	}
	g.watch()
	var change resource.Change
	g.look("", &change)
	if !change.Empty() {
		g.pass(change)
	}
}
