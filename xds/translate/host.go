package translate

import (
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/fields"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

const statusNotFound = 404

// Direct answers longer than Envoy's 4 KiB have to be allowed in their table.
const (
	maxPlainBody = 4 << 10
	maxBody      = 1 << 20
)

// table collects a RouteConfiguration and what it depends on.
type table struct {
	config   *routev3.RouteConfiguration
	clusters []string
	sources  []ir.Source
	// needs are the names of filters that a route or a target configures.
	needs map[string]bool
}

func newTable(name string) *table {
	return &table{needs: map[string]bool{}, config: &routev3.RouteConfiguration{
		Name:                     name,
		IgnorePortInHostMatching: true,
		// The key headers stay inside the proxy.
		RequestHeadersToRemove: []string{ChainHeader, HostHeader},
	}}
}

// Host renders an exact host: its scope and its table. On an error the resources carry only
// their keys and sources.
func Host(h ir.Host) (scope, route resource.Resource, err error) {
	return divided{hosts: []ir.Host{h}, exact: true, chain: h.Chain, host: h.Hostname, ids: &partIDs{}}.render()
}

// Wildcards renders all hosts of a chain that are not exact. Envoy prefers exact domains to
// the longest suffix to "*", which is the precedence of Gateway API.
func Wildcards(w ir.Wildcards) (scope, route resource.Resource, err error) {
	return divided{hosts: w.Hosts, chain: w.Chain, host: WildcardHost, ids: &partIDs{}}.render()
}

// render renders the scope and the table.
func (d divided) render() (scope, route resource.Resource, err error) {
	t := newTable(RouteName(d.chain, d.host))
	scope, route = t.keys(d.chain, d.host)
	for _, host := range d.hosts {
		if host.Filters != nil {
			t.sources = append(t.sources, host.Filters.Source)
		}
		for i := range host.Routes {
			t.sources = append(t.sources, host.Routes[i].Source)
		}
	}
	t.sources = distinct(t.sources)
	scope.Sources, route.Sources = t.sources, t.sources
	if d.exact {
		err = t.addExact(d.hosts)
	} else {
		err = t.addWildcards(d.hosts)
	}
	if err != nil {
		return scope, route, err
	}
	scope, route, err = t.render(d.chain, d.host)
	route.Divisible = d
	return scope, route, err
}

// routeFilters do something only where a route or a target says so.
var routeFilters = []string{redirectFilter, authFilter, holdFilter, routingFilter, trailersFilter, pickerFilter, rewriteFilter}

// addExact adds the one host of a table.
func (t *table) addExact(hosts []ir.Host) error {
	off, err := typedConfig(&routev3.FilterConfig{Disabled: true})
	if err != nil {
		return err
	}
	for _, host := range hosts {
		if err := t.add(host, "*"); err != nil {
			return fmt.Errorf("host %s: %w", t.config.Name, err)
		}
		t.config.TypedPerFilterConfig = map[string]*anypb.Any{
			// The host was found, there is nothing to fall back to.
			fallbackFilter: off,
		}
		// What nothing names is left out; a virtual host, a rule or a target that names one turns it on again.
		for _, name := range append(t.unused(routeFilters, host), listenerFilter, rematchFilter) {
			t.config.TypedPerFilterConfig[name] = off
		}
	}
	return nil
}

// unused returns the names of filters that no route of an exact table needs. Which filters are left out of the chain of a request is
// decided with its first route; where the listener has filters, or models are read, another one may follow.
func (t *table) unused(names []string, host ir.Host) []string {
	second := host.Filters != nil || host.ReadsModels()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return second && t.needs[name] })
}

