package engine

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
)

// faultKey identifies a value that could not be rendered.
type faultKey struct {
	gateway types.NamespacedName
	name    string
}

// fault reports whether err is set, and tells the objects that caused it. resolve catches bad
// input, so a fault is a mistake of ours; the user must hear of it all the same.
func (m *Model) fault(key faultKey, sources []ir.Source, err error) bool {
	before, had := m.faults[key]
	if err == nil && !had {
		return false
	}
	if err == nil {
		delete(m.faults, key)
		m.touchRejected(before.Sources)
		return false
	}
	m.faults[key] = Rejection{Sources: sources, Message: err.Error()}
	m.touchRejected(before.Sources)
	m.touchRejected(sources)
	if !had || before.Message != err.Error() {
		source := gatewaySource(key.gateway)
		source.Section = key.name
		if len(sources) > 0 {
			source = sources[0]
		}
		m.output.Fault(source, err)
	}
	return true
}

func (m *Model) touchRejected(sources []ir.Source) {
	for _, source := range sources {
		m.graph.touch(rejectedDep(source))
	}
}
