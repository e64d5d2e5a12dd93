package route

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/resolve/policy"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestRouteGolden resolves every route of a case against its Gateways and shows the tables,
// clusters and endpoints that each Gateway gets, and the statuses of routes, pools and
// policies.
func TestRouteGolden(t *testing.T) {
	golden.Run(t, "testdata/route", func(t *testing.T, c *golden.Case) []golden.Section {
		w := newWorld(t, string(c.Input))
		wanted := map[string]any{}
		for _, gateway := range w.gateways {
			wanted["Gateway "+gateway.Key.String()] = w.gatewayTables(gateway)
		}
		if endpoints := w.endpoints(); len(endpoints) > 0 {
			wanted["endpoints"] = endpoints
		}
		return []golden.Section{{Name: "IR", Body: fixture.YAML(t, wanted)}, {Name: "Status", Body: fixture.YAML(t, w.statuses())}}
	})
}

// world is everything that one case resolves to.
type world struct {
	view     store.View
	gateways []resolve.GatewayResult
	routes   []resolve.RouteResult
	pools    []types.NamespacedName
	policies []types.NamespacedName
}

func newWorld(t testing.TB, input string) *world {
	s := fixture.Store(t, input, fixture.Class)
	w := &world{view: s.View(nil), pools: s.Keys(store.InferencePool), policies: s.Keys(store.BackendTLSPolicy)}
	for _, key := range s.Keys(store.Gateway) {
		w.gateways = append(w.gateways, listener.Gateway(w.view, key, class.Setting{}))
	}
	for _, kind := range []store.Kind{store.HTTPRoute, store.GRPCRoute, store.TLSRoute, store.TCPRoute, store.UDPRoute} {
		for _, key := range s.Keys(kind) {
			w.routes = append(w.routes, Resolve(w.view, resolve.Object{Kind: kind, Key: key}, func(key types.NamespacedName) resolve.GatewayResult {
				return listener.Gateway(w.view, key, class.Setting{})
			}))
		}
	}
	return w
}

// gatewayTables shows what one Gateway serves: hosts by chain, "host (fallback)" for those of
// the fallback table, layer 4 chains, and clusters.
func (w *world) gatewayTables(g resolve.GatewayResult) map[string]any {
	proxy := newTestProxy(g, w.routes)
	tables := map[string]any{}
	for _, chain := range proxy.chains() {
		hosts := map[string]any{}
		for key, host := range proxy.tables.Hosts {
			if key.Chain == chain {
				hosts[host.Hostname] = hostOutline(host)
			}
		}
		for _, host := range proxy.tables.Wildcards[chain].Hosts {
			hosts[host.Hostname+" (fallback)"] = hostOutline(host)
		}
		tables["chain "+chain] = hosts
	}
	for _, listener := range listener.ByPort(g, w.forwards(g.Key)) {
		for _, chain := range listener.Chains {
			if chain.Forward != nil {
				tables["chain "+chain.ID] = outline(reflect.ValueOf(*chain.Forward))
			}
		}
	}
	clusters := map[string]any{}
	for _, key := range w.clusters(g.Key) {
		if result := backend.Cluster(w.view, key, g.ClientCertificate); result.Exists {
			clusters[key.String()] = outline(reflect.ValueOf(result.Cluster))
		}
	}
	tables["clusters"] = clusters
	return tables
}

// hostOutline shows the routes of a host and, where there are any, the filters of its listener.
func hostOutline(host ir.Host) any {
	routes := routeOutlines(host.Routes)
	if host.Filters == nil {
		return routes
	}
	return map[string]any{"filters": outline(reflect.ValueOf(*host.Filters)), "routes": routes}
}

func (w *world) forwards(gateway types.NamespacedName) func(resolve.ListenerID) []resolve.ForwardFragment {
	return func(listener resolve.ListenerID) (forwards []resolve.ForwardFragment) {
		for _, route := range w.routes {
			for _, f := range route.Forwards {
				if f.Gateway == gateway && f.Listener == listener {
					forwards = append(forwards, f)
				}
			}
		}
		return forwards
	}
}

// clusters returns what the routes that a Gateway accepted may send to, and what its listeners ask.
func (w *world) clusters(gateway types.NamespacedName) []ir.ClusterKey {
	used := map[ir.ClusterKey]struct{}{}
	for _, g := range w.gateways {
		if g.Key == gateway {
			for _, key := range g.Clusters {
				used[key] = struct{}{}
			}
		}
	}
	for _, route := range w.routes {
		if slices.ContainsFunc(route.Parents, func(p resolve.RouteParent) bool { return p.Gateway == gateway && len(p.Attached) > 0 }) {
			for _, key := range route.Clusters {
				used[key] = struct{}{}
			}
		}
	}
	return sortedClusters(used)
}

