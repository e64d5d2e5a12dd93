package sweep

import (
	"encoding/json"
	"fmt"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// Mutation is one value in one field of a valid object.
type Mutation struct {
	// Path is where Value is put.
	Path  Path
	Value any
	// Field is what is tried: Path, or a field inside of Value that the valid object does not have.
	Field Path
	// Tried is the value of Field.
	Tried any
	// lost are the fields inside of Field that the valid object has.
	lost []string
}

func (m Mutation) String() string {
	if _, is := m.Tried.(absent); is {
		return m.Field.String() + " removed"
	}
	text, err := json.Marshal(m.Tried)
	if err != nil {
		text = fmt.Appendf(nil, "%v", m.Tried)
	}
	if len(text) > 120 {
		text = fmt.Appendf(text[:100:100], "... (%d bytes)", len(text))
	}
	return m.Field.String() + " = " + string(text)
}

// Place is where values are tried: a field of a valid object, or of what can be put into it.
type Place struct {
	Field  Path
	schema *structuralschema.Structural
	valid  any
	// graft is a part that the valid object does not have and the field is inside of; nil: the field is one
	// of the object.
	graft *graft
}

type graft struct {
	at    Path
	value any
}

// Mutations are all values that are tried in the place.
func (p Place) Mutations() (made []Mutation) {
	for _, value := range append(values(p.schema, p.valid), absent{}) {
		made = append(made, p.mutation(value))
	}
	return made
}

// mutation puts a value into the place. Inside of a graft, the whole graft is what is put into the object.
func (p Place) mutation(value any) Mutation {
	m := Mutation{Path: p.Field, Value: value, Field: p.Field, Tried: value}
	if fields, is := p.valid.(map[string]any); is {
		m.lost = keysOf(fields)
	}
	if p.graft != nil && len(p.Field) > len(p.graft.at) {
		m.Path, m.Value = p.graft.at, put(copied(p.graft.value), p.Field[len(p.graft.at):], copied(value))
	}
	return m
}

// walker finds the places of an object along its schema.
type walker struct {
	places []Place
	graft  *graft // that the walk is inside of
}

// maxGraft is how deep the walk goes into what the valid object does not have.
const maxGraft = 5

// places returns the places at and below a path of a valid object.
func places(s *Schema, valid map[string]any, below Path) []Place {
	w := &walker{}
	schema, value := s.Structural, any(valid)
	for _, part := range below {
		switch part := part.(type) {
		case string:
			property := schema.Properties[part]
			schema, value = &property, value.(map[string]any)[part]
		case int:
			schema, value = schema.Items, value.([]any)[part]
		}
	}
	w.walk(below, schema, value)
	return w.places
}

func (w *walker) walk(path Path, s *structuralschema.Structural, valid any) {
	w.places = append(w.places, Place{Field: path, schema: s, valid: valid, graft: w.graft})
	switch {
	case len(s.Properties) > 0:
		fields, _ := valid.(map[string]any)
		for _, name := range keysOf(s.Properties) {
			property := s.Properties[name]
			if value, has := fields[name]; has {
				w.walk(path.child(name), &property, value)
			} else {
				w.walkAbsent(path.child(name), &property)
			}
		}
	case s.Items != nil:
		items, _ := valid.([]any)
		for i := range items {
			w.walk(path.child(i), s.Items, items[i])
		}
	case s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil:
		fields, _ := valid.(map[string]any)
		for _, name := range keysOf(fields) {
			w.walk(path.child(name), s.AdditionalProperties.Structural, fields[name])
		}
	}
}

// walkAbsent walks a field that the valid object does not have, in a sample of it.
func (w *walker) walkAbsent(path Path, s *structuralschema.Structural) {
	value := sample(s)
	outer := w.graft
	defer func() { w.graft = outer }()
	switch {
	case outer == nil:
		w.graft = &graft{at: path, value: value}
	case len(path)-len(outer.at) < maxGraft:
		w.graft = &graft{at: outer.at, value: put(copied(outer.value), path[len(outer.at):], copied(value))}
	default:
		return
	}
	w.walk(path, s, value)
}

// apply returns the object with the mutations, which must not be within each other.
func apply(valid map[string]any, mutations ...Mutation) map[string]any {
	object := copied(valid).(map[string]any)
	for _, m := range mutations {
		put(object, m.Path, copied(m.Value))
	}
	return object
}

// apart reports whether both mutations can be in one object.
func apart(a, b Mutation) bool { return !a.Path.within(b.Path) && !b.Path.within(a.Path) }
