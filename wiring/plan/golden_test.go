package plan

import (
	"testing"

	"github.com/kedify/inference-gateway/internal/golden"
)

// TestGolden shows what foreign objects of each kind become: the first plan, the plan that rewrites, and
// where it ends.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		cluster := newCluster(t, string(c.Input))
		cluster.endpoints()
		sections := []golden.Section{{Name: "First", Body: summary(t, Make(cluster.world()))}}
		rewrites := ""
		last := cluster.converge(func(p Plan) {
			for _, patch := range p.Rewrites {
				rewrites += "- " + describe(patch.Object) + ": " + textOf(t, patch.Operations) + "\n"
			}
		})
		return append(sections, golden.Section{Name: "Rewrites", Body: rewrites}, golden.Section{Name: "Settled", Body: summary(t, last)})
	})
}
