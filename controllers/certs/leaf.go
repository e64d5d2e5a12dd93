package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// leaf is a wish for a certificate that is no CA.
type leaf struct {
	names []string   // DNS names and IP addresses of a server
	uris  []*url.URL // identities of a client
	usage x509.ExtKeyUsage
}

// issued is a certificate with its key.
type issued struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// issue signs a certificate with a new key. It never outlives its signer.
func (a *Authority) issue(wish leaf, lifetimes Lifetimes, now time.Time) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	notAfter := now.Add(lifetimes.Leaf)
	if a.signer.certificate.NotAfter.Before(notAfter) {
		notAfter = a.signer.certificate.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{organization}},
		NotBefore:             now.Add(-lifetimes.Skew),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{wish.usage},
		BasicConstraintsValid: true,
		URIs:                  wish.uris,
	}
	for _, name := range wish.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.signer.certificate, key.Public(), a.signer.key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse the signed certificate: %w", err)
	}
	return &issued{certificate: certificate, key: key}, nil
}

// Certificate is the content of the Secret of a client, or of a server that reads it.
type Certificate struct {
	// Data has tls.crt, tls.key and ca.crt, and nothing else.
	Data map[string][]byte
	// Renew is when to ask again, Expiry when the certificate ends.
	Renew, Expiry time.Time
	// Reason says why the certificate was issued; empty when the existing one stays.
	Reason string
}

// ClientCertificate returns what the Secret of the client should hold, given what it holds:
// the same when that is still good, so that a write is due exactly when Data differs.
func (a *Authority) ClientCertificate(
	existing map[string][]byte, identity string, lifetimes Lifetimes, now time.Time,
) (Certificate, error) {
	uri, err := url.Parse(identity)
	if err != nil {
		return Certificate{}, fmt.Errorf("identity %q: %w", identity, err)
	}
	return a.keep(existing, leaf{uris: []*url.URL{uri}, usage: x509.ExtKeyUsageClientAuth}, lifetimes, now)
}

// ServingCertificate is ClientCertificate for a server with these DNS names.
func (a *Authority) ServingCertificate(
	existing map[string][]byte, names []string, lifetimes Lifetimes, now time.Time,
) (Certificate, error) {
	return a.keep(existing, leaf{names: names, usage: x509.ExtKeyUsageServerAuth}, lifetimes, now)
}

// keep returns what the Secret should hold for which a certificate is wished.
func (a *Authority) keep(existing map[string][]byte, wish leaf, lifetimes Lifetimes, now time.Time) (Certificate, error) {
	certificate, reason := a.check(existing, wish, now)
	if reason == nil {
		data := maps.Clone(existing)
		maps.DeleteFunc(data, func(name string, _ []byte) bool {
			return name != corev1.TLSCertKey && name != corev1.TLSPrivateKeyKey
		})
		data[corev1.ServiceAccountRootCAKey] = a.Bundle()
		return Certificate{Data: data, Renew: renewal(certificate), Expiry: certificate.NotAfter}, nil
	}
	made, err := a.issue(wish, lifetimes, now)
	if err != nil {
		return Certificate{}, err
	}
	key, err := encodeKey(made.key)
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{
		Data: map[string][]byte{
			corev1.TLSCertKey:              encodeCertificates(made.certificate),
			corev1.TLSPrivateKeyKey:        key,
			corev1.ServiceAccountRootCAKey: a.Bundle(),
		},
		Renew:  renewal(made.certificate),
		Expiry: made.certificate.NotAfter,
		Reason: reason.Error(),
	}, nil
}

// check says why an existing certificate has to be replaced.
func (a *Authority) check(existing map[string][]byte, wish leaf, now time.Time) (*x509.Certificate, error) {
	if len(existing) == 0 {
		return nil, errors.New("there is none")
	}
	if _, err := tls.X509KeyPair(existing[corev1.TLSCertKey], existing[corev1.TLSPrivateKeyKey]); err != nil {
		return nil, fmt.Errorf("certificate and key are no pair: %w", err)
	}
	certificates, err := parseCertificates(existing[corev1.TLSCertKey])
	if err != nil {
		return nil, err
	}
	certificate := certificates[0]
	switch is, wanted := subjects(certificate), wish.subjects(); {
	case !slices.Equal(is, wanted):
		return nil, fmt.Errorf("it is for %v, not for %v", is, wanted)
	case !slices.Equal(certificate.ExtKeyUsage, []x509.ExtKeyUsage{wish.usage}):
		return nil, errors.New("it is for another use")
	case !bytes.Equal(certificate.AuthorityKeyId, a.signer.certificate.SubjectKeyId):
		return nil, errors.New("another CA signed it")
	case certificate.CheckSignatureFrom(a.signer.certificate) != nil:
		return nil, errors.New("its signature is not the CA's")
	case !now.Before(renewal(certificate)):
		return nil, fmt.Errorf("two thirds of its life are over (it ends %s)", certificate.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(certificate.NotBefore):
		return nil, fmt.Errorf("it is valid only from %s", certificate.NotBefore.UTC().Format(time.RFC3339))
	}
	return certificate, nil
}

// subjects are the names and identities of a wish, in order.
func (l leaf) subjects() (all []string) {
	for _, name := range l.names {
		if ip := net.ParseIP(name); ip != nil {
			name = ip.String()
		}
		all = append(all, name)
	}
	for _, uri := range l.uris {
		all = append(all, uri.String())
	}
	slices.Sort(all)
	return all
}

// subjects are the names and identities of a certificate, in order.
func subjects(certificate *x509.Certificate) []string {
	all := slices.Clone(certificate.DNSNames)
	for _, ip := range certificate.IPAddresses {
		all = append(all, ip.String())
	}
	all = append(all, identities(certificate)...)
	slices.Sort(all)
	return all
}

// identities are the URI names of a certificate.
func identities(certificate *x509.Certificate) []string {
	uris := make([]string, 0, len(certificate.URIs))
	for _, uri := range certificate.URIs {
		uris = append(uris, uri.String())
	}
	return uris
}
