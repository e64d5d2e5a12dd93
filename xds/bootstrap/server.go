package bootstrap

import (
	"path"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	serverConnectTimeout = 2 * time.Second
	// Our own server allows pings, and a replica that vanished without a word must be noticed
	// quickly: until then no change arrives. (Pickers must not be pinged, see xds/translate.)
	pingInterval = 10 * time.Second
	pingTimeout  = 5 * time.Second

	certificateSecret = "xds-certificate"
	authoritySecret   = "xds-authority"
)

// ReplicaTLS is mutual TLS with one replica of the control plane, for clusters that a data
// plane is sent: with the files that it connects to the control plane with.
func ReplicaTLS() (*corev3.TransportSocket, error) {
	return serverTLS(Config{Directory: Directory, CertificateDirectory: CertificateDirectory, ServerName: ReplicaName})
}

// serverTLS is mutual TLS, with the name of the control plane verified.
func serverTLS(c Config) (*corev3.TransportSocket, error) {
	config, err := packed(&tlsv3.UpstreamTlsContext{
		Sni: c.ServerName,
		CommonTlsContext: &tlsv3.CommonTlsContext{
			AlpnProtocols: []string{"h2"},
			// Envoy's clients stop at 1.2 unless told otherwise.
			TlsParams: &tlsv3.TlsParameters{
				TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_3,
				TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3,
			},
			TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{
				secretFile(c, certificateSecret, CertificateFile),
			},
			ValidationContextType: &tlsv3.CommonTlsContext_CombinedValidationContext{
				CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
					DefaultValidationContext: &tlsv3.CertificateValidationContext{
						MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
							SanType: tlsv3.SubjectAltNameMatcher_DNS,
							Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: c.ServerName}},
						}},
					},
					ValidationContextSdsSecretConfig: secretFile(c, authoritySecret, AuthorityFile),
				},
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: config},
	}, nil
}

// serverCluster is the control plane.
func serverCluster(c Config) (*clusterv3.Cluster, error) {
	socket, err := serverTLS(c)
	if err != nil {
		return nil, err
	}
	options, err := packed(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
						ConnectionKeepalive: &corev3.KeepaliveSettings{
							Interval: durationpb.New(pingInterval), Timeout: durationpb.New(pingTimeout),
						},
					},
				},
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return &clusterv3.Cluster{
		Name:                 Cluster,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS},
		DnsLookupFamily:      clusterv3.Cluster_V4_PREFERRED,
		ConnectTimeout:       durationpb.New(serverConnectTimeout),
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: Cluster,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
					Address: address(c.ServerAddress, c.ServerPort),
				}},
			}}}},
		},
		TransportSocket: socket,
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
		},
	}, nil
}

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// AnyAddress binds a port for IPv4, or with ipv4_compat for both families. A kernel without IPv6 cannot bind the second.
func AnyAddress(ipv6 bool) string {
	if ipv6 {
		return "::"
	}
	return "0.0.0.0"
}

// bound is a port of the proxy itself.
func bound(ipv6 bool, port uint32) *corev3.Address {
	out := address(AnyAddress(ipv6), port)
	out.GetSocketAddress().Ipv4Compat = ipv6
	return out
}

// secretFile is a secret read from one of our files. Key material in the bootstrap itself, or
// named by a plain file name there, would be read once; this way a rotation needs no restart.
func secretFile(c Config, name, file string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: &corev3.ConfigSource{
		ResourceApiVersion: corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{
			Path: path.Join(c.Directory, file),
		}},
	}}
}

// certificate is what the proxy presents.
func certificate(c Config) ([]byte, error) {
	return secretResource(&tlsv3.Secret{
		Name: certificateSecret,
		Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: file(c, "tls.crt"),
			PrivateKey:       file(c, "tls.key"),
			WatchedDirectory: &corev3.WatchedDirectory{Path: c.CertificateDirectory},
		}},
	})
}

// authority is what the proxy trusts.
func authority(c Config) ([]byte, error) {
	return secretResource(&tlsv3.Secret{
		Name: authoritySecret,
		Type: &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa:        file(c, "ca.crt"),
			WatchedDirectory: &corev3.WatchedDirectory{Path: c.CertificateDirectory},
		}},
	})
}

func file(c Config, name string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path.Join(c.CertificateDirectory, name)}}
}

func secretResource(secret *tlsv3.Secret) ([]byte, error) {
	resource, err := packed(secret)
	if err != nil {
		return nil, err
	}
	return text(&discoveryv3.DiscoveryResponse{Resources: []*anypb.Any{resource}})
}
