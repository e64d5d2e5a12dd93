package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/server"
)

func TestIdentity(t *testing.T) {
	gateway := types.NamespacedName{Namespace: "team-a", Name: "edge"}
	uri := server.Identity(gateway, "u-1")
	if want := "spiffe://kedify-gateway/ns/team-a/gateway/edge/uid/u-1"; uri != want {
		t.Errorf("identity %q, want %q", uri, want)
	}
	if got, err := server.ParseIdentity(uri); err != nil || got != (server.GatewayIdentity{Gateway: gateway, UID: "u-1"}) {
		t.Errorf("parsed %v, %v", got, err)
	}
	for _, bad := range []string{
		"", "spiffe://kedify-gateway", server.ReplicaIdentity, server.KEDAIdentity, server.MetricsIdentity("a"),
		"spiffe://kedify-gateway/ns/a/gateway/b", // of a version without UIDs
		"spiffe://kedify-gateway/ns/a/gateway//uid/u", "spiffe://kedify-gateway/ns//gateway/b/uid/u",
		"spiffe://kedify-gateway/ns/a/gateway/b/uid/",
		"spiffe://kedify-gateway/ns/a/gateway/b/uid/u/c", "spiffe://other/ns/a/gateway/b/uid/u", "ns/a/gateway/b/uid/u",
		"spiffe://kedify-gateway/ns/a/sa/b", "https://kedify-gateway/ns/a/gateway/b/uid/u", "spiffe://kedify-gateway/ns/a/gateway/b/uid/u?x=1/",
	} {
		if got, err := server.ParseIdentity(bad); err == nil {
			t.Errorf("%q was parsed as %v", bad, got)
		}
	}
}

// TestX4MetricsIdentity: the certificate of a namespace's own Envoys names that namespace, and no other certificate
// of the CA does.
func TestX4MetricsIdentity(t *testing.T) {
	for uri, want := range map[string]string{
		server.MetricsIdentity("shop"):                    "shop",
		server.MetricsIdentity("a/b"):                     "",
		server.MetricsIdentity(""):                        "",
		server.ReplicaIdentity:                            "",
		server.KEDAIdentity:                               "",
		"spiffe://kedify-gateway/ns/shop/gateway/metrics": "",
		"spiffe://other/ns/shop/metrics":                  "",
		"spiffe://kedify-gateway/ns/shop/metrics/metrics": "",
	} {
		name, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		certificate := &x509.Certificate{URIs: []*url.URL{name}}
		ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{
			PeerCertificates: []*x509.Certificate{certificate}, VerifiedChains: [][]*x509.Certificate{{certificate}},
		}}})
		if got, err := server.PeerMetrics(ctx); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
	if got, err := server.PeerMetrics(t.Context()); err == nil {
		t.Errorf("without a certificate: %q", got)
	}
}
