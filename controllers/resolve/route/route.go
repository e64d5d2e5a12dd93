package route

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/regex"
)

// Resolve returns what a route of any kind contributes. gateways returns the result of a
// Gateway. A route that does not exist contributes nothing and has no parents.
func Resolve(v store.View, object resolve.Object, gateways func(types.NamespacedName) resolve.GatewayResult) resolve.RouteResult {
	r := &routeResolver{view: v, object: object, gateways: gateways}
	switch object.Kind {
	case store.HTTPRoute:
		if route := v.HTTPRoute(object.Key); route != nil {
			return r.httpRoute(route)
		}
	case store.GRPCRoute:
		if route := v.GRPCRoute(object.Key); route != nil {
			return r.grpcRoute(route)
		}
	case store.TLSRoute:
		if route := v.TLSRoute(object.Key); route != nil {
			return r.tlsRoute(route)
		}
	case store.TCPRoute:
		if route := v.TCPRoute(object.Key); route != nil {
			return r.tcpRoute(route)
		}
	case store.UDPRoute:
		if route := v.UDPRoute(object.Key); route != nil {
			return r.udpRoute(route)
		}
	default: // no route
	}
	return resolve.RouteResult{Object: object}
}

// routeResolver resolves one route.
type routeResolver struct {
	view     store.View
	object   resolve.Object
	gateways func(types.NamespacedName) resolve.GatewayResult

	meta      metav1.ObjectMeta
	hostnames []string // lower case; nil: those of the listener
	// hostnameProblem is why the hostnames cannot be used.
	hostnameProblem resolve.Problem
	// grpc is set for routes whose backends speak gRPC.
	grpc bool

	invalid []resolve.Problem // rules that cannot be served as they are written
	dropped int               // how many rules that are
	refs    []resolve.Problem // references that do not resolve
	pools   []types.NamespacedName
	// notes are about references that resolve to something that is not in order. Gateway API knows no reason for them:
	// ResolvedRefs is about this route, and True.
	notes []string
	// xBackends are not supported, and their status says so.
	xBackends []types.NamespacedName
	// expressions of the route that the proxies compile.
	expressions regex.Budget
}

// httpResult makes the result of a route. Its rules are not looked at when none of its parents
// is a Gateway of this product: such a route costs as little as it means.
func (r *routeResolver) httpResult(parentRefs []gwv1.ParentReference, rulesOf func() ([]rule, resolve.Problem)) resolve.RouteResult {
	parents := r.parents(parentRefs)
	if len(parents) == 0 {
		return resolve.RouteResult{Object: r.object, Generation: r.meta.Generation}
	}
	rules, valid := rulesOf()
	resolved := r.irRules(rules)
	result := resolve.RouteResult{
		Object:     r.object,
		Generation: r.meta.Generation,
		Pools:      sortedKeys(r.pools),
		XBackends:  sortedKeys(r.xBackends),
		Clusters:   clustersOf(resolved),
		Backends:   r.backendRefs(rules),
		Generated:  v1alpha1.Generated(&r.meta),
	}
	if len(rules) > 0 && r.dropped == len(rules) {
		valid = resolve.Problem{Reason: r.invalid[0].Reason, Message: resolve.JoinMessages(r.invalid)}
	}
	spread := spread{rules: &resolved, bytes: weigh(resolved), seen: map[resolve.Fragment]bool{}}
	if problem := rulesProblem(spread.bytes); !problem.None() {
		valid, resolved = problem, nil
	}
	for _, p := range parents {
		if problem := spread.add(p); !problem.None() {
			p.attached, p.problem = nil, problem
		}
		result.Parents = append(result.Parents, r.routeParent(p, valid))
	}
	result.Fragments = spread.fragments
	return result
}

// clustersOf returns every cluster that the rules may send to, sorted and unique.
func clustersOf(rules []resolve.Rule) []ir.ClusterKey {
	seen := map[ir.ClusterKey]struct{}{}
	for _, rule := range rules {
		ir.EachCluster(rule.Route.Action, func(key ir.ClusterKey) { seen[key] = struct{}{} })
	}
	return sortedClusters(seen)
}
