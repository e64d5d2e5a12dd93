package isolate

import (
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// table is one table of routes.
type table struct {
	// wanted is what the engine wants, published the version of what was passed on.
	wanted    resource.Resource
	published string
	// parts of wanted, when they are known.
	parts []resource.Part
	// before is what was wanted when the proxies last refused nothing.
	before resource.Divisible
	// withheld parts of what was passed on.
	withheld []publish.Rejection
	// refusal of what was passed on; nil: none that is known.
	refusal *publish.Rejection
	// search for the cause of a refusal, in a table with parts as it was when the search began; nil: none.
	search   *search
	suspect  publish.Rejection
	searched resource.Divisible
	asked    []resource.Part
	// confirms: the search is among findings whose proxy is gone. recheck: a proxy came or went while a search ran.
	confirms, recheck bool
	// differs: in the search, a proxy took a trial that another refused.
	differs bool
	// unexplained is a version whose search found nothing; dispute is its refusal when that is because proxies differ.
	unexplained string
	dispute     *publish.Rejection
}

// want takes what the engine wants.
func (t *table) want(wanted resource.Resource) {
	if t.wanted.Version != wanted.Version {
		if t.refusal == nil && t.search == nil && t.wanted.Divisible != nil {
			t.before = t.wanted.Divisible
		}
		t.parts, t.refusal, t.dispute = nil, nil, nil
	}
	t.wanted = wanted
}

// divide returns the parts of what is wanted.
func (t *table) divide() (parts []resource.Part, err error) {
	if t.parts == nil {
		t.parts, err = contain.Call(t.wanted.Divisible.Parts)
	}
	return t.parts, err
}

// withholds reports whether a part is not whole in what was passed on.
func (t *table) withholds(id string) (resource.Form, bool) {
	for _, w := range t.withheld {
		if w.Withheld.Part == id {
			return w.Withheld.Form, true
		}
	}
	return resource.Whole, false
}

// common reports whether a search found all parts that forward, of more than one object. What they share is the likely cause then:
// the fields of the Gateway, which are in each of them. No owner is to lose a rule for these.
func (t *table) common(found map[string]finding) bool {
	owners := map[ir.Source]bool{}
	for _, part := range t.asked {
		if _, known := t.search.known[part.ID]; known || !part.Forwards {
			continue
		}
		if v, ok := found[part.ID]; !ok || v.form != resource.Failing {
			return false
		}
		owners[part.Source] = true
	}
	return len(owners) > 1
}

// order returns the parts for a search, and the index of the first that is new.
func (t *table) order(parts []resource.Part) (order []string, fresh int) {
	was := map[string]bool{}
	if t.before != nil {
		if before, err := contain.Call(t.before.Parts); err == nil {
			for _, part := range before {
				was[part.ID] = true
			}
		}
	}
	var added []string
	seen := map[string]bool{}
	for _, part := range parts {
		switch {
		case seen[part.ID]:
		case was[part.ID]:
			order = append(order, part.ID)
		default:
			added = append(added, part.ID)
		}
		seen[part.ID] = true
	}
	return append(order, added...), len(order)
}
