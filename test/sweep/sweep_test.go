package sweep

import (
	"flag"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

var (
	long = flag.Bool("long", false, "try every value alone, and many pairs")
	seed = flag.Uint64("seed", 1, "what the choice of values follows from")
	only = flag.String("only", "", "variants to try, such as HTTPRoute/rewrite; empty: all")
)

// The short form, and the long one: more than 10,000 configurations.
var (
	shortForm = Choice{Places: 40, Values: 1, Pairs: 15}
	longForm  = Choice{Places: 10_000, Values: 3, Pairs: 200}
)

// shown is how many findings are printed of each kind of object.
const shown = 20

// TestSweep tries values in every field of every kind that users write.
func TestSweep(t *testing.T) {
	proxytest.Binary(t)
	schemas, variants := prepared(t)
	form := shortForm
	if *long {
		form = longForm
	}
	choice := NewChoice(*seed, schemas, backends(t))
	choice.Places, choice.Values, choice.Pairs = form.Places, form.Values, form.Pairs
	var sum Tally
	for _, v := range variants {
		if v.Kind.generated || !strings.Contains(v.String(), *only) {
			continue
		}
		worlds, unadmitted := choice.Of(v)
		tally := tried(t, schemas, v.String(), worlds)
		tally.Worlds, tally.Unadmitted = tally.Worlds+unadmitted, tally.Unadmitted+unadmitted
		fmt.Printf("sweep %-32s %s\n", v, tally)
		sum.Plus(tally)
	}
	fmt.Printf("sweep %-32s %s\n", "all", sum)
	fmt.Printf("bar: configurations=%d rejected=%d failed=%d\n", sum.Configurations, sum.Rejected, sum.Failed)
}

// tried runs worlds on all processors and then in Envoys, some at a time.
func tried(t *testing.T, schemas Schemas, name string, worlds []*World) (tally Tally) {
	for part := range slices.Chunk(worlds, worldsAtOnce) {
		outcomes := run(part, schemas)
		for i, b := range Batches(outcomes) {
			b.Load(t, fmt.Sprintf("%s/%d-%d", name, part[0].Number, i))
		}
		for _, o := range outcomes {
			tally.Add(o)
			if len(o.Findings) == 0 {
				continue
			}
			if t.Fail(); tally.Failed <= shown {
				t.Logf("seed %d, world %d: %s", *seed, o.World.Number, o)
			}
		}
	}
	return tally
}

// run puts worlds into the engine.
func run(worlds []*World, schemas Schemas) []*Outcome {
	outcomes := make([]*Outcome, len(worlds))
	var running sync.WaitGroup
	processors := runtime.GOMAXPROCS(0)
	for first := range processors {
		running.Go(func() {
			for i := first; i < len(worlds); i += processors {
				outcomes[i] = Run(worlds[i], schemas)
			}
		})
	}
	running.Wait()
	return outcomes
}

// readSchemas are read and compiled once; no test changes them.
var readSchemas = sync.OnceValues(func() (Schemas, error) { return ReadSchemas("../..") })

// prepared reads schemas and variants.
func prepared(t testing.TB) (Schemas, []*Variant) {
	t.Helper()
	schemas, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	pair := fixture.NewPair(t, "tls.test")
	variants, err := ReadVariants("testdata", schemas, Material{Certificate: pair.Certificate, Key: pair.Key, Authority: pair.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	return schemas, variants
}

// backends start the two backends of all worlds.
func backends(t testing.TB) Backends {
	start := func(answer string) int64 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		t.Cleanup(server.Close)
		address, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.ParseInt(address.Port(), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	return Backends{Good: start(goodAnswer), Web: start("web")}
}

// TestVariantsAreGood: without a mutation every object is accepted, and the neighbour is served.
func TestVariantsAreGood(t *testing.T) {
	proxytest.Binary(t)
	schemas, variants := prepared(t)
	choice := NewChoice(1, schemas, backends(t))
	var outcomes []*Outcome
	for _, v := range variants {
		if !v.Kind.generated {
			outcomes = append(outcomes, Run(choice.world(v), schemas))
		}
	}
	for i, b := range Batches(outcomes) {
		b.Load(t, strconv.Itoa(i))
	}
	for _, o := range outcomes {
		refused := o.World.Variant.unsupported()
		if o.Unadmitted != nil || o.Refused != refused || !refused && len(o.Findings) > 0 || !o.Served {
			t.Errorf("%s: unadmitted %v, refused %v, served %v", o, o.Unadmitted, o.Refused, o.Served)
		}
	}
}

// fewValues of a place are tried where the question is not about values.
const fewValues = 12

// some are a few values of a place, the valid one first; all of them in the long form. The others are made when they are
// asked for: some are large.
func (p Place) some() iter.Seq[Mutation] {
	return func(yield func(Mutation) bool) {
		if !*long && !yield(p.mutation(p.valid)) {
			return
		}
		all := p.Mutations()
		step := max(1, len(all)/fewValues)
		if *long {
			step = 1
		}
		for i := 0; i < len(all); i += step {
			if !yield(all[i]) {
				return
			}
		}
	}
}

// TestFieldsAreReached: each field of each schema gets a value that the API server takes, so that none is
// left out because no valid object leads to it.
func TestFieldsAreReached(t *testing.T) {
	schemas, variants := prepared(t)
	reached := map[string]bool{}
	each := func(visit func(v *Variant, place Place, field string)) {
		for _, v := range variants {
			for _, place := range v.Places {
				if field := v.Kind.Name + " " + place.Field.Field(); !reached[field] && !v.Kind.generated {
					visit(v, place, field)
				}
			}
		}
	}
	// What a valid object has, the API server took.
	each(func(_ *Variant, place Place, field string) { reached[field] = place.graft == nil })
	each(func(v *Variant, place Place, field string) {
		for m := range place.some() {
			_, gone := m.Tried.(absent)
			if !gone && m.Tried != nil && schemas[v.Kind.Name].Admit(apply(v.Subject, m)) == nil {
				reached[field] = true
				break
			}
		}
	})
	for _, field := range keysOf(reached) {
		if !reached[field] {
			t.Errorf("%s is not reached: add a valid object to testdata", field)
		}
	}
}

// TestAdmittedObjectsAreRead: what the API server takes, the informers of the controllers can read. One
// object that they cannot ends the list of all objects of its kind, of all tenants, at the next start.
func TestAdmittedObjectsAreRead(t *testing.T) {
	schemas, variants := prepared(t)
	seen := map[string]bool{}
	for _, v := range variants {
		tried := v.Places
		if v.Kind.Name == scaledObject {
			tried = places(schemas[scaledObject], v.Subject, spec)
		}
		for _, place := range tried {
			field := v.Kind.Name + " " + place.Field.Field()
			if seen[field] {
				continue
			}
			for m := range place.some() {
				object := apply(v.Subject, m)
				if err := watch.Read(object, v.Kind.empty()); err != nil && schemas[v.Kind.Name].Admit(object) == nil {
					t.Errorf("%s: %s: %v", v, m, err)
					break
				}
				seen[field] = true
			}
		}
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}
