package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Keys of the CA Secret besides tls.crt and tls.key (the signer) and ca.crt (the bundle).
const (
	nextCertKey       = "next.crt"
	nextPrivateKeyKey = "next.key"
)

// organization of every certificate of the product.
const organization = "kedify-gateway"

// ErrDamaged says that a CA Secret does not hold a usable CA.
var ErrDamaged = errors.New("the CA Secret is damaged")

// Lifetimes of certificates. Every certificate is renewed after two thirds of its life.
type Lifetimes struct {
	CA, Leaf time.Duration
	// Overlap between the announcement of a new CA and its first signature: longer than any
	// Envoy needs to receive the bundle (the kubelet takes up to two minutes).
	Overlap time.Duration
	// Skew by which certificates are valid before they are made, for clocks that disagree.
	Skew time.Duration
}

// DefaultLifetimes are what the product uses. Leaves are short because nothing revokes them.
var DefaultLifetimes = Lifetimes{
	CA:      3 * 365 * 24 * time.Hour,
	Leaf:    30 * 24 * time.Hour,
	Overlap: 24 * time.Hour,
	Skew:    5 * time.Minute,
}

// Authority is the CA at one moment.
type Authority struct {
	signer  pair
	next    *pair // announced and trusted, signs later
	retired []*x509.Certificate
}

// pair is a CA certificate with its key.
type pair struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes a CA.
func NewAuthority(lifetimes Lifetimes, now time.Time) (*Authority, error) {
	signer, err := newPair(lifetimes, now)
	if err != nil {
		return nil, err
	}
	return &Authority{signer: *signer}, nil
}

// ParseAuthority reads the data of a CA Secret; the error is ErrDamaged.
func ParseAuthority(data map[string][]byte) (*Authority, error) {
	signer, err := parsePair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, corev1.TLSCertKey, err)
	}
	a := &Authority{signer: *signer}
	if len(data[nextCertKey]) > 0 {
		// A broken successor is dropped, not fatal: the signer still signs, and the next
		// Advance announces another.
		if a.next, err = parsePair(data[nextCertKey], data[nextPrivateKeyKey]); err != nil {
			a.next = nil
		}
	}
	// A bundle that cannot be read costs the retired CAs; the signer alone is one.
	trusted, _ := parseCertificates(data[corev1.ServiceAccountRootCAKey])
	for _, certificate := range trusted {
		if certificate.IsCA && !slices.ContainsFunc(a.trusted(), certificate.Equal) {
			a.retired = append(a.retired, certificate)
		}
	}
	return a, nil
}

// Data is the content of the CA Secret.
func (a *Authority) Data() (map[string][]byte, error) {
	key, err := encodeKey(a.signer.key)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{
		corev1.TLSCertKey:              encodeCertificates(a.signer.certificate),
		corev1.TLSPrivateKeyKey:        key,
		corev1.ServiceAccountRootCAKey: a.Bundle(),
	}
	if a.next == nil {
		return data, nil
	}
	if data[nextPrivateKeyKey], err = encodeKey(a.next.key); err != nil {
		return nil, err
	}
	data[nextCertKey] = encodeCertificates(a.next.certificate)
	return data, nil
}

// Bundle is everything to trust, as PEM.
func (a *Authority) Bundle() []byte { return encodeCertificates(a.trusted()...) }

// Expiry is when the CA that signs ends.
func (a *Authority) Expiry() time.Time { return a.signer.certificate.NotAfter }

// Pool is everything to trust.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, certificate := range a.trusted() {
		pool.AddCert(certificate)
	}
	return pool
}

// Advance returns the authority as it should be at that time: the receiver itself when
// nothing is to be done.
func (a *Authority) Advance(lifetimes Lifetimes, now time.Time) (*Authority, error) {
	advanced := &Authority{signer: a.signer, next: a.next}
	for _, certificate := range a.retired {
		if now.Before(certificate.NotAfter) {
			advanced.retired = append(advanced.retired, certificate)
		}
	}
	changed := len(advanced.retired) != len(a.retired)
	expired := !now.Before(a.signer.certificate.NotAfter)
	if advanced.next == nil && !now.Before(renewal(a.signer.certificate)) {
		next, err := newPair(lifetimes, now)
		if err != nil {
			return nil, err
		}
		advanced.next, changed = next, true
	}
	if advanced.next != nil && (expired || !now.Before(announced(advanced.next, lifetimes).Add(lifetimes.Overlap))) {
		if !expired {
			advanced.retired = append(advanced.retired, a.signer.certificate)
		}
		advanced.signer, advanced.next, changed = *advanced.next, nil, true
	}
	if !changed {
		return a, nil
	}
	return advanced, nil
}

// announced is when the CA was made and became part of the bundle.
func announced(p *pair, lifetimes Lifetimes) time.Time {
	return p.certificate.NotBefore.Add(lifetimes.Skew)
}

// sameAs reports whether two authorities hold the same certificates.
func (a *Authority) sameAs(other *Authority) bool {
	return other != nil && a.signer.certificate.Equal(other.signer.certificate) && bytes.Equal(a.Bundle(), other.Bundle())
}

func (a *Authority) trusted() []*x509.Certificate {
	trusted := []*x509.Certificate{a.signer.certificate}
	if a.next != nil {
		trusted = append(trusted, a.next.certificate)
	}
	return append(trusted, a.retired...)
}

func newPair(lifetimes Lifetimes, now time.Time) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a CA key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		// Each CA has a name of its own, so that verifiers need not try keys.
		Subject:               pkix.Name{Organization: []string{organization}, CommonName: fmt.Sprintf("CA %x", serial.Bytes()[:4])},
		NotBefore:             now.Add(-lifetimes.Skew),
		NotAfter:              now.Add(lifetimes.CA),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create a CA certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse the CA certificate: %w", err)
	}
	return &pair{certificate: certificate, key: key}, nil
}

// newSerial returns a positive number of 16 bytes (RFC 5280 4.1.2.2 allows 20).
func newSerial() (*big.Int, error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	raw[0] = raw[0]&0x7f | 0x40
	return new(big.Int).SetBytes(raw), nil
}

// renewal is when two thirds of the life of a certificate are over.
func renewal(certificate *x509.Certificate) time.Time {
	return certificate.NotBefore.Add(certificate.NotAfter.Sub(certificate.NotBefore) * 2 / 3)
}
