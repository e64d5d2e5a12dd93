package route

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
)

var elsewhere = strings.Replace(fixture.WebService, "namespace: app", "namespace: other", 1)

func TestBackendRefs(t *testing.T) {
	tests := []struct {
		name, kind, ref string
		cluster         string // of the target; empty: invalid
		reason          string // of ResolvedRefs, empty: resolved
		message         string
		documents       []string
	}{
		{name: "Service", ref: "{name: web, port: 80}", cluster: "service/app/web/80"},
		{name: "h2c", ref: "{name: web, port: 81}", cluster: "service/app/web/81"},
		{name: "WebSocket", ref: "{name: web, port: 82}", cluster: "service/app/web/82"},
		{name: "pool, port ignored", ref: "{group: inference.networking.k8s.io, kind: InferencePool, name: chat, port: 1}",
			cluster: "pool/app/chat"},
		{name: "missing Service", ref: "{name: nope, port: 80}", reason: "BackendNotFound",
			message: "rules[0].backendRefs[0]: Service app/nope does not exist"},
		{name: "missing pool", ref: "{group: inference.networking.k8s.io, kind: InferencePool, name: nope}", reason: "BackendNotFound",
			message: "InferencePool app/nope does not exist"},
		{name: "missing port", ref: "{name: web, port: 99}", reason: "BackendNotFound",
			message: "has no TCP port 99; it has 443, 53/UDP, 80, 81, 82, 90"},
		{name: "UDP port", ref: "{name: web, port: 53}", reason: "BackendNotFound", message: "no TCP port 53"},
		{name: "no port", ref: "{name: web}", reason: "BackendNotFound", message: "backendRefs[0].port is missing"},
		{name: "unknown kind", ref: "{group: example.com, kind: Bucket, name: web}", reason: "InvalidKind",
			message: `kind "Bucket" of group "example.com"`},
		{name: "pool of another group", ref: "{group: inference.networking.x-k8s.io, kind: InferencePool, name: chat}", reason: "InvalidKind"},
		{name: "ExternalName", ref: "{name: external, port: 80}", reason: "InvalidKind", message: "type ExternalName"},
		{name: "other namespace", ref: "{name: web, namespace: other, port: 80}", reason: "RefNotPermitted",
			message: "create a ReferenceGrant in namespace other"},
		{name: "permission before existence", ref: "{name: nope, namespace: other, port: 80}", reason: "RefNotPermitted"},
		{name: "granted", ref: "{name: web, namespace: other, port: 80}", cluster: "service/other/web/80",
			documents: []string{fixture.Grant("other", "HTTPRoute", "app", "Service", "web")}},
		{name: "granted by another name", ref: "{name: web, namespace: other, port: 80}", reason: "RefNotPermitted",
			documents: []string{fixture.Grant("other", "HTTPRoute", "app", "Service", "nope")}},
		{name: "granted to another kind", ref: "{name: web, namespace: other, port: 80}", reason: "RefNotPermitted",
			documents: []string{fixture.Grant("other", "GRPCRoute", "app", "Service", "")}},
		{name: "odd protocol", ref: "{name: web, port: 90}", reason: "UnsupportedProtocol", message: `appProtocol "example.com/odd"`},
		{name: "TLS without policy", ref: "{name: web, port: 443}", reason: "UnsupportedProtocol", message: "create a BackendTLSPolicy"},
		{name: "TLS with a policy for the port", ref: "{name: web, port: 443}", cluster: "service/app/web/443",
			documents: []string{fixture.Policy("p", "{group: \"\", kind: Service, name: web, sectionName: tls}",
				"{wellKnownCACertificates: System, hostname: web.example.com}")}},
		{name: "TLS with a policy for another port", ref: "{name: web, port: 443}", reason: "UnsupportedProtocol",
			documents: []string{fixture.Policy("p", "{group: \"\", kind: Service, name: web, sectionName: plain}",
				"{wellKnownCACertificates: System, hostname: web.example.com}")}},
		{name: "gRPC", kind: "GRPCRoute", ref: "{name: web, port: 80}", cluster: "service/app/web/80/grpc"},
		{name: "gRPC over h2c", kind: "GRPCRoute", ref: "{name: web, port: 81}", cluster: "service/app/web/81/grpc"},
		{name: "gRPC over WebSocket", kind: "GRPCRoute", ref: "{name: web, port: 82}", reason: "UnsupportedProtocol",
			message: "gRPC cannot be sent"},
		{name: "gRPC to an HTTP/1.1 pool", kind: "GRPCRoute", ref: "{group: inference.networking.k8s.io, kind: InferencePool, name: chat}",
			reason: "UnsupportedProtocol"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.kind == "" {
				tt.kind = "HTTPRoute"
			}
			documents := append(tt.documents, fixture.HTTPGateway, fixture.WebService, elsewhere, fixture.ChatPool, fixture.PickerService,
				fixture.ExternalService,
				fixture.Route(tt.kind, "web", "rules: [{backendRefs: ["+tt.ref+"]}]"))
			result := resolveRoute(t, store.Kind(tt.kind), documents...)
			conditions := onlyParent(t, result).Conditions
			want := "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"
			if tt.reason != "" {
				want = "Accepted=True/Accepted ResolvedRefs=False/" + tt.reason
			}
			if got := fixture.Summary(conditions); got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, conditions, "ResolvedRefs", tt.message)
			if tt.cluster == "" {
				respondsWith(t, result, 500)
				if len(result.Clusters) != 0 {
					t.Errorf("clusters %v", result.Clusters)
				}
				return
			}
			if got := forwardOf(t, result).Targets[0].Cluster.String(); got != tt.cluster {
				t.Errorf("cluster %s, want %s", got, tt.cluster)
			}
		})
	}
}

