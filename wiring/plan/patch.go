package plan

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// patch makes the patches of foreign objects. One that is to be restored is rewritten, if at all, when
// that is done: a patch is for one version of an object.
func (m *maker) patch() {
	for _, object := range m.Foreign {
		if object.GetDeletionTimestamp() == nil {
			m.attempt(describe(object), object, func() { m.patchObject(object) })
		}
	}
}

func (m *maker) patchObject(object *unstructured.Unstructured) {
	if ownRoute(object) || m.stuck(object) {
		return
	}
	uses := m.usesOf[object]
	if patch, needed := m.restore(object); needed {
		m.plan.Restores = append(m.plan.Restores, patch)
		for _, u := range uses {
			m.wait(u, "the object is put back first")
			m.refuseRestore(u)
		}
		return
	}
	m.rewrite(object, uses)
}

// restore puts back what is not to lead to the proxies any more. Backends of other namespaces are in
// the plans of those.
func (m *maker) restore(object *unstructured.Unstructured) (Patch, bool) {
	var restored []string
	operations := foreign.Restore(object, func(name types.NamespacedName) bool {
		if name.Namespace != m.Namespace || m.stays(object, m.all[name.Name]) {
			return true
		}
		restored = append(restored, name.Name)
		return false
	})
	if len(operations) == 0 {
		return Patch{}, false
	}
	slices.Sort(restored)
	return Patch{object, operations, Event{
		About: object, Type: corev1.EventTypeNormal, Reason: ReasonRestored,
		Note: "Backends that led to " + strings.Join(restored, ", ") + " lead to the originals again.",
	}}, true
}

// stays reports whether what an object's annotation says of a wired Service is to stay.
func (m *maker) stays(object *unstructured.Unstructured, w *wired) bool {
	switch {
	case w == nil || w.inCluster || len(w.scalers) == 0: // the triggers are gone
		return false
	case !w.output.Problem.None() && w.output.Problem.Reason != mirror.ReasonNotFound:
		return false
	case m.Path == v1alpha1.PathDirect:
		return true
	}
	leads := false
	for _, u := range w.uses {
		if u.object == object && u.leads {
			if !u.why.none() && u.why.name != mirror.ReasonNotFound {
				return false // others of this name are rewritten again afterwards
			}
			leads = true
		}
	}
	return leads
}

// rewrite points the references of an object at wired Services, if that can be done now.
func (m *maker) rewrite(object *unstructured.Unstructured, uses map[string]*use) {
	var ready []*use
	for _, u := range uses {
		if u.leads || !u.why.none() || len(u.scalers) == 0 {
			continue
		}
		if hindrance := m.hindrance(u); hindrance != "" {
			m.wait(u, hindrance)
		} else {
			ready = append(ready, u)
		}
	}
	if len(ready) == 0 || m.limited(object, ready) {
		return
	}
	var names []string
	operations := foreign.Rewrite(object, func(ref foreign.Reference) string {
		u := uses[ref.Pointer]
		if u == nil || !slices.Contains(ready, u) {
			return ""
		}
		names = append(names, u.wired.name)
		return u.wired.name
	})
	for _, u := range ready {
		m.wait(u, "it is being changed")
		m.refuseRewrite(u)
	}
	if len(operations) == 0 {
		return
	}
	slices.Sort(names)
	event := Event{
		About: object, Type: corev1.EventTypeNormal, Reason: ReasonRewired,
		Note: "Backends lead to the proxies through " + strings.Join(slices.Compact(names), ", ") +
			"; annotation " + v1alpha1.OriginalBackendsAnnotation + " has the originals.",
	}
	if lost := unmatched(ready); len(lost) > 0 {
		event.Type, event.Reason, event.Note = corev1.EventTypeWarning, ReasonUnmatched, event.Note+" "+strings.Join(lost, " ")
	}
	m.plan.Rewrites = append(m.plan.Rewrites, Patch{object, operations, event})
}

