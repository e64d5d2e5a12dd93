package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// authority issues certificates for one test.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &authority{t: t, certificate: certificate, key: key, pool: pool}
}

// issue makes a certificate with URI names and the DNS name "xds".
func (a *authority) issue(uris ...string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"xds"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for _, text := range uris {
		uri, err := url.Parse(text)
		if err != nil {
			a.t.Fatal(err)
		}
		template.URIs = append(template.URIs, uri)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// client is the transport of a proxy that presents certificates.
func (a *authority) client(certificates ...tls.Certificate) credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: a.pool, ServerName: "xds", Certificates: certificates})
}

func (a *authority) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		Certificates: []tls.Certificate{a.issue()},
	}
}

// uidOf is the UID of the Gateway of a test.
func uidOf(gateway ir.Key) types.UID { return types.UID("uid-" + gateway.Namespace) }

func identityOf(gateway ir.Key) string {
	return server.Identity(types.NamespacedName(gateway), uidOf(gateway))
}

// The certificate of a proxy decides what it can read, and the node cannot say otherwise.
func TestCertificateBindsGateway(t *testing.T) {
	mine, other := ir.Key{Namespace: "a", Name: "edge"}, ir.Key{Namespace: "b", Name: "edge"}
	issuer, stranger := newAuthority(t), newAuthority(t)
	publisher := publish.New(publish.Options{})
	for _, gateway := range []ir.Key{mine, other} {
		publisher.Apply(gateway, resource.Change{Upsert: []resource.Resource{
			deltatest.Listener(t, gateway.String(), 80), deltatest.Secret(t, "key", gateway.String()),
		}})
		publisher.Ready(gateway)
	}
	gateways := server.NewGateways()
	gateways.Set(types.NamespacedName(mine), uidOf(mine))
	gateways.Set(types.NamespacedName(other), uidOf(other))
	gateways.SetComplete()
	endpoint := deltatest.ServeOptions(t, server.Options{
		Publisher: publisher, TLS: issuer.server(), Gateways: gateways,
	})
	tests := []struct {
		name    string
		options deltatest.Options
		code    codes.Code
	}{
		{"its own gateway", deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue(identityOf(mine)))}, codes.OK},
		{"claims another gateway", deltatest.Options{Gateway: other, Credentials: issuer.client(issuer.issue(identityOf(mine)))},
			codes.PermissionDenied},
		{"no URI name", deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue())}, codes.Unauthenticated},
		{"two URI names",
			deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue(identityOf(mine), identityOf(other)))}, codes.Unauthenticated},
		{"foreign URI name", deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue("spiffe://elsewhere/ns/a/gateway/edge"))},
			codes.Unauthenticated},
		{"a replica of the control plane",
			deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue(server.ReplicaIdentity))}, codes.Unauthenticated},
		{"foreign authority", deltatest.Options{Gateway: mine, Credentials: issuer.client(stranger.issue(identityOf(mine)))}, codes.Unavailable},
		{"no certificate", deltatest.Options{Gateway: mine, Credentials: issuer.client()}, codes.Unavailable},
		{"no UID", deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue("spiffe://kedify-gateway/ns/a/gateway/edge"))},
			codes.Unauthenticated},
		{"X7 an earlier Gateway of the name",
			deltatest.Options{Gateway: mine, Credentials: issuer.client(issuer.issue(server.Identity(types.NamespacedName(mine), "earlier")))},
			codes.PermissionDenied},
		{"X7 a Gateway that does not exist",
			deltatest.Options{Credentials: issuer.client(issuer.issue(server.Identity(types.NamespacedName{Namespace: "a", Name: "gone"}, "u")))},
			codes.PermissionDenied},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.options.Dial = endpoint.Dial
			p := deltatest.New(t, test.options)
			if err := p.TryConnect(); err != nil {
				if got := status.Code(err); got != test.code {
					t.Errorf("code %s, want %s: %v", got, test.code, err)
				}
				return
			}
			if test.code != codes.OK {
				p.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
				if got := status.Code(p.Err()); got != test.code {
					t.Errorf("code %s, want %s: %v", got, test.code, p.Err())
				}
				return
			}
			p.Wait("its listener", func(s deltatest.State) bool { return s.Version(resource.Listener, mine.String()) != "" })
			p.Subscribe(resource.Secret, "key")
			p.WaitVersion(resource.Key{Type: resource.Secret, Name: "key"}, deltatest.Secret(t, "key", mine.String()).Version)
			if n := len(p.Versions(resource.Listener)); n != 1 {
				t.Errorf("%d listeners", n)
			}
		})
	}
}

// A TLS configuration that lets every client in is refused, and so is a server without the Gateways whose proxies
// may call.
func TestTLSMustVerify(t *testing.T) {
	issuer := newAuthority(t)
	_, err := server.New(server.Options{Publisher: publish.New(publish.Options{}), TLS: issuer.server()})
	if !errors.Is(err, server.ErrNoGateways) {
		t.Errorf("error %v", err)
	}
	loose := issuer.server()
	loose.ClientAuth = tls.VerifyClientCertIfGiven
	_, err = server.New(server.Options{Publisher: publish.New(publish.Options{}), TLS: loose})
	if !errors.Is(err, server.ErrNoClientVerification) {
		t.Errorf("error %v", err)
	}
}
