package isolate

import (
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// learn takes over what other replicas withhold, and ends what they withhold no more.
func (g *gateway) learn(rejections []publish.Rejection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	said, touched := map[string]publish.Rejection{}, map[*table]struct{}{}
	for _, rejection := range rejections {
		t := g.tables[rejection.Resource.Name]
		if rejection.Withheld == nil || t == nil {
			continue
		}
		id := rejection.Withheld.Part
		if _, twice := said[id]; !twice {
			said[id] = rejection
		}
		if form, ok := t.withholds(id); !ok || form != rejection.Withheld.Form {
			touched[t] = struct{}{}
		}
	}
	for t := range g.partial {
		for _, w := range t.withheld {
			if _, still := said[w.Withheld.Part]; !still && g.withheld[w.Withheld.Part].learned {
				touched[t] = struct{}{}
			}
		}
	}
	for id, known := range g.withheld {
		if known.learned {
			if _, still := said[id]; !still {
				delete(g.withheld, id)
			}
		}
	}
	g.take(rejections, said)
	g.renew(touched)
}

// take takes findings over, but for those on parts that a proxy of this replica has.
func (g *gateway) take(rejections []publish.Rejection, said map[string]publish.Rejection) {
	for _, rejection := range rejections {
		if t := g.tables[rejection.Resource.Name]; rejection.Withheld != nil && t != nil {
			if _, ok := t.withholds(rejection.Withheld.Part); !ok && g.has(t.wanted.Key, t.published, "") {
				delete(said, rejection.Withheld.Part)
			}
		}
	}
	for id, rejection := range said {
		if known, ok := g.withheld[id]; !ok || known.learned {
			g.withheld[id] = withheldPart{rejection, true}
		}
	}
}

// renew passes tables on whose withheld parts changed.
func (g *gateway) renew(touched map[*table]struct{}) {
	if len(touched) == 0 {
		return
	}
	var change resource.Change
	g.renderAgain(touched, &change)
	g.pass(change)
}

// renderAgain renders tables whose withheld parts changed.
func (g *gateway) renderAgain(touched map[*table]struct{}, change *resource.Change) {
	for t := range touched {
		before := t.published
		if again := g.render(t); again.Version != before {
			t.refusal = nil
			change.Upsert = append(change.Upsert, again)
		}
	}
}

// has reports whether a connected proxy, other than one, accepted a version of a table.
func (g *gateway) has(key resource.Key, version, other string) bool {
	for node, state := range g.options.Accepted(g.key, key) {
		if node != other && state.Accepted == version {
			return true
		}
	}
	return false
}
