package bootstrap

import (
	"net/http"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
)

// answers are what a listener of the proxy about itself does with HTTP.
type answers struct {
	name    string // of the listener, its table and its statistics
	port    uint32
	ipv6    bool
	filters []namedFilter // before the router
	routes  []*routev3.Route
}

type namedFilter struct {
	name    string
	message proto.Message
}

// listener binds the port. The manager is completed with table and filters.
func (a answers) listener(manager *hcmv3.HttpConnectionManager) (*listenerv3.Listener, error) {
	manager.StatPrefix = a.name
	manager.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
		Name:         a.name,
		VirtualHosts: []*routev3.VirtualHost{{Name: a.name, Domains: []string{"*"}, Routes: a.routes}},
	}}
	for _, filter := range slices.Concat(a.filters, []namedFilter{{"envoy.filters.http.router", &routerv3.Router{}}}) {
		config, err := packed(filter.message)
		if err != nil {
			return nil, err
		}
		manager.HttpFilters = append(manager.HttpFilters, &hcmv3.HttpFilter{
			Name: filter.name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config},
		})
	}
	served, err := networkFilter("envoy.filters.network.http_connection_manager", manager)
	if err != nil {
		return nil, err
	}
	return &listenerv3.Listener{
		Name:                  a.name,
		Address:               bound(a.ipv6, a.port),
		IgnoreGlobalConnLimit: true,
		FilterChains:          []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{served}}},
	}, nil
}

func networkFilter(name string, message proto.Message) (*listenerv3.Filter, error) {
	config, err := packed(message)
	if err != nil {
		return nil, err
	}
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config}}, nil
}

// exactly holds for one value of a header.
func exactly(header, value string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{Name: header, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{
		StringMatch: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: value}},
	}}
}

// notFound takes what no other route does.
func notFound() *routev3.Route {
	return &routev3.Route{Name: "not-found", Match: anyPath(), Action: answer(http.StatusNotFound)}
}

func anyPath(headers ...*routev3.HeaderMatcher) *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}, Headers: headers}
}

func answer(status uint32) *routev3.Route_DirectResponse {
	return &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: status}}
}
