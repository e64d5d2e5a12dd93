package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
)

// Pool collects what is known of an InferencePool.
func (s *Source) Pool(ctx context.Context, key types.NamespacedName) chain.PoolFacts {
	backend, pool := s.poolBackend(ctx, key)
	facts := chain.PoolFacts{Now: s.Now, Backend: backend}
	if pool == nil {
		return facts
	}
	for _, parent := range pool.Status.Parents {
		facts.Parents = append(facts.Parents, chain.PoolParent{
			Parent: fmt.Sprintf("%s %s/%s", parent.ParentRef.Kind,
				cmp.Or(string(parent.ParentRef.Namespace), key.Namespace), parent.ParentRef.Name),
			Conditions: parent.Conditions,
		})
	}
	ref := pool.Spec.EndpointPickerRef
	facts.FailOpen = ref.FailureMode == inferencev1.EndpointPickerFailOpen
	if ref.Name != "" {
		port := int32(0)
		if ref.Port != nil {
			port = int32(ref.Port.Number)
		}
		picker := s.service(ctx, types.NamespacedName{Namespace: key.Namespace, Name: string(ref.Name)}, port)
		facts.Picker = &picker
	}
	routes, routesErr := s.routesTo(ctx, backend.Object)
	scalers, scalersErr := s.scalers(ctx, key.Namespace)
	facts.Routes, facts.Triggers = routes, triggersOf(&backend, scalers)
	facts.Views = s.demandOf(ctx, facts.Triggers, []error{routesErr, scalersErr})
	return facts
}

// routesTo returns the HTTPRoutes and GRPCRoutes with a backend, of all namespaces, or of its own where no others may be read.
func (s *Source) routesTo(ctx context.Context, backend chain.Object) (found []chain.Route, err error) {
	var https gwv1.HTTPRouteList
	var grpcs gwv1.GRPCRouteList
	for _, list := range []client.ObjectList{&https, &grpcs} {
		if listErr := s.list(ctx, "", list); listErr != nil {
			err = errors.Join(err, s.list(ctx, backend.Namespace, list))
		}
	}
	add := func(kind store.Kind, object client.Object) {
		leads := slices.ContainsFunc(backendsOf(object), func(ref gwv1.BackendRef) bool {
			return string(ptr.Deref(ref.Kind, gwv1.Kind(store.Service))) == backend.Kind && string(ref.Name) == backend.Name &&
				cmp.Or(string(ptr.Deref(ref.Namespace, "")), object.GetNamespace()) == backend.Namespace
		})
		if leads {
			found = append(found, chain.Route{Object: chain.Object{Kind: string(kind), Namespace: object.GetNamespace(), Name: object.GetName()}})
		}
	}
	for i := range https.Items {
		add(store.HTTPRoute, &https.Items[i])
	}
	for i := range grpcs.Items {
		add(store.GRPCRoute, &grpcs.Items[i])
	}
	return found, err
}
