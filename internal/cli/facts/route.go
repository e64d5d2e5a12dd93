package facts

import (
	"cmp"
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
)

// routeKinds are the kinds of routes that can be explained.
var routeKinds = map[store.Kind]func() client.Object{
	store.HTTPRoute: func() client.Object { return &gwv1.HTTPRoute{} },
	store.GRPCRoute: func() client.Object { return &gwv1.GRPCRoute{} },
	store.TLSRoute:  func() client.Object { return &gwv1.TLSRoute{} },
}

// Route collects what is known of an HTTPRoute, GRPCRoute or TLSRoute.
func (s *Source) Route(ctx context.Context, kind store.Kind, key types.NamespacedName) chain.RouteFacts {
	facts := chain.RouteFacts{Now: s.Now}
	live := routeKinds[kind]()
	facts.Route = s.route(ctx, kind, key, live)
	if !facts.Route.Found {
		return facts
	}
	var failures []error
	for _, ref := range facts.Route.Refs {
		gateway, err := s.parent(ctx, key.Namespace, ref, facts.Route.Object)
		facts.Gateways = append(facts.Gateways, gateway)
		failures = append(failures, err)
	}
	scalers, err := s.scalers(ctx, key.Namespace)
	failures = append(failures, err)
	for _, ref := range backendsOf(live) {
		backend := s.backendOf(ctx, key.Namespace, ref)
		if slices.ContainsFunc(facts.Backends, func(b chain.Backend) bool { return b.Object == backend.Object && b.Port == backend.Port }) {
			continue
		}
		facts.Backends = append(facts.Backends, backend)
		facts.Triggers = append(facts.Triggers, triggersOf(&backend, scalers)...)
	}
	facts.Views = s.demandOf(ctx, facts.Triggers, failures)
	return facts
}

// route reads a route into an empty object of its kind.
func (s *Source) route(ctx context.Context, kind store.Kind, key types.NamespacedName, live client.Object) chain.Route {
	route := chain.Route{Object: chain.Object{Kind: string(kind), Namespace: key.Namespace, Name: key.Name}}
	if route.Read = s.read(ctx, key, live); !route.Found {
		return route
	}
	route.Refs, _ = offline.ParentRefs(live)
	route.Generation, route.Parents = live.GetGeneration(), store.RouteParents(live)
	return route
}

// parent collects what is known of a parent; nil where it is no Gateway and leads to none.
func (s *Source) parent(ctx context.Context, namespace string, ref gwv1.ParentReference, object chain.Object) (*chain.Gateway, error) {
	if key, isGateway := gatewayOf(namespace, ref); isGateway {
		return s.gateway(ctx, key, object)
	}
	if store.Kind(ptr.Deref(ref.Kind, "")) != store.ListenerSet {
		return nil, nil
	}
	key := types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), namespace), Name: string(ref.Name)}
	var set gwv1.ListenerSet
	if read := s.read(ctx, key, &set); !read.Found {
		return &chain.Gateway{Object: chain.Object{Kind: string(store.ListenerSet), Namespace: key.Namespace, Name: key.Name}, Read: read}, nil
	}
	return s.gateway(ctx, types.NamespacedName{
		Namespace: cmp.Or(string(ptr.Deref(set.Spec.ParentRef.Namespace, "")), set.Namespace), Name: string(set.Spec.ParentRef.Name),
	}, object)
}

// gatewayOf returns the Gateway that a parentRef names; false: it names another kind.
func gatewayOf(namespace string, ref gwv1.ParentReference) (types.NamespacedName, bool) {
	if store.Kind(ptr.Deref(ref.Kind, gwv1.Kind(store.Gateway))) != store.Gateway {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), namespace), Name: string(ref.Name)}, true
}

// backendsOf returns the backends of all rules of a route.
func backendsOf(object client.Object) (refs []gwv1.BackendRef) {
	switch route := object.(type) {
	case *gwv1.HTTPRoute:
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				refs = append(refs, ref.BackendRef)
			}
		}
	case *gwv1.GRPCRoute:
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				refs = append(refs, ref.BackendRef)
			}
		}
	case *gwv1.TLSRoute:
		for _, rule := range route.Spec.Rules {
			refs = append(refs, rule.BackendRefs...)
		}
	}
	return refs
}

func (s *Source) backendOf(ctx context.Context, namespace string, ref gwv1.BackendRef) chain.Backend {
	key := types.NamespacedName{Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), namespace), Name: string(ref.Name)}
	switch kind := store.Kind(ptr.Deref(ref.Kind, gwv1.Kind(store.Service))); kind {
	case store.Service:
		return s.service(ctx, key, ptr.Deref(ref.Port, 0))
	case store.InferencePool:
		backend, _ := s.poolBackend(ctx, key)
		return backend
	default:
		return chain.Backend{
			Object: chain.Object{Kind: string(kind), Namespace: key.Namespace, Name: key.Name},
			Read:   chain.Read{Failure: "its kind is no backend of this product"},
		}
	}
}

// triggersOf are the triggers of a backend.
func triggersOf(backend *chain.Backend, scalers []v1alpha1.HTTPScaler) (triggers []chain.Trigger) {
	for i := range scalers {
		if backendKey(&scalers[i]) == backend.Object {
			triggers = append(triggers, chain.Trigger{Scaler: &scalers[i], Backend: backend})
		}
	}
	return triggers
}

// backendKey is the Service or InferencePool of a trigger.
func backendKey(scaler *v1alpha1.HTTPScaler) chain.Object {
	if pool := scaler.Spec.Backend.InferencePool; pool != "" {
		return chain.Object{Kind: string(store.InferencePool), Namespace: scaler.Namespace, Name: pool}
	}
	return chain.Object{Kind: string(store.Service), Namespace: scaler.Namespace, Name: scaler.Spec.Backend.Service}
}
