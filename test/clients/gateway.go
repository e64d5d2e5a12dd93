package clients

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"text/template"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Gateway is an Envoy that serves testdata/objects.yaml in front of a Backend.
type Gateway struct {
	Port, SecurePort int
	// Authority is a file with the certificate of the gateway, which is self-signed.
	Authority string
	// Proxy is the Envoy itself.
	Proxy *proxytest.Proxy
}

// route is the part of the objects that each kind of host has.
type route struct{ Name, Hostname string }

// StartGateway starts backend, pickers and Envoy; they end with the test.
func StartGateway(t *testing.T) *Gateway {
	t.Helper()
	proxytest.Binary(t)
	backend := StartBackend(t)
	pickers := map[string]*proxytest.Picker{}
	for name, port := range map[string]int{"http": backend.Web, "rpc": backend.RPC} {
		pickers[name] = proxytest.StartPicker(t, name)
		pickers[name].Pick("127.0.0.1:" + strconv.Itoa(port))
	}
	pair := fixture.NewPair(t, "exact.test", "*.wild.test", "any.example")
	g := &Gateway{Port: proxytest.Port(t), SecurePort: proxytest.Port(t), Authority: filepath.Join(t.TempDir(), "authority.pem")}
	if err := os.WriteFile(g.Authority, pair.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Proxy = proxytest.Start(t)
	g.Proxy.Apply(resource.Change{Upsert: rendered(t, map[string]any{
		"Port": g.Port, "SecurePort": g.SecurePort, "Web": backend.Web, "RPC": backend.RPC,
		"Picker": portOf(t, pickers["http"].Address), "RPCPicker": portOf(t, pickers["rpc"].Address),
		"Certificate": base64.StdEncoding.EncodeToString(pair.Certificate), "Key": base64.StdEncoding.EncodeToString(pair.Key),
		"Hosts": []route{{"exact", "exact.test"}, {"wildcard", "*.wild.test"}, {"none", ""}},
	})})
	return g
}

// rendered is what the control plane makes of the objects. All of them have to be accepted.
func rendered(t *testing.T, values map[string]any) []resource.Resource {
	t.Helper()
	source, err := template.ParseFiles("testdata/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := source.Execute(&text, values); err != nil {
		t.Fatal(err)
	}
	scheme := controllers.NewScheme()
	objects, err := offline.Load(scheme, text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	result, err := offline.Run(scheme, offline.WithClass(objects), true)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, update := range result.Statuses {
		parents, isRoute := update.Value.([]gwv1.RouteParentStatus)
		if !isRoute {
			continue
		}
		for _, parent := range parents {
			for _, condition := range parent.Conditions {
				if condition.Status != metav1.ConditionTrue {
					t.Fatalf("%s %s: %s: %s", update.Object.Kind, update.Object.Key, condition.Type, condition.Message)
				}
			}
			accepted++
		}
	}
	if want := 2 * len(values["Hosts"].([]route)); accepted != want || len(result.Gateways) != 1 {
		t.Fatalf("%d routes accepted, want %d, on %d Gateways", accepted, want, len(result.Gateways))
	}
	return result.Gateways[0].Resources
}
