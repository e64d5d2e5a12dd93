package plan

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/internal/golden"
)

// What comes out does not depend on the order in which a cache lists objects.
func TestOrderDoesNotMatter(t *testing.T) {
	for _, c := range golden.Load(t, "testdata") {
		world := load(t, c.Input)
		want := Make(world)
		for seed := range uint64(3) {
			dice := rand.New(rand.NewPCG(seed, 0))
			shuffle(dice, world.ScaledObjects)
			shuffle(dice, world.Scalers)
			shuffle(dice, world.TLSRoutes)
			got := Make(world)
			diff := cmp.Diff(objectsText(t, want)+statusesText(t, want)+eventsText(t, want),
				objectsText(t, got)+statusesText(t, got)+eventsText(t, got))
			if diff != "" {
				t.Errorf("%s, seed %d (- in order, + shuffled):\n%s", c.Name, seed, diff)
			}
		}
	}
}

func shuffle[T any](dice *rand.Rand, all []T) {
	dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// A namespace with many triggers, all of it in place.
func BenchmarkMake(b *testing.B) {
	const triggers = 1000
	text := "kind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}"
	for i := range triggers {
		text += fmt.Sprintf("\n---\nkind: ScaledObject\nmetadata: {name: app%04d}\nspec:\n  scaleTargetRef: {name: web}\n"+
			"  triggers: [{type: kedify-http, metadata: {hosts: \"%d.test\", service: web, port: \"80\", scalingMetric: requestRate}}]", i, i)
	}
	world := load(b, []byte(text))
	world = world.with(Make(world))
	var objects []Object
	for b.Loop() {
		objects = Make(world).Objects
	}
	b.ReportMetric(float64(len(objects)), "objects")
}
