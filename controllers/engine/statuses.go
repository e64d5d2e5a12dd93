package engine

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/resolve/policy"
	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/resolve/tracing"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

func (m *Model) classStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	view := m.store.View(record)
	result := class.Resolve(view, object.Key.Name)
	if !result.Owned {
		return nil
	}
	record(installedDep{})
	result.Installed, result.TrustBundles = m.setting.Installed, view.Serves(store.ClusterTrustBundle)
	value := class.Status(result)
	return &status.Update{Object: object, Generation: result.Generation, Value: &value}
}

func (m *Model) gatewayStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	input, ok := m.gatewayStatusInput(object.Key, record)
	if !ok {
		return nil
	}
	input.Rejected = m.rejected(object, record)
	value := listener.GatewayStatus(input)
	return &status.Update{Object: object, Generation: input.Result.Generation, Value: &value}
}

func (m *Model) gatewayStatusInput(key types.NamespacedName, record func(store.Dep)) (input listener.StatusInput, ok bool) {
	result := m.gateway(key, record)
	if !result.Owned {
		return input, false
	}
	record(attachedDep{key})
	record(deliveryDep{key})
	delivery := m.deliveries[key]
	record(rejectedOf(gatewaySource(key)))
	record(installedDep{})
	return listener.StatusInput{
		Result:         result,
		Attached:       m.fragments.attached[key],
		Assignment:     listener.Addresses(m.store.View(record), result, m.setting.Installed),
		AddressFailure: m.addressFailures[key],
		ProxiesWait:    m.proxiesWait[key],
		Connected:      delivery.Connected,
		Programmed:     delivery.Ports,
	}, true
}

func (m *Model) listenerSetStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	set := m.store.View(record).ListenerSet(object.Key)
	if set == nil {
		return nil
	}
	parent := types.NamespacedName{Namespace: set.Namespace, Name: string(set.Spec.ParentRef.Name)}
	if set.Spec.ParentRef.Namespace != nil {
		parent.Namespace = string(*set.Spec.ParentRef.Namespace)
	}
	input, ok := m.gatewayStatusInput(parent, record)
	if !ok {
		return nil
	}
	at := slices.IndexFunc(input.Result.ListenerSets, func(s resolve.ListenerSetResult) bool { return s.Key == object.Key })
	if at < 0 {
		return nil
	}
	input.Rejected = m.rejected(object, record)
	value := listener.SetStatus(input, input.Result.ListenerSets[at])
	return &status.Update{Object: object, Generation: set.Generation, Value: &value}
}

func (m *Model) routeStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	record(routeDep{object})
	result := m.routes.get(object)
	if result == nil {
		return nil
	}
	value := m.earlier.carry(result, route.Status(*result, m.rejected(object, record)))
	return &status.Update{Object: object, Generation: result.Generation, Value: value}
}

func (m *Model) poolStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	record(poolDep{object.Key})
	record(poolUsersDep{object.Key})
	result := m.pools.get(object.Key)
	if result == nil {
		return nil
	}
	value := backend.PoolStatus(*result, sortedUsers(m.usage.pools[object.Key]))
	return &status.Update{Object: object, Generation: result.Generation, Value: value}
}

func (m *Model) policyStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	view := m.store.View(record)
	tls := view.BackendTLSPolicy(object.Key)
	if tls == nil {
		return nil
	}
	users := map[types.NamespacedName]int{}
	for _, target := range tls.Spec.TargetRefs {
		service := types.NamespacedName{Namespace: tls.Namespace, Name: string(target.Name)}
		record(serviceUsersDep{service})
		for gateway := range m.usage.services[service] {
			users[gateway]++
		}
	}
	value := policy.Status(view, object.Key, sortedUsers(users))
	return &status.Update{Object: object, Generation: tls.Generation, Value: value}
}

func (m *Model) xBackendStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	unsupported := m.store.View(record).XBackend(object.Key)
	if unsupported == nil {
		return nil
	}
	record(xBackendUsersDep{object.Key})
	value := policy.XBackendStatus(unsupported, sortedUsers(m.usage.xBackends[object.Key]))
	return &status.Update{Object: object, Generation: unsupported.Generation, Value: value}
}

func (m *Model) trafficPolicyStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	unsupported := m.store.View(record).XBackendTrafficPolicy(object.Key)
	if unsupported == nil {
		return nil
	}
	users := map[types.NamespacedName]int{}
	for _, target := range unsupported.Spec.TargetRefs {
		key := types.NamespacedName{Namespace: unsupported.Namespace, Name: string(target.Name)}
		var gateways map[types.NamespacedName]int
		switch {
		case target.Group == "" && string(target.Kind) == string(store.Service):
			record(serviceUsersDep{key})
			gateways = m.usage.services[key]
		case target.Group == inferencev1.GroupName && string(target.Kind) == string(store.InferencePool):
			record(poolUsersDep{key})
			gateways = m.usage.pools[key]
		}
		for gateway := range gateways {
			users[gateway]++
		}
	}
	value := policy.TrafficStatus(unsupported, sortedUsers(users))
	return &status.Update{Object: object, Generation: unsupported.Generation, Value: value}
}

func (m *Model) telemetryPolicyStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	view := m.store.View(record)
	telemetry := view.XTelemetryPolicy(object.Key)
	if telemetry == nil {
		return nil
	}
	gateways := slices.DeleteFunc(tracing.Targets(telemetry), func(key types.NamespacedName) bool { return !m.gateway(key, record).Owned })
	return &status.Update{Object: object, Generation: telemetry.Generation, Value: tracing.Status(view, telemetry, gateways)}
}

// rejected gathers what proxies rejected, and what failed to render, because of an object.
func (m *Model) rejected(object resolve.Object, record func(store.Dep)) []resolve.Rejected {
	source := sourceOf(object.Kind, object.Key)
	record(rejectedOf(source))
	var found []resolve.Rejected
	collect := func(sources []ir.Source, rejected resolve.Rejected) {
		for _, s := range sources {
			if s.Kind == source.Kind && s.Key() == source.Key() {
				rejected.Source = s
				found = append(found, rejected)
			}
		}
	}
	for _, delivery := range m.deliveries {
		for _, rejection := range delivery.Rejected {
			collect(rejection.Sources, resolve.Rejected{
				Message: rejection.Message, Kept: rejection.StandIn, Rule: rejection.Rule, Absent: rejection.Absent,
			})
		}
	}
	for _, failure := range m.failures.bySource[source] {
		collect(failure.Sources, resolve.Rejected{Message: failure.Err.Error(), RenderFailed: true, Kept: failure.Kept})
	}
	if problem := m.problems[object.Key]; object.Kind == store.Gateway && problem != "" {
		collect([]ir.Source{source}, resolve.Rejected{Message: problem})
	}
	slices.SortFunc(found, func(a, b resolve.Rejected) int {
		return cmp.Or(strings.Compare(a.Source.String(), b.Source.String()), strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Message, b.Message))
	})
	return found
}

func (m *Model) flushStatuses(due pause) (done bool) {
	for _, change := range m.statuses.flush(due) {
		update := status.Update{Object: change.key}
		if change.new != nil {
			update = *change.new
		}
		m.output.Status(update)
	}
	return !m.statuses.more()
}
