package isolate

import (
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
	// search for its cause, in a table as it was when the search began; nil: none.
	search   *search
	searched resource.Divisible
	names    map[string]resource.Part
	// unexplained is a version whose search found nothing.
	unexplained string
}

// want takes what the engine wants.
func (t *table) want(wanted resource.Resource) {
	if t.wanted.Version != wanted.Version {
		if t.refusal == nil && t.search == nil && t.wanted.Divisible != nil {
			t.before = t.wanted.Divisible
		}
		t.parts, t.refusal = nil, nil
	}
	t.wanted = wanted
}

// divide returns the parts of what is wanted.
func (t *table) divide() ([]resource.Part, error) {
	if t.parts != nil {
		return t.parts, nil
	}
	var err error
	t.parts, err = t.wanted.Divisible.Parts()
	return t.parts, err
}

// order returns the parts for a search, and the index of the first that is new.
func (t *table) order(parts []resource.Part) (order []string, fresh int) {
	was := map[string]bool{}
	if t.before != nil {
		if before, err := t.before.Parts(); err == nil {
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
