package translate

import (
	"errors"
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// ErrNoChain says that no chain serves the connections of a port.
var ErrNoChain = errors.New("listener without a chain")

// Listener renders one bound port (LDS).
func Listener(l ir.Listener) (resource.Resource, error) {
	name := ListenerName(l.Transport, l.Port)
	sources := l.Sources
	for _, chain := range l.Chains {
		sources = append(sources[:len(sources):len(sources)], chain.Source)
		if chain.Forward != nil {
			sources = append(sources, chain.Forward.Source)
		}
	}
	sources = distinct(sources)
	empty := resource.Resource{Key: resource.Key{Type: resource.Listener, Name: name}, Sources: sources}

	var message *listenerv3.Listener
	var clusters []string
	var err error
	if l.Transport == ir.UDP {
		message, clusters, err = udpListener(l)
	} else {
		message, clusters, err = tcpListener(l)
	}
	if err != nil {
		return empty, fmt.Errorf("listener %s: %w", name, err)
	}
	message.Name = name
	message.Address = boundAddress(l)
	return resource.New(resource.Listener, name, message, sorted(clusters), sources...)
}

func boundAddress(l ir.Listener) *corev3.Address {
	protocol := corev3.SocketAddress_TCP
	if l.Transport == ir.UDP {
		protocol = corev3.SocketAddress_UDP
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Protocol:      protocol,
		Address:       "0.0.0.0",
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: l.Port},
	}}}
}

// keepalive notices clients that vanished without a word, after some two minutes: a silent request may have
// no other limit.
func keepalive() *corev3.TcpKeepalive {
	return &corev3.TcpKeepalive{KeepaliveTime: uint32Value(60), KeepaliveInterval: uint32Value(15), KeepaliveProbes: uint32Value(4)}
}

// connectionBuffer is what is kept of the bytes of a client's connection, for each direction, before the other side has
// taken them. Envoy's own megabyte is more than any throughput needs (docs/adr/0034-memory-of-requests.md).
const connectionBuffer = 128 << 10

// tcpListener has one filter chain per server name. A connection that no chain claims is
// closed without a TLS alert.
func tcpListener(l ir.Listener) (*listenerv3.Listener, []string, error) {
	if len(l.Chains) == 0 {
		return nil, nil, ErrNoChain
	}
	message := &listenerv3.Listener{TcpKeepalive: keepalive(), PerConnectionBufferLimitBytes: uint32Value(connectionBuffer)}
	var clusters []string
	inspect := false
	for _, chain := range l.Chains {
		filters, used, err := chainFilters(chain)
		if err != nil {
			return nil, nil, fmt.Errorf("chain %s: %w", chain.ID, err)
		}
		clusters = append(clusters, used...)
		out := &listenerv3.FilterChain{Name: chain.ID, Filters: filters}
		if chain.SNI != "" {
			inspect = true
			out.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: []string{chain.SNI}}
		}
		if chain.TLS != nil {
			out.TransportSocket, err = downstreamTLS(chain)
			if err != nil {
				return nil, nil, fmt.Errorf("chain %s: %w", chain.ID, err)
			}
		}
		message.FilterChains = append(message.FilterChains, out)
	}
	if inspect {
		filter, err := typedConfig(&tlsinspectorv3.TlsInspector{})
		if err != nil {
			return nil, nil, err
		}
		message.ListenerFilters = []*listenerv3.ListenerFilter{{
			Name:       "envoy.filters.listener.tls_inspector",
			ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: filter},
		}}
	}
	return message, clusters, nil
}

func chainFilters(chain ir.Chain) ([]*listenerv3.Filter, []string, error) {
	if chain.Forward != nil {
		return tcpProxy(chain)
	}
	manager, err := connectionManager(chain)
	if err != nil {
		return nil, nil, err
	}
	config, err := typedConfig(manager)
	if err != nil {
		return nil, nil, err
	}
	return []*listenerv3.Filter{{
		Name:       "envoy.filters.network.http_connection_manager",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config},
	}}, nil, nil
}
