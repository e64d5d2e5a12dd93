package translate

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
)

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
	case ir.TCPRaw: // whatever is spoken, the proxy does not know it
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
