package wiring

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

// leading is what leads to a wired Service.
type leading struct {
	// user is an object for which the Service stays; empty: there is none.
	user string
	// stranger is one for which it does not, and strangers is how many references such objects have.
	stranger  string
	strangers int
}

// leadingTo finds what leads to Services.
func (u *Unwiring) leadingTo(ctx context.Context, services map[types.NamespacedName]bool) (map[types.NamespacedName]leading, error) {
	grants, err := u.grants(ctx)
	if err != nil {
		return nil, err
	}
	found := map[types.NamespacedName]leading{}
	err = u.eachForeign(ctx, "", func(object *unstructured.Unstructured) error {
		for _, reference := range foreign.References(object) {
			key := reference.Target.Key
			if reference.Target.Pool || !services[key] {
				continue
			}
			leads := found[key]
			if mayLead(object, key, grants) {
				leads.user = describe(object)
			} else {
				leads.stranger, leads.strangers = describe(object), leads.strangers+1
			}
			found[key] = leads
		}
		return nil
	})
	return found, err
}

// mayLead reports whether a wired Service stays for an object that names it. Otherwise any tenant could keep the
// product from being removed: an object of another namespace needs a ReferenceGrant, or, of a kind of Istio, which
// knows none, to be one that the product rewrote.
func mayLead(object *unstructured.Unstructured, service types.NamespacedName, grants []gwv1.ReferenceGrant) bool {
	kind := object.GroupVersionKind()
	switch {
	case object.GetNamespace() == service.Namespace:
		return true
	case kind.Group != gwv1.GroupName:
		return slices.Contains(foreign.Wired(object), service)
	}
	from := grant.From{Group: kind.Group, Kind: kind.Kind, Namespace: object.GetNamespace()}
	to := grant.To{Kind: kindService, Namespace: service.Namespace, Name: service.Name}
	return slices.ContainsFunc(grants, func(g gwv1.ReferenceGrant) bool { return grant.Fits(&g, from, to) })
}

// grants are the ReferenceGrants for Services that are unwired.
func (u *Unwiring) grants(ctx context.Context) ([]gwv1.ReferenceGrant, error) {
	if !u.servesGrants() {
		return nil, nil
	}
	list := &gwv1.ReferenceGrantList{}
	if err := u.Client.List(ctx, list, client.InNamespace(u.Namespace)); err != nil {
		return nil, fmt.Errorf("list ReferenceGrants: %w", err)
	}
	return list.Items, nil
}

func (u *Unwiring) servesGrants() bool {
	grants := schema.GroupKind{Group: gwv1.GroupName, Kind: kindReferenceGrant}
	_, err := u.Mapper.RESTMapping(grants, gwv1.GroupVersion.Version)
	return err == nil
}
