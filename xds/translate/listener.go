package translate

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	proxyprotocolv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/xds/bootstrap"
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
		Address:       bootstrap.AnyAddress(l.IPv6),
		Ipv4Compat:    l.IPv6,
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

// proxyHeaderTimeout ends connections whose PROXY header, or first message of TLS, is not whole: Envoy's default, written down.
const proxyHeaderTimeout = 15 * time.Second

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
		rendered, used, err := filterChains(chain)
		if err != nil {
			return nil, nil, fmt.Errorf("chain %s: %w", chain.ID, err)
		}
		clusters = append(clusters, used...)
		inspect = inspect || chain.SNI != ""
		message.FilterChains = append(message.FilterChains, rendered...)
	}
	var err error
	if l.ProxyProtocol != ir.NoProxyProtocol {
		message.ListenerFiltersTimeout = durationpb.New(proxyHeaderTimeout)
		err = inspectConnections(message, "envoy.filters.listener.proxy_protocol", &proxyprotocolv3.ProxyProtocol{
			AllowRequestsWithoutProxyProtocol: l.ProxyProtocol == ir.OptionalProxyProtocol,
		})
	}
	if inspect && err == nil {
		err = inspectConnections(message, "envoy.filters.listener.tls_inspector", &tlsinspectorv3.TlsInspector{})
	}
	return message, clusters, err
}

// inspectConnections adds what reads the first bytes of connections, behind what reads them already.
func inspectConnections(listener *listenerv3.Listener, name string, filter proto.Message) error {
	config, err := typedConfig(filter)
	if err != nil {
		return err
	}
	listener.ListenerFilters = append(listener.ListenerFilters, &listenerv3.ListenerFilter{
		Name: name, ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: config},
	})
	return nil
}

// filterChains renders a chain. With trusted ranges of addresses it is two: that of their connections, and that of all others. Envoy
// itself keeps x-forwarded-proto of every client as soon as any range is trusted.
func filterChains(chain ir.Chain) ([]*listenerv3.FilterChain, []string, error) {
	trusted := chain.Client.TrustedCIDRs
	chain.Client.TrustedCIDRs = nil
	others, clusters, err := filterChain(chain.ID, chain)
	if err != nil || len(trusted) == 0 {
		return []*listenerv3.FilterChain{others}, clusters, err
	}
	chain.Client.TrustedCIDRs = trusted
	// What the other chain excludes is part of it, so that open connections do not stay with a decision of before.
	others.Metadata = excluding(trusted)
	proxies, _, err := filterChain(trustedChain(chain.ID), chain)
	if err != nil {
		return nil, nil, err
	}
	if proxies.FilterChainMatch == nil {
		proxies.FilterChainMatch = &listenerv3.FilterChainMatch{}
	}
	proxies.FilterChainMatch.SourcePrefixRanges, err = cidrRanges(halved(trusted))
	return []*listenerv3.FilterChain{others, proxies}, clusters, err
}

// halves of the ranges that have every address of a family.
var halves = map[string][]string{"0.0.0.0/0": {"0.0.0.0/1", "128.0.0.0/1"}, "::/0": {"::/1", "8000::/1"}}

// halved writes a range of every address as its two halves. To Envoy a filter chain for 0.0.0.0/0 and one without a range match the
// same connections, and either gets them.
func halved(ranges []string) (all []string) {
	for _, text := range ranges {
		if both, every := halves[text]; every {
			all = append(all, both...)
		} else {
			all = append(all, text)
		}
	}
	return all
}

// excluding notes the ranges that a chain is not for. Envoy keeps the connections of a chain that does not change.
func excluding(ranges []string) *corev3.Metadata {
	values := make([]*structpb.Value, len(ranges))
	for i, text := range ranges {
		values[i] = structpb.NewStringValue(text)
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		"kedify.client": {Fields: map[string]*structpb.Value{"excluded": structpb.NewListValue(&structpb.ListValue{Values: values})}},
	}}
}

func filterChain(name string, chain ir.Chain) (*listenerv3.FilterChain, []string, error) {
	filters, clusters, err := chainFilters(chain)
	if err != nil {
		return nil, nil, err
	}
	out := &listenerv3.FilterChain{Name: name, Filters: filters}
	if chain.SNI != "" {
		out.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: []string{chain.SNI}}
	}
	if chain.TLS != nil {
		out.TransportSocket, err = downstreamTLS(chain)
	}
	return out, clusters, err
}

func cidrRanges(texts []string) ([]*corev3.CidrRange, error) {
	out := make([]*corev3.CidrRange, 0, len(texts))
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted range: %w", err)
		}
		out = append(out, &corev3.CidrRange{AddressPrefix: prefix.Addr().String(), PrefixLen: uint32Value(uint32(prefix.Bits()))})
	}
	return out, nil
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
	var clusters []string
	if chain.Tracing != nil {
		clusters = append(clusters, ClusterName(chain.Tracing.Collector))
	}
	return []*listenerv3.Filter{{
		Name:       "envoy.filters.network.http_connection_manager",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config},
	}}, clusters, nil
}