// addWildcards adds the hosts of a chain, and the one that answers all others.
func (t *table) addWildcards(hosts []ir.Host) error {
	all := false
	for _, host := range hosts {
		all = all || host.Hostname == WildcardHost
		if err := t.add(host, host.Hostname); err != nil {
			return fmt.Errorf("host %s: %w", RouteName(host.Chain, host.Hostname), err)
		}
	}
	if !all {
		t.config.VirtualHosts = append(t.config.VirtualHosts, &routev3.VirtualHost{
			Name:    noHostRoute,
			Domains: []string{WildcardHost},
			Routes:  []*routev3.Route{notFound(noHostRoute)},
		})
	}
	return nil
}

func (t *table) keys(chain, host string) (scope, route resource.Resource) {
	scope.Key = resource.Key{Type: resource.Scope, Name: ScopeName(chain, host)}
	route.Key = resource.Key{Type: resource.Route, Name: t.config.Name}
	return scope, route
}

// add appends the virtual host of one hostname. The table of an exact host takes all domains:
// the scope has compared the name already.
func (t *table) add(h ir.Host, domain string) error {
	over, err := fields.ReadRoute(h.Fields)
	if err != nil {
		return err
	}
	var routes []*rule
	reader := modelReader{host: h}
	for i := range h.Routes {
		rendered, clusters, err := renderRoute(&h.Routes[i], h, over)
		if err != nil {
			return fmt.Errorf("route %s: %w", h.Routes[i].Name, err)
		}
		if rendered, err = reader.before(h.Routes[i].Match, rendered); err != nil {
			return err
		}
		if body, ok := h.Routes[i].Action.(*ir.Respond); ok && len(body.Body) > maxPlainBody {
			t.config.MaxDirectResponseBodySizeBytes = uint32Value(maxBody)
		}
		for _, r := range rendered {
			t.need(r.route)
		}
		routes = append(routes, rendered...)
		t.clusters = append(t.clusters, clusters...)
	}
	h.Filters.EachCluster(func(key ir.ClusterKey) { t.clusters = append(t.clusters, ClusterName(key)) })
	host := &routev3.VirtualHost{Name: h.Hostname, Domains: []string{domain}}
	if host.TypedPerFilterConfig, err = hostFilters(h); err != nil {
		return err
	}
	if err := fill(host, routes); err != nil {
		return err
	}
	t.config.VirtualHosts = append(t.config.VirtualHosts, host)
	return nil
}

// need notes the filters that a route and its targets configure.
func (t *table) need(route *routev3.Route) {
	for name := range route.TypedPerFilterConfig {
		t.needs[name] = true
	}
	for _, target := range route.GetRoute().GetWeightedClusters().GetClusters() {
		for name := range target.TypedPerFilterConfig {
			t.needs[name] = true
		}
	}
}

func (t *table) render(chain, host string) (scope, route resource.Resource, err error) {
	key := func(value string) *routev3.ScopedRouteConfiguration_Key_Fragment {
		return &routev3.ScopedRouteConfiguration_Key_Fragment{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: value},
		}
	}
	scopeName := ScopeName(chain, host)
	scope, err = resource.New(resource.Scope, scopeName, &routev3.ScopedRouteConfiguration{
		Name:                   scopeName,
		RouteConfigurationName: t.config.Name,
		Key: &routev3.ScopedRouteConfiguration_Key{
			Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{key(chain), key(host)},
		},
	}, nil, t.sources...)
	if err != nil {
		return scope, route, err
	}
	scope.Companion = t.config.Name
	route, err = resource.New(resource.Route, t.config.Name, t.config, sorted(t.clusters), t.sources...)
	return scope, route, err
}

// notFound ends a list of routes. Without it a request that no rule takes would have no route
// at all and the fallback filter would hand it to a wildcard host. The empty prefix also takes
// "*" (OPTIONS *), which is no path.
func notFound(name string) *routev3.Route {
	return &routev3.Route{
		Name:  name,
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: ""}},
		Action: &routev3.Route_DirectResponse{
			DirectResponse: &routev3.DirectResponseAction{Status: statusNotFound},
		},
	}
}
