package translate

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/kedify/inference-gateway/xds/ir"
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
