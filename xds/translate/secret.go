package translate

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

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
	return resource.New(resource.Secret, name, message, nil, sources...)
}

func inlineBytes(data []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: data}}
}
