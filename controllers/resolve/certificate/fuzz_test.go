package certificate

import (
	"bytes"
	"crypto/tls"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// FuzzKeyPair: any content of a Secret is refused, or is a pair that TLS takes; the same text comes of it a second
// time, so what reaches a proxy does not grow.
func FuzzKeyPair(f *testing.F) {
	pair := fixture.NewPair(f, "a.example.com")
	f.Add(pair.Certificate, pair.Key)
	f.Add(append(bytes.Clone(pair.Certificate), pair.Certificate...), append([]byte("text\n"), pair.Key...))
	f.Add(pair.Key, pair.Certificate)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
		[]byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, certificate, key []byte) {
		made, err := KeyPair(&corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key}})
		if err != nil {
			return
		}
		if _, err := tls.X509KeyPair(made.Certificate, made.PrivateKey); err != nil {
			t.Fatalf("accepted, and no pair: %v", err)
		}
		again, err := KeyPair(&corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: made.Certificate,
			corev1.TLSPrivateKeyKey: made.PrivateKey}})
		if err != nil || !bytes.Equal(again.Certificate, made.Certificate) || !bytes.Equal(again.PrivateKey, made.PrivateKey) {
			t.Fatalf("what is sent is not read as the same: %v", err)
		}
	})
}

// FuzzCABundle is the same for authorities.
func FuzzCABundle(f *testing.F) {
	pair := fixture.NewPair(f, "a.example.com")
	f.Add(pair.Certificate)
	f.Add(append([]byte("# comment\n"), append(bytes.Clone(pair.Key), pair.Certificate...)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		bundle, err := CABundle(text)
		if err != nil {
			return
		}
		if again, err := CABundle(bundle); err != nil || !bytes.Equal(again, bundle) {
			t.Fatalf("what is sent is not read as the same: %v", err)
		}
	})
}
