package plan

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
)

// permitted reports whether a user lets an object refer to an original, or to the wired Service that it
// names. Only routes of the Gateway API ask for that.
func (m *maker) permitted(object *unstructured.Unstructured, w *wired, leads bool) bool {
	if object.GetNamespace() == m.Namespace || !asksForGrants(object) {
		return true
	}
	to := grant.To{Kind: kindService, Namespace: m.Namespace, Name: w.original}
	if w.ofPool {
		to.Group, to.Kind = inferencev1.GroupName, "InferencePool"
	}
	from := fromOf(object)
	return m.granted(from, to, usersGrant) || leads && m.granted(from, m.toWired(w), usersGrant)
}

// asksForGrants: Istio knows no grants, and the other kinds lead to Services of their namespace alone.
func asksForGrants(object *unstructured.Unstructured) bool {
	return object.GroupVersionKind().Group == gwv1.GroupName
}

// granted reports whether one of some grants permits a reference.
func (m *maker) granted(from grant.From, to grant.To, counts func(*gwv1.ReferenceGrant) bool) bool {
	return slices.ContainsFunc(m.Grants, func(g *gwv1.ReferenceGrant) bool { return counts(g) && grant.Fits(g, from, to) })
}

func fromOf(object *unstructured.Unstructured) grant.From {
	gvk := object.GroupVersionKind()
	return grant.From{Group: gvk.Group, Kind: gvk.Kind, Namespace: object.GetNamespace()}
}

// ownGrant reports whether the product repeated a grant for a wired Service.
func ownGrant(g *gwv1.ReferenceGrant) bool {
	return v1alpha1.Managed(g) && g.Annotations[v1alpha1.WiresAnnotation] != ""
}

func usersGrant(g *gwv1.ReferenceGrant) bool { return !ownGrant(g) }

func anyGrant(*gwv1.ReferenceGrant) bool { return true }

// toWired is the reference that a rewritten object has.
func (m *maker) toWired(w *wired) grant.To {
	return grant.To{Kind: kindService, Namespace: m.Namespace, Name: w.name}
}

// grantFor repeats, for a wired Service, what users permit for its original; nil: nothing is to be
// repeated.
func (m *maker) grantFor(w *wired) *gwv1.ReferenceGrant {
	var from []gwv1.ReferenceGrantFrom
	for _, u := range w.uses {
		wanted := fromOf(u.object)
		entry := gwv1.ReferenceGrantFrom{
			Group: gwv1.Group(wanted.Group), Kind: gwv1.Kind(wanted.Kind), Namespace: gwv1.Namespace(wanted.Namespace),
		}
		if !u.abroad || !asksForGrants(u.object) || slices.Contains(from, entry) ||
			m.granted(wanted, m.toWired(w), usersGrant) {
			continue
		}
		from = append(from, entry)
	}
	if len(from) == 0 {
		return nil
	}
	slices.SortFunc(from, func(a, b gwv1.ReferenceGrantFrom) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind))
	})
	return &gwv1.ReferenceGrant{
		TypeMeta: metav1.TypeMeta{APIVersion: gwv1.GroupVersion.String(), Kind: "ReferenceGrant"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Namespace, Name: w.name, Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
			Annotations: map[string]string{v1alpha1.WiresAnnotation: w.original},
		},
		Spec: gwv1.ReferenceGrantSpec{
			From: from, To: []gwv1.ReferenceGrantTo{{Kind: "Service", Name: ptr.To(gwv1.ObjectName(w.name))}},
		},
	}
}
