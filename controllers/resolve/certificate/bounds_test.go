package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// TestX1CostOfAKeyPair: what a key pair costs the replica that reads it, and the Envoy that signs with it or sends it
// with each handshake, is bounded before the work: these share both with other tenants.
func TestX1CostOfAKeyPair(t *testing.T) {
	pair := fixture.NewPair(t, "a.example.com")
	large := longRSA(t)
	for name, c := range map[string]struct {
		certificate, key []byte
		want             string
	}{
		"long RSA key": {large.Certificate, large.Key, "the RSA key has 8676 bits; use 2048 to 4096"},
		"long chain":   {bytes.Repeat(pair.Certificate, 200), pair.Key, "bytes and the limit is 65536"},
		"text as chain": {append(bytes.Repeat([]byte("-----BEGIN X-----\n"), 60_000), pair.Certificate...), pair.Key,
			"bytes and the limit is 65536"},
		"text as key": {pair.Certificate, append(bytes.Repeat([]byte("-----BEGIN X-----\n"), 60_000), pair.Key...),
			"bytes and the limit is 65536"},
		"long RSA chain": {append(bytes.Clone(pair.Certificate), large.Certificate...), pair.Key, ""}, // nothing is signed with it
	} {
		t.Run(name, func(t *testing.T) {
			_, err := KeyPair(&corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: c.certificate, corev1.TLSPrivateKeyKey: c.key}})
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// longRSA is a pair whose RSA key has 8676 bits, of two primes of Mersenne: to find others takes minutes.
func longRSA(t *testing.T) fixture.Pair {
	t.Helper()
	one := big.NewInt(1)
	mersenne := func(bits uint) *big.Int { return new(big.Int).Sub(new(big.Int).Lsh(one, bits), one) }
	p, q := mersenne(4253), mersenne(4423)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi), Primes: []*big.Int{p, q},
	}
	return fixture.Pair{Certificate: issued(t, &key.PublicKey), Key: marshalled(t, key)}
}

// issued is a certificate of the key.
func issued(t *testing.T, public *rsa.PublicKey) []byte {
	t.Helper()
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, public, authority)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
}

func marshalled(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
