package plan

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

const (
	kindService = "Service"
	kindSlice   = "EndpointSlice"
	kindGrant   = "ReferenceGrant"
	// sliceController is the mark of Kubernetes' own controller.
	sliceController = "endpointslice-controller.k8s.io"
)

// asked reports whether something asks for the Service: a reference, or a user.
func (w *wired) asked() bool {
	if w.inCluster {
		return len(w.scalers) > 0
	}
	if !w.output.Problem.None() {
		return false
	}
	for _, scaler := range w.scalers {
		if scaler.Spec.WiredService && standingOf(scaler) != unserved {
			return true
		}
		if w.named && !never(scaler) {
			return true // in Git by hand
		}
	}
	return slices.ContainsFunc(w.uses, func(u *use) bool { return u.why.none() && len(u.scalers) > 0 })
}

// never reports whether no object is to be rewired for a trigger.
func never(scaler *v1alpha1.HTTPScaler) bool {
	return slices.Equal(scaler.Spec.Autowire, []v1alpha1.AutowireKind{v1alpha1.AutowireNone})
}

// idle reports whether a Service that nothing asks for is not to be: not yet, or not any more.
func (m *maker) idle(w *wired) bool {
	switch {
	case w.inCluster:
		// The slices of a user's Service are its only endpoints. They stay until it has others.
		w.gone = w.live == nil || !w.output.Problem.None() && w.output.Problem.Reason != mirror.ReasonNotFound
		return w.gone
	case !w.exists():
		return true
	case w.named || m.incomplete():
		return false
	}
	start, known := m.Memory.Idle[w.name]
	if !known {
		start = m.Now
	}
	m.plan.Memory.Idle[w.name] = start
	if left := m.Setting.Idle - m.Now.Sub(start); left > 0 {
		m.due(left)
		return false
	}
	w.gone = true
	return true
}

// addGrants repeats ReferenceGrants. While routes may be missing here, those that exist stay as they are.
func (m *maker) addGrants() {
	if m.incomplete() {
		return
	}
	for _, w := range m.sorted {
		if w.output.Service == nil || w.gone {
			continue
		}
		if grant := m.grantFor(w); grant != nil {
			m.plan.Objects = append(m.plan.Objects, grant)
		}
	}
}

// prune finds what the product made and nothing needs, and what competes with what it made.
func (m *maker) prune() {
	kept := map[string]bool{}
	for _, object := range m.plan.Objects {
		kept[fmt.Sprintf("%T %s", object, object.GetName())] = true
	}
	is := func(object metav1.Object) bool { return kept[fmt.Sprintf("%T %s", object, object.GetName())] }
	for _, w := range m.sorted {
		if w.gone && !w.inCluster {
			m.remove(kindService, w.live)
		} else if m.inPlace(w) {
			m.pruneLeftovers(w)
		}
	}
	m.pruneSlices(is)
	for _, grant := range m.Grants {
		w := m.all[grant.Name]
		if ownGrant(grant) && !is(grant) && !m.incomplete() && (w == nil || w.output.Problem.None()) {
			m.remove(kindGrant, grant)
		}
	}
}

// pruneSlices removes slices of this product that are not kept.
func (m *maker) pruneSlices(kept func(metav1.Object) bool) {
	for _, slice := range m.Slices {
		w := m.all[slice.Labels[discoveryv1.LabelServiceName]]
		if mirror.Ours(slice) && !kept(slice) && (w == nil || w.gone || m.inPlace(w)) {
			m.remove(kindSlice, slice)
		}
	}
}

// inPlace reports whether all slices of a Service exist: those that they replace may go then. What cannot
// be rendered now stays as it is.
func (m *maker) inPlace(w *wired) bool {
	return !slices.ContainsFunc(w.output.Slices, func(wanted *discoveryv1.EndpointSlice) bool {
		return !slices.ContainsFunc(w.slices, func(live *discoveryv1.EndpointSlice) bool { return live.Name == wanted.Name })
	}) && len(w.output.Slices) > 0
}

// pruneLeftovers removes what competes with the slices of a Service without a selector.
func (m *maker) pruneLeftovers(w *wired) {
	for _, leftover := range w.output.Leftovers {
		m.remove(leftover.Kind, leftover.Object)
		m.plan.Events = append(m.plan.Events, Event{
			About: w.live, Type: corev1.EventTypeNormal, Reason: ReasonLeftover,
			Note: fmt.Sprintf("Deleting %s %s: %s.", leftover.Kind, keyText(leftover.Object), leftover.Note),
		})
	}
	if w.output.Service == nil || len(w.output.Service.Spec.Selector) > 0 {
		return
	}
	for _, slice := range w.slices { // from when the proxies ran in this namespace
		if slice.Labels[discoveryv1.LabelManagedBy] == sliceController {
			m.remove(kindSlice, slice)
		}
	}
}

func (m *maker) remove(kind string, object metav1.Object) {
	m.plan.Deletions = append(m.plan.Deletions, Deletion{Kind: kind, Object: object})
}

func byTime(a, b time.Time) int { return a.Compare(b) }
