package server_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/server"
)

func TestIdentity(t *testing.T) {
	gateway := types.NamespacedName{Namespace: "team-a", Name: "edge"}
	uri := server.Identity(gateway)
	if want := "spiffe://kedify-gateway/ns/team-a/gateway/edge"; uri != want {
		t.Errorf("identity %q, want %q", uri, want)
	}
	if got, err := server.ParseIdentity(uri); err != nil || got != gateway {
		t.Errorf("parsed %v, %v", got, err)
	}
	for _, bad := range []string{
		"", "spiffe://kedify-gateway", server.ReplicaIdentity, server.KEDAIdentity, "spiffe://kedify-gateway/ns/a/gateway/", "spiffe://kedify-gateway/ns//gateway/b",
		"spiffe://kedify-gateway/ns/a/gateway/b/c", "spiffe://other/ns/a/gateway/b", "ns/a/gateway/b",
		"spiffe://kedify-gateway/ns/a/sa/b", "https://kedify-gateway/ns/a/gateway/b", "spiffe://kedify-gateway/ns/a/gateway/b?x=1/",
	} {
		if got, err := server.ParseIdentity(bad); err == nil {
			t.Errorf("%q was parsed as %v", bad, got)
		}
	}
}
