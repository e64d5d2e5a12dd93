package server_test

import (
	"testing"

	"github.com/kedify/inference-gateway/xds/server"
)

// FuzzParseIdentity: a text that names a gateway is exactly the identity of that gateway, so no two texts do.
func FuzzParseIdentity(f *testing.F) {
	for _, text := range []string{
		"", "spiffe://kedify-gateway/ns/a/gateway/b/uid/u", "spiffe://kedify-gateway/ns/a/gateway/b", "spiffe://kedify-gateway/ns//gateway//uid/",
		server.ReplicaIdentity, server.KEDAIdentity, server.MetricsIdentity("a"),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if gateway, err := server.ParseIdentity(text); err == nil && server.Identity(gateway.Gateway, gateway.UID) != text {
			t.Fatalf("%q names %v", text, gateway)
		}
	})
}