func (w *world) endpoints() map[string]string {
	all := map[string]string{}
	for _, g := range w.gateways {
		for _, key := range w.clusters(g.Key) {
			if words := fixture.EndpointWords(backend.Endpoints(w.view, key)); words != "" {
				all[key.Endpoints().String()] = words
			}
		}
	}
	return all
}

func (w *world) statuses() map[string]any {
	statuses := map[string]any{}
	for _, route := range w.routes {
		var parents []any
		for _, parent := range Status(route, nil) {
			parents = append(parents, map[string]any{
				"parent": parentText(parent.ParentRef), "conditions": fixture.ConditionLines(parent.Conditions),
			})
		}
		statuses[string(route.Object.Kind)+" "+route.Object.Key.String()] = parents
	}
	for _, key := range w.pools {
		statuses["InferencePool "+key.String()] = poolOutline(backend.PoolStatus(backend.Pool(w.view, key),
			w.users(func(r resolve.RouteResult) bool {
				return slices.Contains(r.Pools, key)
			})))
	}
	for _, key := range w.policies {
		statuses["BackendTLSPolicy "+key.String()] = policyOutline(policy.Status(w.view, key, w.users(func(r resolve.RouteResult) bool {
			return slices.ContainsFunc(r.Clusters, func(cluster ir.ClusterKey) bool {
				return slices.ContainsFunc(w.view.BackendTLSPolicy(key).Spec.TargetRefs, func(ref gwv1.LocalPolicyTargetReferenceWithSectionName) bool {
					return cluster.Namespace == key.Namespace && cluster.Name == string(ref.Name)
				})
			})
		})))
	}
	return statuses
}

// users returns the Gateways that accepted one of the routes.
func (w *world) users(uses func(resolve.RouteResult) bool) []types.NamespacedName {
	users := map[types.NamespacedName]struct{}{}
	for _, route := range w.routes {
		for _, parent := range route.Parents {
			if len(parent.Attached) > 0 && uses(route) {
				users[parent.Gateway] = struct{}{}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(users), store.CompareKeys)
}

func parentText(ref gwv1.ParentReference) string {
	text := cmp.Or(string(ptr.Deref(ref.Kind, "")), "Gateway") + " " + string(ptr.Deref(ref.Namespace, "")) + "/" + string(ref.Name)
	if ref.SectionName != nil {
		text += " section " + string(*ref.SectionName)
	}
	return text
}

func poolOutline(parents []inferencev1.ParentStatus) map[string]any {
	outline := map[string]any{}
	for _, p := range parents {
		outline[string(p.ParentRef.Namespace)+"/"+string(p.ParentRef.Name)] = fixture.ConditionLines(p.Conditions)
	}
	return outline
}

func policyOutline(ancestors []gwv1.PolicyAncestorStatus) map[string]any {
	outline := map[string]any{}
	for _, a := range ancestors {
		outline[string(ptr.Deref(a.AncestorRef.Namespace, ""))+"/"+string(a.AncestorRef.Name)] = fixture.ConditionLines(a.Conditions)
	}
	return outline
}

func routeOutlines(routes []ir.Route) []any {
	outlines := []any{}
	for _, route := range routes {
		outlines = append(outlines, map[string]any{
			"name": route.Name, "match": matchWords(route.Match), "source": route.Source.String(),
			strings.ToLower(reflect.TypeOf(route.Action).Elem().Name()): outline(reflect.ValueOf(route.Action)),
		})
	}
	return outlines
}

// outline turns values of the IR into what YAML shows: without zero fields, and keys and
// durations as text.
func outline(value reflect.Value) any {
	if text, ok := value.Interface().(fmt.Stringer); ok && value.Kind() != reflect.Pointer {
		return text.String()
	}
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		return outline(value.Elem())
	case reflect.Struct:
		fields := map[string]any{}
		for i := range value.NumField() {
			if !value.Field(i).IsZero() {
				fields[value.Type().Field(i).Name] = outline(value.Field(i))
			}
		}
		return fields
	case reflect.Slice:
		items := make([]any, value.Len())
		for i := range items {
			items[i] = outline(value.Index(i))
		}
		return items
	default:
		return value.Interface()
	}
}
