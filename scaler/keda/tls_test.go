package keda

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kedify/inference-gateway/scaler"
)

// authority signs one certificate for both ends.
func authority(t *testing.T) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"scaler.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// TestTLS: the configuration decides whether clients must show a certificate.
func TestTLS(t *testing.T) {
	pool, certificate := authority(t)
	alone := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	mutual := alone.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, pool
	trusting := &tls.Config{RootCAs: pool, ServerName: "scaler.test", MinVersion: tls.VersionTLS12}
	known := trusting.Clone()
	known.Certificates = []tls.Certificate{certificate}
	for name, c := range map[string]struct {
		server, client *tls.Config
		want           codes.Code
	}{
		"plaintext":                     {nil, nil, codes.OK},
		"TLS":                           {alone, trusting, codes.OK},
		"mTLS":                          {mutual, known, codes.OK},
		"mTLS without a certificate":    {mutual, trusting, codes.Unavailable},
		"TLS, spoken to in plaintext":   {alone, nil, codes.Unavailable},
		"plaintext, spoken to with TLS": {nil, trusting, codes.Unavailable},
		"TLS with an unknown authority": {alone,
			&tls.Config{ServerName: "scaler.test", RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}, codes.Unavailable},
		"TLS under another server name": {alone,
			&tls.Config{ServerName: "other.test", RootCAs: pool, MinVersion: tls.VersionTLS12}, codes.Unavailable},
		"TLS, and a certificate no less": {alone, known, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := serve(t, New(Options{Catalog: scaler.NewCatalog(), Registry: newRegistry(), TLS: c.server}))
			secure := insecure.NewCredentials()
			if c.client != nil {
				secure = credentials.NewTLS(c.client)
			}
			connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(secure))
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			_, err = pb.NewExternalScalerClient(connection).GetMetricSpec(t.Context(), refTo(metadata(nil)))
			wantCode(t, err, c.want, "")
			if c.want != codes.OK {
				return
			}
			health, err := healthv1.NewHealthClient(connection).Check(t.Context(), &healthv1.HealthCheckRequest{})
			if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
				t.Errorf("health: %v %v", health.GetStatus(), err)
			}
		})
	}
}
