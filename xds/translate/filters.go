package translate

import (
	_ "embed"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
)

//go:embed fallback.lua
var fallbackScript string

type namedFilter struct {
	name    string
	message proto.Message
}

// The HTTP filters in their order, the one list of every chain:
//
//  1. fallback: chooses the table when the exact host is missing; all later filters depend on
//     the route.
//  2. cors: answers preflight requests before anything is asked or woken for them.
//  3. hold: lets requests to a backend without an endpoint wait. Before the picker: an
//     endpoint can be picked only when there is one.
//  4. picker: asks the endpoint picker of the chosen target.
//  5. router.
func httpFilters() ([]*hcmv3.HttpFilter, error) {
	return filterList(
		namedFilter{fallbackFilter, fallback()},
		namedFilter{corsFilter, &corsv3.Cors{}},
		namedFilter{holdFilter, hold()},
		namedFilter{pickerFilter, picker()},
		namedFilter{routerFilter, router()},
	)
}

// upgradeFilters is the list for WebSocket. It leaves the picker out: its body mode waits for
// the end of a body that an upgraded stream never has, and the request would hang. A pool
// that fails open takes upgrades on any endpoint; one that fails closed answers 503.
func upgradeFilters() ([]*hcmv3.HttpFilter, error) {
	return filterList(
		namedFilter{fallbackFilter, fallback()},
		namedFilter{corsFilter, &corsv3.Cors{}},
		namedFilter{holdFilter, hold()},
		namedFilter{routerFilter, router()},
	)
}

func filterList(filters ...namedFilter) ([]*hcmv3.HttpFilter, error) {
	var out []*hcmv3.HttpFilter
	for _, filter := range filters {
		config, err := typedConfig(filter.message)
		if err != nil {
			return nil, err
		}
		out = append(out, &hcmv3.HttpFilter{
			Name:       filter.name,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config},
		})
	}
	return out, nil
}

func fallback() proto.Message {
	return &luav3.Lua{DefaultSourceCode: &corev3.DataSource{
		Specifier: &corev3.DataSource_InlineString{InlineString: fallbackScript},
	}}
}

// router adds no x-envoy-* headers to requests or responses: what it knows is in the access
// log, and backends should see what the client sent.
func router() proto.Message {
	return &routerv3.Router{SuppressEnvoyHeaders: true}
}
