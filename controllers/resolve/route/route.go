package route

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Resolve returns what a route of whatever kind contributes. gateways returns the result of a
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
}

// httpResult makes the result of a route whose rules are the given ones.
func (r *routeResolver) httpResult(parentRefs []gwv1.ParentReference, rules []rule) resolve.RouteResult {
	resolved := r.irRules(rules)
	parents := r.parents(parentRefs)
	result := resolve.RouteResult{
		Object:     r.object,
		Generation: r.meta.Generation,
		Pools:      sortedPools(r.pools),
		Clusters:   clustersOf(resolved),
		Backends:   r.backendRefs(rules),
		Generated:  v1alpha1.Generated(&r.meta),
	}
	valid := resolve.Problem{}
	if len(rules) > 0 && r.dropped == len(rules) {
		valid = resolve.Problem{Reason: r.invalid[0].Reason, Message: resolve.JoinMessages(r.invalid)}
	}
	for _, p := range parents {
		result.Parents = append(result.Parents, r.routeParent(p, valid))
		result.Fragments = appendFragments(result.Fragments, p, &resolved)
	}
	return result
}

// appendFragments adds the rules for each hostname of each listener of the parent that can
// serve. Two parentRefs may lead to one listener: its fragments appear once.
func appendFragments(fragments []resolve.Fragment, p parent, rules *[]resolve.Rule) []resolve.Fragment {
	for _, a := range p.attached {
		if a.listener.Chain == "" || len(*rules) == 0 {
			continue
		}
		for _, hostname := range a.hostnames {
			same := func(f resolve.Fragment) bool {
				return f.Gateway == p.gateway && f.Listener == a.listener.ID && f.Hostname == hostname
			}
			if !slices.ContainsFunc(fragments, same) {
				fragments = append(fragments, resolve.Fragment{
					Gateway: p.gateway, Listener: a.listener.ID, Hostname: hostname, Rules: rules,
				})
			}
		}
	}
	return fragments
}

// clustersOf returns every cluster that the rules may send to, sorted and unique.
func clustersOf(rules []resolve.Rule) []ir.ClusterKey {
	seen := map[ir.ClusterKey]struct{}{}
	for _, rule := range rules {
		forward, ok := rule.Route.Action.(*ir.Forward)
		if !ok {
			continue
		}
		forward.EachCluster(func(key ir.ClusterKey) { seen[key] = struct{}{} })
	}
	return sortedClusters(seen)
}