func TestWeights(t *testing.T) {
	tests := []struct {
		name, refs string
		targets    string // empty: 500
		resolved   string
	}{
		{"default is 1", "[{name: web, port: 80}]", "web/80=1", "True"},
		{"two", "[{name: web, port: 80, weight: 70}, {name: web, port: 81, weight: 30}]", "web/80=70 web/81=30", "True"},
		{"zero stays, warm", "[{name: web, port: 80, weight: 1}, {name: web, port: 81, weight: 0}]", "web/80=1 web/81=0", "True"},
		{"only zero", "[{name: web, port: 80, weight: 0}]", "", "True"},
		{"none", "[]", "", "True"},
		{"invalid keeps its share", "[{name: web, port: 80, weight: 3}, {name: nope, port: 80, weight: 1}]", "web/80=3 invalid=1", "False"},
		{"invalid without share", "[{name: web, port: 80}, {name: nope, port: 80, weight: 0}]", "web/80=1", "False"},
		{"all invalid", "[{name: nope, port: 80}, {name: web, port: 99}]", "", "False"},
		{"invalid, and valid without share", "[{name: nope, port: 80}, {name: web, port: 80, weight: 0}]", "", "False"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute("rules: [{backendRefs: "+tt.refs+"}]"))
			conditions := onlyParent(t, result).Conditions
			if got := string(conditions[1].Status); got != tt.resolved {
				t.Errorf("ResolvedRefs %s, want %s", got, tt.resolved)
			}
			if tt.targets == "" {
				respondsWith(t, result, 500)
				return
			}
			var got []string
			for _, target := range forwardOf(t, result).Targets {
				name := fmt.Sprintf("%s/%d", target.Cluster.Name, target.Cluster.Port)
				if target.Invalid {
					name = "invalid"
				}
				got = append(got, fmt.Sprintf("%s=%d", name, target.Weight))
			}
			if strings.Join(got, " ") != tt.targets {
				t.Errorf("targets %v, want %s", got, tt.targets)
			}
		})
	}
}

// What a route may send to is what its gateways must have: pickers, mirrors and both kinds of
// a Service, sorted and once; nothing of rules that answer 500.
func TestClustersOfARoute(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.ChatPool, fixture.PickerService, fixture.HTTPRoute(`
rules:
- matches: [{path: {value: /a}}, {path: {value: /b}}]
  filters: [{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}}}]
  backendRefs:
  - {name: web, port: 81}
  - {group: inference.networking.k8s.io, kind: InferencePool, name: chat}
- matches: [{path: {value: /c}}]
  filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: X, name: x}}]
  backendRefs: [{name: web, port: 80}]
`))
	var got []string
	for _, cluster := range result.Clusters {
		got = append(got, cluster.String())
	}
	fixture.EqualSlices(t, "clusters", got, []string{
		"picker/app/epp/9002", "picker/app/epp/9002/relay", "pool/app/chat", "service/app/web/81", "service/app/web/82",
	})
	fixture.EqualSlices(t, "pools", result.Pools, []types.NamespacedName{{Namespace: "app", Name: "chat"}})
}

// Two pools of one rule keep their own pickers, and a Service beside them has none.
func TestPickerOfEachTarget(t *testing.T) {
	second := strings.NewReplacer("name: chat", "name: embed", "name: epp", "name: epp2").Replace(fixture.ChatPool)
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.ChatPool, fixture.PickerService, second,
		strings.Replace(fixture.PickerService, "name: epp", "name: epp2", 1), fixture.HTTPRoute(`
rules:
- backendRefs:
  - {group: inference.networking.k8s.io, kind: InferencePool, name: chat, weight: 70}
  - {group: inference.networking.k8s.io, kind: InferencePool, name: embed, weight: 30}
  - {name: web, port: 80}
`))
	var got []string
	for _, target := range forwardOf(t, result).Targets {
		picker := "none"
		if target.Picker != nil {
			picker = target.Picker.Cluster.Name
		}
		got = append(got, target.Cluster.Name+" "+picker)
	}
	fixture.EqualSlices(t, "pickers", got, []string{"chat epp", "embed epp2", "web none"})
}
