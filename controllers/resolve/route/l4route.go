package route

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// l4Rule is a rule of a TLSRoute, TCPRoute or UDPRoute.
type l4Rule struct {
	name     *gwv1.SectionName
	backends []gwv1.BackendRef
}

func (r *routeResolver) tlsRoute(route *gwv1.TLSRoute) resolve.RouteResult {
	r.meta = route.ObjectMeta
	r.setHostnames(route.Spec.Hostnames)
	var rules []l4Rule
	for _, rule := range route.Spec.Rules {
		rules = append(rules, l4Rule{rule.Name, rule.BackendRefs})
	}
	return r.l4Result(route.Spec.ParentRefs, rules)
}

func (r *routeResolver) tcpRoute(route *gwv1.TCPRoute) resolve.RouteResult {
	r.meta = route.ObjectMeta
	var rules []l4Rule
	for _, rule := range route.Spec.Rules {
		rules = append(rules, l4Rule{rule.Name, rule.BackendRefs})
	}
	return r.l4Result(route.Spec.ParentRefs, rules)
}

func (r *routeResolver) udpRoute(route *gwv1.UDPRoute) resolve.RouteResult {
	r.meta = route.ObjectMeta
	var rules []l4Rule
	for _, rule := range route.Spec.Rules {
		rules = append(rules, l4Rule{rule.Name, rule.BackendRefs})
	}
	return r.l4Result(route.Spec.ParentRefs, rules)
}

// l4Result makes the result of a layer 4 route. Such a route matches nothing, so that of
// several rules the first takes everything; the API allows no second one.
func (r *routeResolver) l4Result(parentRefs []gwv1.ParentReference, rules []l4Rule) resolve.RouteResult {
	forward := ir.L4Forward{Source: r.source(rules)}
	if len(rules) > 0 {
		forward.Targets = r.l4Targets(rules[0])
	}
	result := resolve.RouteResult{Object: r.object, Generation: r.meta.Generation, XBackends: sortedKeys(r.xBackends)}
	used := map[ir.ClusterKey]struct{}{}
	for _, p := range r.parents(parentRefs) {
		result.Parents = append(result.Parents, r.routeParent(p, resolve.Problem{}))
		for _, a := range p.attached {
			if a.listener.Chain == "" {
				continue
			}
			carried := r.carried(forward, a.listener)
			for _, target := range carried.Targets {
				if !target.Invalid {
					used[target.Cluster] = struct{}{}
				}
			}
			result.Forwards = r.appendForwards(result.Forwards, p, a, carried)
		}
	}
	result.Clusters = sortedClusters(used)
	return result
}

// appendForwards adds the route for each server name of a listener, each once.
func (r *routeResolver) appendForwards(
	forwards []resolve.ForwardFragment, p parent, a attachment, forward ir.L4Forward,
) []resolve.ForwardFragment {
	for _, shared := range a.hostnames {
		same := func(f resolve.ForwardFragment) bool {
			return f.Gateway == p.gateway && f.Listener == a.listener.ID && f.SNI == shared.Name
		}
		if slices.ContainsFunc(forwards, same) {
			continue
		}
		forwards = append(forwards, resolve.ForwardFragment{
			Gateway: p.gateway, Listener: a.listener.ID, SNI: shared.Name, RouteHostname: shared.Route, Forward: forward,
			Created: r.meta.CreationTimestamp.Unix(), Owner: r.object.Key,
		})
	}
	return forwards
}

func (r *routeResolver) source(rules []l4Rule) ir.Source {
	source := ir.Source{Kind: string(r.object.Kind), Namespace: r.object.Key.Namespace, Name: r.object.Key.Name}
	if len(rules) > 0 {
		source.Section = string(ptr.Deref(rules[0].name, ""))
	}
	return source
}

// carried returns the forward as it is on a listener: where TLS is terminated, a
// BackendTLSPolicy may ask for TLS towards the backend, and elsewhere the proxy forwards bytes.
func (r *routeResolver) carried(forward ir.L4Forward, listener resolve.Listener) ir.L4Forward {
	protocol := ir.RouteTCP
	switch {
	case r.object.Kind == store.UDPRoute:
		protocol = ir.RouteUDP
	case r.object.Kind == store.TLSRoute && !listener.Passthrough:
		protocol = ir.RouteTLS
	}
	forward.Targets = slices.Clone(forward.Targets)
	for i := range forward.Targets {
		if !forward.Targets[i].Invalid {
			forward.Targets[i].Cluster.Route = protocol
		}
	}
	return forward
}

// l4Targets resolves the backendRefs of a rule. A reference that does not resolve keeps its
// share, which is closed.
func (r *routeResolver) l4Targets(rule l4Rule) (targets []ir.L4Target) {
	for i, ref := range rule.backends {
		target := ir.L4Target{Weight: 1}
		if ref.Weight != nil {
			target.Weight = uint32(max(*ref.Weight, 0))
		}
		found, problem := r.l4Backend(fmt.Sprintf("rules[0].backendRefs[%d]", i), ref.BackendObjectReference)
		if !problem.None() {
			r.refs = append(r.refs, problem)
			target.Invalid = true
		} else {
			target.Cluster = found.cluster
			target.Cluster.Demand = r.connections(found.cluster, found.portName)
		}
		targets = append(targets, target)
	}
	return targets
}

// l4Backend resolves a reference to a port of a Service. What the port speaks is between the
// client and the backend.
func (r *routeResolver) l4Backend(path string, ref gwv1.BackendObjectReference) (resolvedBackend, resolve.Problem) {
	to, problem := r.reference(path, ref)
	switch {
	case !problem.None():
		return resolvedBackend{}, problem
	case to.Kind != "Service":
		return resolvedBackend{}, resolve.Problemf(gwv1.RouteReasonInvalidKind,
			"%s: a %s cannot send to an %s, whose endpoints are chosen by request; use a Service.", path, r.object.Kind, to.Kind)
	}
	protocol := corev1.ProtocolTCP
	if r.object.Kind == store.UDPRoute {
		protocol = corev1.ProtocolUDP
	}
	key := types.NamespacedName{Namespace: to.Namespace, Name: to.Name}
	port, problem := backend.FindPort(r.view, path, key, ref.Port, protocol)
	if !problem.None() {
		return resolvedBackend{}, problem
	}
	cluster := ir.ClusterKey{Kind: ir.BackendService, Namespace: key.Namespace, Name: key.Name, Port: uint32(port.Port)}
	return resolvedBackend{cluster: cluster, portName: port.Name}, resolve.Problem{}
}
