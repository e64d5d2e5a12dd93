package translate

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// ErrNoCertificate says that a chain terminates TLS without a certificate.
var ErrNoCertificate = errors.New("no certificate")

const tlsSocket = "envoy.transport_sockets.tls"

// downstreamTLS terminates TLS. Key material comes by SDS over ADS, so a renewed certificate
// changes one secret and no listener.
func downstreamTLS(chain ir.Chain) (*corev3.TransportSocket, error) {
	if len(chain.TLS.Certificates) == 0 {
		return nil, ErrNoCertificate
	}
	common := &tlsv3.CommonTlsContext{
		TlsParams: &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2},
	}
	for _, name := range chain.TLS.Certificates {
		common.TlsCertificateSdsSecretConfigs = append(common.TlsCertificateSdsSecretConfigs, secretConfig(name))
	}
	if chain.Forward == nil {
		common.AlpnProtocols = []string{"h2", "http/1.1"}
	}
	context := &tlsv3.DownstreamTlsContext{CommonTlsContext: common}
	if chain.TLS.ClientCA != "" {
		if chain.TLS.ClientOptional {
			// The certificate is asked for but none, or an unverifiable one, is accepted
			// (Gateway API, AllowInsecureFallback).
			common.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
				CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
					DefaultValidationContext: &tlsv3.CertificateValidationContext{
						TrustChainVerification: tlsv3.CertificateValidationContext_ACCEPT_UNTRUSTED,
					},
					ValidationContextSdsSecretConfig: secretConfig(chain.TLS.ClientCA),
				},
			}
		} else {
			context.RequireClientCertificate = boolTrue()
			common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{
				ValidationContextSdsSecretConfig: secretConfig(chain.TLS.ClientCA),
			}
		}
	}
	config, err := typedConfig(context)
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{
		Name:       tlsSocket,
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: config},
	}, nil
}

func secretConfig(name string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: SecretName(name), SdsConfig: adsConfigSource()}
}

// ErrNoCA says that a backend is to be verified, but not against what.
var ErrNoCA = errors.New("backend TLS without a CA")

// systemCA is the trust store of the proxy image.
const systemCA = "/etc/ssl/certs/ca-certificates.crt"

// upstreamTLS connects to the endpoints with TLS.
func upstreamTLS(t *ir.UpstreamTLS, protocol ir.Protocol) (*corev3.TransportSocket, error) {
	if t.ControlPlane {
		return bootstrap.ReplicaTLS()
	}
	// Envoy's clients stop at 1.2 unless told otherwise, and some backends start at 1.3.
	common := &tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{
		TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2,
		TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3,
	}}
	switch protocol {
	case ir.HTTP2:
		common.AlpnProtocols = []string{"h2"}
	case ir.HTTP1, "":
		common.AlpnProtocols = []string{"http/1.1"}
	case ir.HTTPAny:
		common.AlpnProtocols = []string{"h2", "http/1.1"}
	case ir.TCPRaw: // the proxy does not know which protocol is spoken
	}
	if t.Certificate != "" {
		common.TlsCertificateSdsSecretConfigs = []*tlsv3.SdsSecretConfig{secretConfig(t.Certificate)}
	}
	if !t.Insecure {
		if err := verify(common, t); err != nil {
			return nil, err
		}
	}
	config, err := typedConfig(&tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: t.SNI})
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{
		Name:       tlsSocket,
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: config},
	}, nil
}

// verify checks the chain of the backend and that its certificate carries one of the names.
// Names given replace the server name (BackendTLSPolicy, subjectAltNames).
func verify(common *tlsv3.CommonTlsContext, t *ir.UpstreamTLS) error {
	names := t.Names
	if len(names) == 0 && t.SNI != "" {
		names = []ir.SubjectAltName{{Name: t.SNI}}
	}
	context := &tlsv3.CertificateValidationContext{}
	for _, name := range names {
		kind := tlsv3.SubjectAltNameMatcher_DNS
		if name.URI {
			kind = tlsv3.SubjectAltNameMatcher_URI
		}
		context.MatchTypedSubjectAltNames = append(context.MatchTypedSubjectAltNames, &tlsv3.SubjectAltNameMatcher{
			SanType: kind, Matcher: valueMatcher(ir.ValueMatch{Value: name.Name}),
		})
	}
	switch {
	case t.CA != "":
		common.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
			CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
				DefaultValidationContext:         context,
				ValidationContextSdsSecretConfig: secretConfig(t.CA),
			},
		}
	case t.SystemCA:
		context.TrustedCa = &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: systemCA}}
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: context}
	default:
		return ErrNoCA
	}
	return nil
}

// ErrEmptySecret says that a secret holds neither a certificate pair nor a CA bundle.
var ErrEmptySecret = errors.New("secret has neither a certificate pair nor a CA bundle")

// Secret renders key material (SDS).
func Secret(s ir.Secret) (resource.Resource, error) {
	name := SecretName(s.Name)
	message := &tlsv3.Secret{Name: name}
	sources := distinct([]ir.Source{s.Source})
	switch {
	case len(s.CA) > 0:
		message.Type = &tlsv3.Secret_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa: inlineBytes(s.CA),
		}}
	case len(s.Certificate) > 0 && len(s.PrivateKey) > 0:
		message.Type = &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inlineBytes(s.Certificate),
			PrivateKey:       inlineBytes(s.PrivateKey),
		}}
	default:
		return resource.Resource{
			Key: resource.Key{Type: resource.Secret, Name: name}, Sources: sources,
		}, ErrEmptySecret
	}
	made, err := resource.New(resource.Secret, name, message, nil, sources...)
	made.CA = s.CA
	return made, err
}

func inlineBytes(data []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: data}}
}
