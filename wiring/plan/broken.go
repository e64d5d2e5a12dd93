package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// A panic about one object is a fault of the product, and that of this object alone: it stays as it is, and all others
// get what they should have. Some foreign objects are of other namespaces, whose owners must not decide what becomes of an
// application.

// Failure is something that could not be planned.
type Failure struct {
	// About names it.
	About string
	// Err is a *contain.Panic.
	Err error
}

// attempt runs a step of the plan that is about one object, and reports whether it returned. What a step that panicked
// had added is taken back.
func (m *maker) attempt(about string, object Object, step func()) bool {
	before := m.plan
	err := contain.Do(step)
	if err == nil {
		return true
	}
	before.Again = m.plan.Again
	m.plan = before
	m.plan.Failures = append(m.plan.Failures, Failure{about, err})
	if object != nil {
		m.plan.Events = append(m.plan.Events, Event{About: object, Type: corev1.EventTypeWarning, Reason: ReasonFailed, Note: fmt.Sprintf(
			"The wiring failed at %s (%v), which is a fault of its own. It stays as it is. The log has the place; please report it.", about, err)})
	}
	return false
}

// leave has a foreign object stay as it is. What it leads to is not known then.
func (m *maker) leave(object *unstructured.Unstructured) {
	m.left[object] = true
	delete(m.usesOf, object)
	for _, w := range m.all {
		w.uses = slices.DeleteFunc(w.uses, func(u *use) bool { return u.object == object })
	}
}

// keepWired has a wired Service stay as it is, but for the path that the namespace has.
func (m *maker) keepWired(w *wired) {
	w.broken, w.gone, w.output = true, false, mirror.Output{}
	w.path = mirror.PathOf(w.slices)
	m.attempt("slices of Service "+w.name, nil, func() {
		w.awake = slices.ContainsFunc(w.slices, ofReadyApplication)
		m.keepSlices(w)
	})
}

// incomplete reports whether there may be uses that this plan does not know.
func (m *maker) incomplete() bool { return m.ForeignUnknown || len(m.left) > 0 }

// failures are the objects of the namespace that may lead anywhere. Those of others say nothing about its applications.
func (m *maker) failures() (reasons []reason) {
	for object := range m.left {
		if object.GetNamespace() == m.Namespace {
			reasons = append(reasons, because(ReasonFailed, "The wiring failed at %s, and does not know where it leads.", describe(object)))
		}
	}
	return reasons
}

// stuck reports whether an object stays as it is because of a panic about it, or about what it leads to.
func (m *maker) stuck(object *unstructured.Unstructured) bool {
	if m.left[object] {
		return true
	}
	for name := range m.rewrittenIn(object) {
		if w := m.all[name]; w != nil && w.broken {
			return true
		}
	}
	return false
}

// owner is the HTTPScaler that has events about a wired Service; nil: none.
func (w *wired) owner() Object {
	if len(w.scalers) == 0 {
		return nil
	}
	return w.scalers[0]
}
