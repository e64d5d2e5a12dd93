package pickers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/kedify/inference-gateway/xds/ir"
)

var errNoCertificates = errors.New("the bundle has no certificate")

// tlsConfig verifies what proxies verify (translate.Cluster), and presents nothing.
func tlsConfig(t *ir.UpstreamTLS, ca []byte) (*tls.Config, error) {
	config := &tls.Config{
		ServerName: t.SNI, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection verifies: names are those of the policy, which need not be the server name
	}
	if t.Insecure {
		return config, nil
	}
	var roots *x509.CertPool // those of the system
	if !t.SystemCA {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(ca) {
			return nil, errNoCertificates
		}
	}
	config.VerifyConnection = func(state tls.ConnectionState) error { return verify(state.PeerCertificates, roots, t) }
	return config, nil
}

// verify checks the chain of a picker, and that its certificate carries one of the names.
func verify(chain []*x509.Certificate, roots *x509.CertPool, t *ir.UpstreamTLS) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return err
	}
	names := t.Names
	if len(names) == 0 && t.SNI != "" {
		names = []ir.SubjectAltName{{Name: t.SNI}}
	}
	if len(names) == 0 || slices.ContainsFunc(names, func(name ir.SubjectAltName) bool { return carries(chain[0], name) }) {
		return nil
	}
	return fmt.Errorf("the certificate has none of the names %v", names)
}

func carries(certificate *x509.Certificate, name ir.SubjectAltName) bool {
	if !name.URI {
		return certificate.VerifyHostname(name.Name) == nil
	}
	for _, uri := range certificate.URIs {
		if uri.String() == name.Name {
			return true
		}
	}
	return false
}
