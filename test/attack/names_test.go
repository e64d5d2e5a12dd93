package attack

import (
	"bytes"
	"sync"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/test/rig"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// byName are the types of which an unknown name is answered with something empty of that name.
var byName = map[resource.Type]bool{resource.Endpoint: true, resource.Route: true, resource.Secret: true}

// TestNames: a proxy that knows the names of what another Gateway has gets none of it, type by type. What a certificate
// binds is in xds/server (TestCertificateBindsGateway).
func TestNames(t *testing.T) {
	pair := fixture.NewPair(t, victimHost)
	secured := "kind: Gateway\nmetadata: {name: edge, namespace: shop}\nspec:\n  gatewayClassName: kedify\n" +
		"  listeners: [{name: https, port: 8443, protocol: HTTPS, hostname: victim.test, tls: {certificateRefs: [{name: tls}]}}]\n"
	out := rig.Run(rig.Objects(t, victimYAML(pair), secured, attackerYAML,
		ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}]}`))...)
	publisher := publish.New(publish.Options{})
	for _, gateway := range []ir.Key{ir.Key(shopGateway), ir.Key(evilGateway)} {
		publisher.Apply(gateway, resource.Change{Upsert: ofGateway(out, gateway.Namespace, gateway.Name)})
		publisher.Ready(gateway)
	}
	theirs := map[resource.Type][]string{}
	for _, r := range ofGateway(out, "shop", "edge") {
		if _, mine := out.Resources[evilGateway][r.Key]; !mine {
			theirs[r.Type] = append(theirs[r.Type], r.Name)
		}
	}
	var mu sync.Mutex
	var got bytes.Buffer
	p := deltatest.Start(t, deltatest.Options{
		Gateway: ir.Key(evilGateway), Dial: deltatest.Serve(t, publisher).Dial, Missing: []string{"invalid"},
		Reject: func(_ resource.Key, body []byte) string {
			mu.Lock()
			defer mu.Unlock()
			got.Write(body)
			return ""
		},
	})
	p.Wait("its listener", func(s deltatest.State) bool { return s.Version(resource.Listener, "tcp/80") != "" })
	for _, kind := range resource.Types {
		t.Run(string(kind), func(t *testing.T) {
			names := append([]string{"*"}, theirs[kind]...)
			if len(names) == 1 {
				t.Fatal("the victim's Gateway has none of the type")
			}
			if err := p.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: string(kind), ResourceNamesSubscribe: names}); err != nil {
				t.Fatal(err)
			}
			behind := "behind " + string(kind) // is answered behind everything else
			p.Subscribe(resource.Route, behind)
			p.Wait("the answer about a table behind it", func(s deltatest.State) bool { return s.Version(resource.Route, behind) != "" })
			mu.Lock()
			defer mu.Unlock()
			for _, text := range []string{victimEndpoint, victimPodIP, string(bytes.TrimSpace(pair.Key))} {
				if bytes.Contains(got.Bytes(), []byte(text)) {
					t.Errorf("the proxy was sent %.40q", text)
				}
			}
			for _, name := range theirs[kind] {
				if !byName[kind] && p.Versions(kind)[name] != "" {
					t.Errorf("the proxy has %s", name)
				}
			}
		})
	}
}
