package resolve

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Route returns what a route of whatever kind contributes. gateways returns the result of a
// Gateway. A route that does not exist contributes nothing and has no parents.
func Route(v store.View, object Object, gateways func(types.NamespacedName) GatewayResult) RouteResult {
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
	return RouteResult{Object: object}
}

// routeResolver resolves one route.
type routeResolver struct {
	view     store.View
	object   Object
	gateways func(types.NamespacedName) GatewayResult

	meta      metav1.ObjectMeta
	hostnames []string // lower case; nil: those of the listener
	// hostnameFault is why the hostnames cannot be used.
	hostnameFault refusal
	// grpc is set for routes whose backends speak gRPC.
	grpc bool

	invalid []refusal // rules that cannot be served as they are written
	dropped int       // how many rules that are
	refs    []refusal // references that do not resolve
	pools   []types.NamespacedName
}

// httpResult makes the result of a route whose rules are the given ones.
func (r *routeResolver) httpResult(parentRefs []gwv1.ParentReference, rules []rule) RouteResult {
	resolved := r.irRules(rules)
	parents := r.parents(parentRefs)
	result := RouteResult{
		Object:     r.object,
		Generation: r.meta.Generation,
		Pools:      sortedPools(r.pools),
		Clusters:   clustersOf(resolved),
	}
	valid := refusal{}
	if len(rules) > 0 && r.dropped == len(rules) {
		valid = refusal{reason: r.invalid[0].reason, message: joinMessages(r.invalid)}
	}
	for _, p := range parents {
		result.Parents = append(result.Parents, r.routeParent(p, valid))
		result.Fragments = appendFragments(result.Fragments, p, &resolved)
	}
	return result
}

// appendFragments adds the rules for each hostname of each listener of the parent that can
// serve. Two parentRefs may lead to one listener: its fragments appear once.
func appendFragments(fragments []Fragment, p parent, rules *[]Rule) []Fragment {
	for _, a := range p.attached {
		if a.listener.Chain == "" || len(*rules) == 0 {
			continue
		}
		for _, hostname := range a.hostnames {
			same := func(f Fragment) bool {
				return f.Gateway == p.gateway && f.Listener == a.listener.ID && f.Hostname == hostname
			}
			if !slices.ContainsFunc(fragments, same) {
				fragments = append(fragments, Fragment{
					Gateway: p.gateway, Listener: a.listener.ID, Hostname: hostname, Rules: rules,
				})
			}
		}
	}
	return fragments
}

// clustersOf returns every cluster that the rules may send to, sorted and unique.
func clustersOf(rules []Rule) []ir.ClusterKey {
	seen := map[ir.ClusterKey]struct{}{}
	for _, rule := range rules {
		forward, ok := rule.Route.Action.(*ir.Forward)
		if !ok {
			continue
		}
		for _, target := range forward.Targets {
			if target.Invalid {
				continue
			}
			seen[target.Cluster] = struct{}{}
			if target.Picker != nil {
				seen[target.Picker.Cluster] = struct{}{}
			}
			if target.Hold != nil {
				seen[target.Hold.Cluster] = struct{}{}
			}
		}
		for _, mirror := range forward.Filters.Mirrors {
			seen[mirror.Cluster] = struct{}{}
		}
	}
	return sortedClusters(seen)
}