// hindrance is what a rewrite waits for; empty: nothing.
func (m *maker) hindrance(u *use) string {
	w := u.wired
	number, _ := w.portFor(u)
	waits := u.waitsFor()
	switch {
	case waits != "":
		return waits
	case w.broken:
		return "the wiring failed at Service " + w.name + ", see its log"
	case m.Path != v1alpha1.PathProxy:
		return "the proxies or the controllers are not ready"
	case !w.output.Problem.None():
		return w.output.Problem.Message
	case w.path != mirror.Proxy, !w.entered(number):
		return "Service " + w.name + " has to have a ready endpoint of a proxy"
	case !m.reachable(u):
		return "ReferenceGrant " + w.name + " has to exist"
	case m.settles(w):
		return "Service " + w.name + " has a ready endpoint for less than " + m.Settle.String() + ", and consumers have to see it first"
	}
	return ""
}

// settles reports whether consumers may not yet know the wired Service.
func (m *maker) settles(w *wired) bool {
	left := m.Settle - m.Now.Sub(m.plan.Memory.Entered[w.name])
	if left <= 0 {
		return false
	}
	m.due(left)
	return true
}

// waitsFor is what the triggers lack; empty: those that lack nothing match all requests.
func (u *use) waitsFor() string {
	var ready []*v1alpha1.HTTPScaler
	lack := ""
	for _, scaler := range u.scalers {
		switch {
		case standingOf(scaler) != served:
			lack = "the trigger has to be accepted"
		case meta.IsStatusConditionFalse(scaler.Status.Conditions, conditionResolvedRefs): // without its Secret a port is closed
			lack = "what the trigger names has to exist, see condition " + conditionResolvedRefs
		default:
			ready = append(ready, scaler)
		}
	}
	if len(ready) > 0 && uncovered(u.hosts(u.scalers), u.ref.Paths, ready).none() {
		return ""
	}
	return lack
}

// reachable reports whether the rewritten reference is permitted.
func (m *maker) reachable(u *use) bool {
	if !u.abroad || !asksForGrants(u.object) {
		return true
	}
	return m.granted(fromOf(u.object), m.toWired(u.wired), anyGrant)
}

func (m *maker) wait(u *use, what string) {
	if u.why.none() && !u.leads && len(u.scalers) > 0 {
		u.why, u.waits = because(ReasonWaiting, "%s is not rewired yet: %s.", u.text, strings.TrimSuffix(what, ".")), true
	}
}

// refuseRewrite says that the API server refuses what a reference waits for.
func (m *maker) refuseRewrite(u *use) {
	if why := m.Refused[u.text]; why != "" && u.waits {
		u.why, u.waits = because(ReasonRefused, "%s is not rewired, because the API server refuses the change: %s.",
			u.text, strings.TrimSuffix(why, ".")), false
	}
}

// refuseRestore adds to why a reference is not to lead to the proxies that it still does.
func (m *maker) refuseRestore(u *use) {
	if why := m.Refused[u.text]; why != "" && u.leads && !u.why.none() {
		u.why.text += " It still leads to the proxies, because the API server refuses the change: " + strings.TrimSuffix(why, ".") + "."
	}
}

// refusedService is why a wired Service is not as it should be; none: the API server refuses nothing of it.
func (m *maker) refusedService(w *wired) reason {
	name := m.Namespace + "/" + w.name
	if why := m.Refused[kindService+" "+name]; why != "" {
		return because(ReasonRefused, "Service %s is not as it should be, because the API server refuses the change: %s.",
			name, strings.TrimSuffix(why, "."))
	}
	return reason{}
}

// limited stops rewriting an object that another writer points back each time.
func (m *maker) limited(object *unstructured.Unstructured, uses []*use) bool {
	recent := since(m.Memory.Rewrites[IdentityOf(object)], m.Now.Add(-m.RewritePeriod))
	if len(recent) < m.MaxRewrites {
		return false
	}
	again := slices.MinFunc(recent, byTime).Add(m.RewritePeriod)
	m.due(again.Sub(m.Now))
	for _, u := range uses {
		u.why = because(ReasonLimited,
			"%s was rewired %d times within %s, and another writer pointed it back each time. It is left alone until %s; "+
				"have that writer ignore the backend's name, or write Service %s there.",
			u.text, len(recent), m.RewritePeriod, again.UTC().Format("15:04 MST"), u.wired.name)
	}
	return true
}
