package engine

import (
	"slices"

	"github.com/kedify/inference-gateway/xds/ir"
)

// RenderFailure is a unit that could not be computed. It is an error of the control plane, not
// of the user: package resolve reports invalid input. It ends with the next success, or with
// the unit.
type RenderFailure struct {
	// Unit that failed.
	Unit string
	// Sources are the objects whose statuses report the failure.
	Sources []ir.Source
	Err     error
	// Kept says that the unit had a result before, which stays in force.
	Kept bool
}

// failedStep reports a panic outside of all units.
func (m *Model) failedStep(step string, err error) {
	m.output.RenderFailed(&RenderFailure{Unit: step, Err: err, Kept: true})
}

// failures finds the failures of now by the object that they are reported on.
type failures struct {
	graph    *graph
	output   Output
	bySource map[ir.Source][]*RenderFailure // keys without a section
}

func newFailures(g *graph, output Output) *failures {
	return &failures{graph: g, output: output, bySource: map[ir.Source][]*RenderFailure{}}
}

// replace replaces one failure of a unit by the next; nil is none. The output hears of each error
// once.
func (f *failures) replace(before, next *RenderFailure) {
	if before != nil {
		for _, source := range objectsOf(before.Sources) {
			left := slices.DeleteFunc(f.bySource[source], func(other *RenderFailure) bool { return other == before })
			if f.bySource[source] = left; len(left) == 0 {
				delete(f.bySource, source)
			}
			f.graph.touch(rejectedOf(source))
		}
	}
	if next == nil {
		return
	}
	for _, source := range objectsOf(next.Sources) {
		f.bySource[source] = append(f.bySource[source], next)
		f.graph.touch(rejectedOf(source))
	}
	if before == nil || before.Err.Error() != next.Err.Error() {
		f.output.RenderFailed(next)
	}
}

// objectsOf returns the objects of sources, each once.
func objectsOf(sources []ir.Source) (objects []ir.Source) {
	for _, source := range sources {
		source.Section = ""
		if !slices.Contains(objects, source) {
			objects = append(objects, source)
		}
	}
	return objects
}
