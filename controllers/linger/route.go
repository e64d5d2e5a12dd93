package linger

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// routes reports whether objects of a kind are generated routes.
func routes(kind store.Kind) bool { return kind == store.HTTPRoute || kind == store.TLSRoute }

// scalerOf is the HTTPScaler of a generated object; an empty key: objects of its kind have none.
func scalerOf(it item) types.NamespacedName {
	switch {
	case it.kind == store.HTTPScaler:
		return it.key
	case routes(it.kind):
		return plan.ScalerOfRoute(it.key)
	}
	return types.NamespacedName{}
}

// keep returns a route that serves what it does now and what it did before; nil: it serves that anyhow. New
// rules come first: where both match, the change is in force.
func keep(before, now client.Object) client.Object {
	switch now := now.(type) {
	case *gwv1.HTTPRoute:
		before := before.(*gwv1.HTTPRoute)
		hosts, rules := union(now.Spec.Hostnames, before.Spec.Hostnames, true), union(now.Spec.Rules, before.Spec.Rules, false)
		if len(hosts) == len(now.Spec.Hostnames) && len(rules) == len(now.Spec.Rules) {
			return nil
		}
		kept := now.DeepCopy()
		kept.Spec.Hostnames, kept.Spec.Rules = hosts, rules
		return kept
	case *gwv1.TLSRoute:
		hosts := union(now.Spec.Hostnames, before.(*gwv1.TLSRoute).Spec.Hostnames, true)
		if len(hosts) == len(now.Spec.Hostnames) {
			return nil
		}
		kept := now.DeepCopy()
		kept.Spec.Hostnames = hosts
		return kept
	}
	return nil
}

// union appends what only the second list has. Where an empty list means everything, so does the union.
func union[T any](now, before []T, emptyIsAll bool) []T {
	if emptyIsAll && (len(now) == 0 || len(before) == 0) {
		return nil
	}
	all := slices.Clone(now)
	for _, old := range before {
		if !slices.ContainsFunc(now, func(one T) bool { return reflect.DeepEqual(one, old) }) {
			all = append(all, old)
		}
	}
	return all
}
