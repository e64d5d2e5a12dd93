package bootstrap

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	healthv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/health_check/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// readyListener answers probes. Envoy's own /ready is on the admin interface, which no probe
// can reach on a socket, and stays 200 while the proxy drains. Workers open the port only
// when the first clusters, listeners and routes are there.
func readyListener(ipv6 bool) (*listenerv3.Listener, error) {
	listener, err := answers{
		name: "ready", port: ReadyPort, ipv6: ipv6,
		filters: []namedFilter{{"envoy.filters.http.health_check", &healthv3.HealthCheck{
			PassThroughMode: wrapperspb.Bool(false), Headers: []*routev3.HeaderMatcher{exactly(":path", ReadyPath)},
		}}},
		routes: []*routev3.Route{notFound()},
	}.listener(&hcmv3.HttpConnectionManager{})
	if err != nil {
		return nil, err
	}
	// Probes must be answered when the proxy sheds load: not ready is worse than slow.
	listener.BypassOverloadManager = true
	return listener, nil
}
