package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring/foreign"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// use is a reference of a foreign object to a backend of a trigger, or to what is wired for it.
type use struct {
	object *unstructured.Unstructured
	// text names the object.
	text  string
	kind  v1alpha1.AutowireKind
	ref   foreign.Reference
	wired *wired
	// leads: the reference names the wired Service.
	leads bool
	// byHand: the user wrote that name.
	byHand bool
	// abroad: the object is of another namespace, whose owner must not decide what the status of an
	// application is.
	abroad bool

	// scalers whose triggers match requests of the reference; none: it is not to lead to the proxies.
	scalers []*v1alpha1.HTTPScaler
	// unmatched says which requests get 404 although the reference leads to the proxies; empty: none.
	unmatched string
	// why the reference is not to lead to the proxies; none: it is.
	why reason
	// waits: not now, but later.
	waits bool
}

// read finds the uses. Order of objects and of references in them stays.
func (m *maker) read() {
	for _, object := range m.Foreign {
		if !m.attempt(describe(object), object, func() { m.readObject(object) }) {
			m.leave(object)
		}
	}
}

func (m *maker) readObject(object *unstructured.Unstructured) {
	kind, known := kindOf(object)
	if !known || ownRoute(object) {
		return
	}
	served, rewritten := m.servedBy(object), m.rewrittenIn(object)
	for _, ref := range foreign.References(object) {
		w, leads := m.target(ref.Target)
		switch {
		case w == nil:
			m.pass(object, served, ref)
			continue
		case !m.permitted(object, w, leads):
			continue
		}
		w.named = w.named || leads
		u := &use{object: object, text: describe(object), kind: kind, ref: ref, wired: w, leads: leads}
		u.abroad, u.byHand = object.GetNamespace() != m.Namespace, leads && !rewritten[w.name]
		if object.GetDeletionTimestamp() == nil && served.concern(u) {
			m.use(u, served)
		}
	}
}

// ownRoute reports whether the product made an object: of the kinds that it reads here it makes routes of the
// Gateway API. The label alone, on an object that the product rewrote, is its owner's.
func ownRoute(object *unstructured.Unstructured) bool {
	_, rewritten := object.GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]
	return v1alpha1.Managed(object) && asksForGrants(object) && !rewritten
}

// use adds a use.
func (m *maker) use(u *use, served servers) {
	if served.here {
		u.why = because(ReasonMixed,
			"%s has parents of this product and of others; split it, so that the part for the others can be changed.", u.text)
	} else {
		u.why = m.secured(u)
	}
	u.ref.TLS = u.ref.TLS || u.wired.annotatedTLS(u)
	u.wired.uses = append(u.wired.uses, u)
	if m.usesOf[u.object] == nil {
		m.usesOf[u.object] = map[string]*use{}
	}
	m.usesOf[u.object][u.ref.Pointer] = u
}

// pass notes a reference that leads, past the proxies, to a Service that a trigger shares requests
// with.
func (m *maker) pass(object *unstructured.Unstructured, served servers, ref foreign.Reference) {
	if ref.Target.Pool || ref.Target.Key.Namespace != m.Namespace || object.GetNamespace() != m.Namespace || !served.elsewhere ||
		object.GetDeletionTimestamp() != nil {
		return
	}
	for _, scaler := range m.scalers {
		if slices.ContainsFunc(scaler.Spec.Backend.Weighted, func(w v1alpha1.HTTPScalerWeight) bool { return w.Service == ref.Target.Key.Name }) {
			m.passing[scaler.Name] = append(m.passing[scaler.Name], because(ReasonUnsupported,
				"%s leads to Service %s, one of several that the trigger shares requests among; have it lead to Service %s/%s.",
				describe(object), ref.Target.Key, m.Namespace, scaler.Spec.Backend.Service))
		}
	}
}

// rewrittenIn returns the wired Services of the namespace that an object's annotation has originals of.
func (m *maker) rewrittenIn(object *unstructured.Unstructured) map[string]bool {
	found := map[string]bool{}
	for _, name := range foreign.Wired(object) {
		if name.Namespace == m.Namespace {
			found[name.Name] = true
		}
	}
	return found
}

// target finds what a reference leads to, or would if it were rewritten.
func (m *maker) target(to foreign.Target) (w *wired, leads bool) {
	if to.Key.Namespace != m.Namespace || to.Key.Name == "" {
		return nil, false
	}
	if !to.Pool {
		if w := m.all[to.Key.Name]; w != nil && !w.inCluster {
			return w, true
		}
	}
	w = m.all[mirror.Name(to.Key.Name, to.Pool)]
	if w == nil || w.inCluster || w.original != to.Key.Name || w.ofPool != to.Pool {
		return nil, false
	}
	return w, false
}

func kindOf(object *unstructured.Unstructured) (v1alpha1.AutowireKind, bool) {
	group := object.GroupVersionKind().GroupKind()
	for _, kind := range foreign.Kinds() {
		if kind.GVK.GroupKind() == group {
			return kind.Autowire, true
		}
	}
	return "", false
}

func describe(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}.String()
}
