package sweep

import "math/rand/v2"

// Choice picks what is tried. The same seed picks the same.
type Choice struct {
	// Places and Values bound the places of a variant where values are tried, and the values in each that
	// the API server takes; Pairs bounds the pairs of them.
	Places, Values, Pairs int

	random   *rand.Rand
	schemas  Schemas
	number   int
	backends Backends
}

// tries is how many values are offered to the API server for one that it is to take.
const tries = 6

// NewChoice returns a Choice of a seed.
func NewChoice(seed uint64, schemas Schemas, backends Backends) *Choice {
	return &Choice{random: rand.New(rand.NewPCG(seed, 14)), schemas: schemas, backends: backends}
}

// Of returns worlds with one and with two mutations of a variant, and how many values the API server
// refused on the way.
func (c *Choice) Of(v *Variant) (worlds []*World, unadmitted int) {
	var admitted []Mutation
	for i, at := range c.random.Perm(len(v.Places)) {
		if i >= c.Places {
			break
		}
		taken, refused := c.in(v, v.Places[at])
		admitted = append(admitted, taken...)
		unadmitted += refused
	}
	for _, m := range admitted {
		worlds = append(worlds, c.world(v, m))
	}
	return append(worlds, c.paired(v, admitted)...), unadmitted
}

// in returns values that the API server takes in one place.
func (c *Choice) in(v *Variant, place Place) (admitted []Mutation, refused int) {
	all := place.Mutations()
	for i, at := range c.random.Perm(len(all)) {
		if len(admitted) >= c.Values || i >= tries*c.Values {
			break
		}
		if c.schemas[v.Kind.Name].Admit(apply(v.Subject, all[at])) == nil {
			admitted = append(admitted, all[at])
		} else {
			refused++
		}
	}
	return admitted, refused
}

// paired are worlds with two of the mutations each.
func (c *Choice) paired(v *Variant, admitted []Mutation) (worlds []*World) {
	for tried := 0; len(admitted) > 1 && len(worlds) < c.Pairs && tried < 2*c.Pairs; tried++ {
		a, b := admitted[c.random.IntN(len(admitted))], admitted[c.random.IntN(len(admitted))]
		if apart(a, b) {
			worlds = append(worlds, c.world(v, a, b))
		}
	}
	return worlds
}

func (c *Choice) world(v *Variant, mutations ...Mutation) *World {
	c.number++
	return &World{Number: c.number, Variant: v, Mutations: mutations, Backends: c.backends}
}
