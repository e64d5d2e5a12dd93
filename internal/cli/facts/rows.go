package facts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/summary"
)

// Rows returns a row for each Gateway, route, pool and trigger of a namespace; of all where it is empty. The error joins what could
// not be read; the rows of the rest stand.
func (s *Source) Rows(ctx context.Context, namespace string) ([]summary.Row, error) {
	var failures []error
	rows, known := []summary.Row(nil), s.knownGateways(ctx, namespace)
	for i := range known.here {
		rows = append(rows, summary.OfGateway(&known.here[i]))
	}
	routes, err := s.routeRows(ctx, namespace, known)
	rows, failures = append(rows, routes...), append(failures, known.failure, err)
	var pools inferencev1.InferencePoolList
	failures = append(failures, s.list(ctx, namespace, &pools))
	for i := range pools.Items {
		rows = append(rows, summary.OfPool(&pools.Items[i]))
	}
	triggers, err := s.triggerRows(ctx, namespace)
	rows, failures = append(rows, triggers...), append(failures, err)
	slices.SortFunc(rows, summary.Compare)
	return rows, errors.Join(failures...)
}

// gateways are those of this product in the namespaces that are asked about, and what is known of those that routes name.
type gateways struct {
	source *Source
	here   []gwv1.Gateway
	// absent has the Gateways that were looked at; true: it does not exist.
	absent  map[types.NamespacedName]bool
	failure error
}

func (s *Source) knownGateways(ctx context.Context, namespace string) *gateways {
	known := &gateways{source: s, absent: map[types.NamespacedName]bool{}}
	var list gwv1.GatewayList
	known.failure = s.list(ctx, namespace, &list)
	ofProduct := map[string]bool{}
	for _, gateway := range list.Items {
		class := string(gateway.Spec.GatewayClassName)
		known.absent[store.KeyOf(&gateway)] = false
		if _, looked := ofProduct[class]; !looked {
			ofProduct[class] = s.ourClass(ctx, class)
		}
		if ofProduct[class] {
			known.here = append(known.here, gateway)
		}
	}
	return known
}

// isAbsent reports whether a Gateway does not exist. One that could not be read may.
func (g *gateways) isAbsent(ctx context.Context, key types.NamespacedName) bool {
	if _, looked := g.absent[key]; !looked {
		g.absent[key] = g.source.read(ctx, key, &gwv1.Gateway{}) == chain.Read{}
	}
	return g.absent[key]
}

// missing are the parentRefs of a route that name a Gateway which does not exist.
func (g *gateways) missing(ctx context.Context, route client.Object) (texts []string) {
	refs, _ := offline.ParentRefs(route)
	for i, ref := range refs {
		if key, isGateway := gatewayOf(route.GetNamespace(), ref); isGateway && g.isAbsent(ctx, key) {
			texts = append(texts, fmt.Sprintf("parentRefs[%d]: Gateway %s does not exist", i, key))
		}
	}
	return texts
}

func (s *Source) routeRows(ctx context.Context, namespace string, known *gateways) (rows []summary.Row, failure error) {
	for _, list := range []client.ObjectList{
		&gwv1.HTTPRouteList{}, &gwv1.GRPCRouteList{}, &gwv1.TLSRouteList{}, &gwv1.TCPRouteList{}, &gwv1.UDPRouteList{},
	} {
		if err := s.list(ctx, namespace, list); err != nil {
			failure = errors.Join(failure, err)
			continue
		}
		for _, route := range objectsOf(list) {
			_, kind := offline.ParentRefs(route)
			if row, ok := summary.OfRoute(kind, route, store.RouteParents(route), known.missing(ctx, route)); ok {
				rows = append(rows, row)
			}
		}
	}
	return rows, failure
}

func (s *Source) triggerRows(ctx context.Context, namespace string) (rows []summary.Row, err error) {
	err = s.eachTrigger(ctx, namespace, func(scaler *v1alpha1.HTTPScaler, demand *debug.Demand, replicas summary.Replicas) {
		rows = append(rows, summary.OfTrigger(scaler, demand, replicas))
	})
	return rows, err
}

// Triggers returns what the triggers of a namespace do at the moment; of all where it is empty.
func (s *Source) Triggers(ctx context.Context, namespace string) (triggers []summary.Trigger, err error) {
	err = s.eachTrigger(ctx, namespace, func(scaler *v1alpha1.HTTPScaler, demand *debug.Demand, replicas summary.Replicas) {
		triggers = append(triggers, summary.Now(scaler, demand, replicas))
	})
	return triggers, err
}

// eachTrigger visits the triggers with what is known of them. The error says that the replicas did not all answer.
func (s *Source) eachTrigger(
	ctx context.Context, namespace string, visit func(*v1alpha1.HTTPScaler, *debug.Demand, summary.Replicas),
) error {
	scalers, err := s.scalers(ctx, namespace)
	if err != nil || len(scalers) == 0 {
		return err
	}
	demands, err := s.Demands(ctx)
	for i := range scalers {
		scaler := &scalers[i]
		replicas := summary.Replicas{}
		if workload, _ := s.workload(ctx, scaler.Namespace, scaler.Spec.Scale.Target); workload.Found {
			replicas = summary.Replicas{Known: true, Wanted: workload.Wanted, Ready: workload.Ready}
		}
		if demand, known := demands[store.KeyOf(scaler).String()]; known {
			visit(scaler, &demand, replicas)
		} else {
			visit(scaler, nil, replicas)
		}
	}
	return err
}

// objectsOf returns the objects of a list.
func objectsOf(list client.ObjectList) (objects []client.Object) {
	_ = meta.EachListItem(list, func(object runtime.Object) error {
		objects = append(objects, object.(client.Object))
		return nil
	})
	return objects
}

// Gateways returns the names of the Gateways of this product.
func (s *Source) Gateways(ctx context.Context) ([]types.NamespacedName, error) {
	known := s.knownGateways(ctx, "")
	keys := make([]types.NamespacedName, 0, len(known.here))
	for i := range known.here {
		keys = append(keys, store.KeyOf(&known.here[i]))
	}
	return keys, known.failure
}
