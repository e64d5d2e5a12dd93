package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
)

// minRSABits is the shortest RSA key that Envoy 1.40 loads ("only RSA certificates with
// 2048-bit or larger keys are supported").
const minRSABits = 2048

const (
	// maxRSABits is the longest RSA key. An Envoy signs with it for each handshake, on a thread that serves other tenants
	// as well: some 5 ms with 4096 bits, and cubic in the number of bits.
	maxRSABits = 4096
	// maxPairBytes bounds each text of a key pair. Envoy sends the chain with each handshake; clients of Go and OpenSSL
	// take some 100 KiB.
	maxPairBytes = 64 << 10
)

// KeyPair checks what the proxy would check, and more, so that a wrong Secret is rejected
// here with a reason that a person can act on. Its name is the Secret's, never its content's.
func KeyPair(object *corev1.Secret) (ir.Secret, error) {
	certificate, key := object.Data[corev1.TLSCertKey], object.Data[corev1.TLSPrivateKeyKey]
	for _, name := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(object.Data[name]) == 0 {
			return ir.Secret{}, fmt.Errorf("its data has no %s", name)
		}
		if size := len(object.Data[name]); size > maxPairBytes {
			return ir.Secret{}, fmt.Errorf("%s has %d bytes and the limit is %d; leave out certificates that clients have", name, size, maxPairBytes)
		}
	}
	chain, certificates, err := blocks(certificate)
	if err != nil {
		return ir.Secret{}, fmt.Errorf("%s: %w", corev1.TLSCertKey, err)
	}
	if err := servableKey(certificates[0]); err != nil {
		return ir.Secret{}, fmt.Errorf("%s: %w", corev1.TLSCertKey, err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return ir.Secret{}, fmt.Errorf("%s and %s do not make a key pair: %w", corev1.TLSCertKey, corev1.TLSPrivateKeyKey, err)
	}
	// Go reads keys under wrong PEM labels, which Envoy does not: PKCS#8 suits every key.
	encoded, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return ir.Secret{}, fmt.Errorf("%s: %w", corev1.TLSPrivateKeyKey, err)
	}
	return ir.Secret{
		Name:        types.NamespacedName{Namespace: object.Namespace, Name: object.Name}.String(),
		Certificate: chain,
		PrivateKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// servableKey rejects the keys that Envoy 1.40 rejects, found by trying each kind that Go can
// read (Ed25519, P-256, P-384 and P-521 load), and those that cost its other tenants too much.
func servableKey(leaf *x509.Certificate) error {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return fmt.Errorf("the RSA key has %d bits; use %d or more", key.N.BitLen(), minRSABits)
		}
		if key.N.BitLen() > maxRSABits {
			return fmt.Errorf("the RSA key has %d bits; use %d to %d", key.N.BitLen(), minRSABits, maxRSABits)
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return errors.New("the elliptic curve is P-224; use P-256, P-384 or P-521")
		}
	}
	return nil
}

// errNoCertificate is wrapped with the place it was looked for.
var errNoCertificate = errors.New("no PEM block of type CERTIFICATE")

// blocks parses every certificate of a PEM text and returns them re-encoded: text
// between blocks, and blocks of other types, do not reach the proxy.
func blocks(text []byte) ([]byte, []*x509.Certificate, error) {
	var encoded bytes.Buffer
	var certificates []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %d does not parse: %w", len(certificates)+1, err)
		}
		certificates = append(certificates, parsed)
		encoded.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}))
	}
	if len(certificates) == 0 {
		return nil, nil, errNoCertificate
	}
	return encoded.Bytes(), certificates, nil
}

// CABundle returns the CA certificates of a PEM text as the proxy gets them.
func CABundle(text []byte) ([]byte, error) {
	bundle, _, err := blocks(text)
	return bundle, err
}
