package route

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/resolve/grant"
	"github.com/kedify/inference-gateway/controllers/resolve/policy"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// resolvedBackend is what a reference to a backend resolves to.
type resolvedBackend struct {
	cluster  ir.ClusterKey
	portName string // of the Service port
	picker   *ir.Picker
}

// targets resolves the backendRefs of a rule. A reference that does not resolve becomes an
// invalid target, whose share of the requests gets 500, and is reported with the references
// of the route. Faults are of the rule itself.
func (r *routeResolver) targets(rule rule) (targets []ir.Target, problems []resolve.Problem) {
	for i, ref := range rule.backends {
		path := fmt.Sprintf("%s.backendRefs[%d]", rule.path, i)
		target := ir.Target{Weight: 1}
		if ref.Weight != nil {
			target.Weight = uint32(max(*ref.Weight, 0))
		}
		filters, filterProblems := targetFilters(rule, path, ref.Filters)
		auth, unresolved, authProblems := r.targetAuth(path, rule, ref.Filters)
		filters.Auth = auth
		problems = append(append(problems, filterProblems...), authProblems...)
		found, problem := r.backend(path, ref.BackendObjectReference)
		for _, problem := range []resolve.Problem{problem, unresolved} {
			if r.unresolved(problem) {
				target.Invalid, target.Reason = true, cmp.Or(target.Reason, problem.Reason)
			}
		}
		if !target.Invalid {
			target.Cluster, target.Picker, target.Filters = found.cluster, found.picker, filters
			r.demand(&target, found.portName)
		}
		if target.Invalid && target.Weight == 0 {
			continue // takes nothing and leads nowhere
		}
		targets = append(targets, target)
	}
	return targets, problems
}

// unresolved reports the problem of a reference, if there is one.
func (r *routeResolver) unresolved(problem resolve.Problem) bool {
	if problem.None() {
		return false
	}
	r.refs = append(r.refs, problem)
	return true
}

// backendRefs returns what the rules refer to and may refer to, also when it does not exist or the
// rule is invalid: the user means requests for it to come this way.
func (r *routeResolver) backendRefs(rules []rule) []resolve.BackendRef {
	var refs []resolve.BackendRef
	for _, rule := range rules {
		for _, ref := range rule.backends {
			to, problem := r.reference(rule.path, ref.BackendObjectReference)
			if !problem.None() {
				continue
			}
			found := resolve.BackendRef{Kind: store.Kind(to.Kind), Key: types.NamespacedName{Namespace: to.Namespace, Name: to.Name}}
			if found.Kind == store.Service {
				if ref.Port == nil {
					continue
				}
				found.Port = *ref.Port
			}
			if !slices.Contains(refs, found) {
				refs = append(refs, found)
			}
		}
	}
	return refs
}

// backend resolves one reference of an HTTPRoute or GRPCRoute.
func (r *routeResolver) backend(path string, ref gwv1.BackendObjectReference) (resolvedBackend, resolve.Problem) {
	to, problem := r.reference(path, ref)
	if !problem.None() {
		return resolvedBackend{}, problem
	}
	key := types.NamespacedName{Namespace: to.Namespace, Name: to.Name}
	if to.Kind == "Service" {
		return r.serviceBackend(path, key, ref.Port)
	}
	return r.poolBackend(path, key)
}

// reference checks the kind of a reference and then the permission, before anything is said
// about the object: what is not permitted says nothing.
func (r *routeResolver) reference(path string, ref gwv1.BackendObjectReference) (grant.To, resolve.Problem) {
	to := grant.To{
		Group:     string(ptr.Deref(ref.Group, "")),
		Kind:      string(ptr.Deref(ref.Kind, "Service")),
		Namespace: cmp.Or(string(ptr.Deref(ref.Namespace, "")), r.object.Key.Namespace),
		Name:      string(ref.Name),
	}
	isService := to.Group == "" && to.Kind == "Service"
	if isPool := to.Group == inferencev1.GroupName && to.Kind == "InferencePool"; !isService && !isPool {
		isXBackend := to.Group == gwxv1.GroupName && to.Kind == string(store.XBackend)
		if isXBackend && backend.Permitted(r.view, path, r.from(), to).None() {
			r.xBackends = append(r.xBackends, types.NamespacedName{Namespace: to.Namespace, Name: to.Name})
		}
		return to, resolve.Problemf(gwv1.RouteReasonInvalidKind,
			"%s: kind %q of group %q is not supported; use a Service, or an InferencePool of group %s.",
			path, to.Kind, to.Group, inferencev1.GroupName)
	}
	return to, backend.Permitted(r.view, path, r.from(), to)
}

// from is the route as the origin of references.
func (r *routeResolver) from() grant.From {
	return grant.From{Group: gwv1.GroupName, Kind: string(r.object.Kind), Namespace: r.object.Key.Namespace}
}

func (r *routeResolver) serviceBackend(path string, key types.NamespacedName, number *gwv1.PortNumber) (resolvedBackend, resolve.Problem) {
	port, problem := backend.FindPort(r.view, path, key, number, corev1.ProtocolTCP)
	if !problem.None() {
		return resolvedBackend{}, problem
	}
	cluster := ir.ClusterKey{Kind: ir.BackendService, Namespace: key.Namespace, Name: key.Name, Port: uint32(port.Port)}
	if r.grpc {
		cluster.Route = ir.RouteGRPC
	}
	return resolvedBackend{cluster: cluster, portName: port.Name}, port.Unspoken(path, cluster, func() bool {
		return len(policy.For(r.view, key, port.Name)) > 0 || r.reencrypts(cluster, port.Name)
	})
}

func (r *routeResolver) poolBackend(path string, key types.NamespacedName) (resolvedBackend, resolve.Problem) {
	pool := backend.Pool(r.view, key)
	if !pool.Exists {
		return resolvedBackend{}, resolve.Problemf(gwv1.RouteReasonBackendNotFound,
			"%s: InferencePool %s does not exist; create it or correct the name.", path, key)
	}
	r.pools = append(r.pools, key)
	if note := fmt.Sprintf("InferencePool %s: %s", key, pool.Unpicked); pool.Unpicked != "" && !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
	if r.grpc && backend.PoolProtocol(r.view.InferencePool(key)) != ir.HTTP2 {
		return resolvedBackend{}, resolve.Problemf(gwv1.RouteReasonUnsupportedProtocol,
			"%s: InferencePool %s speaks HTTP/1.1, over which gRPC cannot be sent; set its spec.appProtocol to %s.",
			path, key, backend.AppProtocolH2C)
	}
	return resolvedBackend{cluster: pool.Cluster, picker: pool.Picker}, resolve.Problem{}
}
