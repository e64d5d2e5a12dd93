package attack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/test/rig"
)

// Addresses of the victim, which no configuration of the attacker's Gateway may have.
const (
	victimEndpoint, victimPodIP = "10.66.0.1", "10.66.0.2"
	victimAuthority             = "authority of the victim"
)

// reference is objects of the attacker, in namespace "evil", that name something of the victim's, in "shop".
type reference struct {
	name, objects string
	// leaks is what would be in the configuration of a Gateway if the reference were followed.
	leaks string
	// gateway has it: the attacker's, or the victim's where the attacker reaches in.
	gateway types.NamespacedName
	// opened are objects of the owner that make it lawful: then it is followed. It shows that the row would fail.
	opened string
	// closed are objects that look like these and open nothing.
	closed string
}

var (
	evilGateway = types.NamespacedName{Namespace: "evil", Name: "edge"}
	shopGateway = types.NamespacedName{Namespace: "shop", Name: "edge"}
)

// grant lets a kind of "evil" name a kind of "shop".
func grant(from, to string) string {
	return fmt.Sprintf("\n---\nkind: ReferenceGrant\nmetadata: {name: grant, namespace: shop}\nspec: {from: [%s], to: [%s]}\n",
		fromKind(from), to)
}

func fromKind(kind string) string {
	return fmt.Sprintf("{group: gateway.networking.k8s.io, kind: %s, namespace: evil}", kind)
}

const (
	aService = `{group: "", kind: Service}`
	aSecret  = `{group: "", kind: Secret}`
	aMap     = `{group: "", kind: ConfigMap}`
	aPool    = `{group: inference.networking.k8s.io, kind: InferencePool}`
)

// ruled is a route of the attacker with one rule.
func ruled(kind, section, rule string) string {
	return fmt.Sprintf("kind: %s\nmetadata: {name: route, namespace: evil}\nspec:\n  parentRefs: [{name: edge, sectionName: %s}]\n"+
		"  rules: [%s]\n",
		kind, section, rule)
}

const toVictim = `{backendRefs: [{name: web, namespace: shop, port: 80}]}`

// edge is the attacker's Gateway with another listener, or more.
func edge(more string) string {
	return "kind: Gateway\nmetadata: {name: edge, namespace: evil}\nspec:\n  gatewayClassName: kedify\n" + more
}

const httpListener = "  listeners:\n  - {name: http, port: 80, protocol: HTTP}\n"

// victimYAML is everything that the victim has.
func victimYAML(pair fixture.Pair) string {
	return classYAML + `
---
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  gatewayClassName: kedify
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
kind: HTTPRoute
metadata: {name: route, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [victim.test]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
kind: HTTPRoute
metadata: {name: model, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [model.victim.test]
  rules: [{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: model}]}]
---
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.66.1.1, ports: [{name: http, port: 80}, {name: datagrams, port: 53, protocol: UDP}]}
---
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: datagrams, port: 53, protocol: UDP}]
endpoints: [{addresses: [10.66.0.1]}]
---
kind: Service
metadata: {name: picker, namespace: shop}
spec: {clusterIP: 10.66.1.2, ports: [{name: grpc, port: 9002}]}
---
kind: InferencePool
metadata: {name: model, namespace: shop}
spec:
  selector: {matchLabels: {app: model}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: picker, port: {number: 9002}}
---
kind: Pod
metadata: {name: model-1, namespace: shop, labels: {app: model}}
status: {podIP: 10.66.0.2, conditions: [{type: Ready, status: "True"}]}
---
` + fixture.Secret("shop", "tls", pair) + "---\n" + fixture.Authority("shop", "authority", pair.Certificate)
}

// attackerYAML is the attacker's Gateway and a Service.
var attackerYAML = edge(httpListener+`  - {name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}
  - {name: tcp, port: 81, protocol: TCP}
  - {name: udp, port: 53, protocol: UDP}
`) + `---
kind: Service
metadata: {name: web, namespace: evil}
spec: {clusterIP: 10.13.1.1, ports: [{name: http, port: 80}]}
---
kind: EndpointSlice
metadata: {name: web-1, namespace: evil, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.13.0.1]}]
`

// references name what is not the attacker's. Kinds of references: Gateway API's GEP-709, and Kubernetes' own.
var references = []reference{
	{name: "HTTPRoute to a Service", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		opened: grant("HTTPRoute", aService)},
	{name: "HTTPRoute to a pool", gateway: evilGateway, leaks: victimPodIP, opened: grant("HTTPRoute", aPool),
		objects: ruled("HTTPRoute", "http",
			`{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: model, namespace: shop}]}`)},
	{name: "mirror of an HTTPRoute", gateway: evilGateway, leaks: victimEndpoint, opened: grant("HTTPRoute", aService),
		objects: ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}], filters: [{type: RequestMirror,
    requestMirror: {backendRef: {name: web, namespace: shop, port: 80}}}]}`)},
	{name: "authorization of an HTTPRoute", gateway: evilGateway, leaks: victimEndpoint, opened: grant("HTTPRoute", aService),
		objects: ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}], filters: [{type: ExternalAuth,
    externalAuth: {protocol: HTTP, http: {}, backendRef: {name: web, namespace: shop, port: 80}}}]}`)},
	{name: "authorization of a backend", gateway: evilGateway, leaks: victimEndpoint, opened: grant("HTTPRoute", aService),
		objects: ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80, filters: [{type: ExternalAuth,
    externalAuth: {protocol: GRPC, grpc: {}, backendRef: {name: web, namespace: shop, port: 80}}}]}]}`)},
	{name: "one of two backends of an HTTPRoute", gateway: evilGateway, leaks: victimEndpoint, opened: grant("HTTPRoute", aService),
		objects: ruled("HTTPRoute", "http",
			`{backendRefs: [{name: web, port: 80, weight: 1000}, {name: web, namespace: shop, port: 80, weight: 1}]}`)},
	{name: "GRPCRoute to a Service", objects: ruled("GRPCRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		opened: grant("GRPCRoute", aService)},
	{name: "mirror of a GRPCRoute", gateway: evilGateway, leaks: victimEndpoint, opened: grant("GRPCRoute", aService),
		objects: ruled("GRPCRoute", "http", `{backendRefs: [{name: web, port: 80}], filters: [{type: RequestMirror,
    requestMirror: {backendRef: {name: web, namespace: shop, port: 80}}}]}`)},
	{name: "TLSRoute to a Service", gateway: evilGateway, leaks: victimEndpoint, opened: grant("TLSRoute", aService),
		objects: strings.Replace(ruled("TLSRoute", "tls", toVictim), "  rules:", "  hostnames: [a.test]\n  rules:", 1)},
	{name: "TCPRoute to a Service", objects: ruled("TCPRoute", "tcp", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		opened: grant("TCPRoute", aService)},
	{name: "UDPRoute to a Service", gateway: evilGateway, leaks: victimEndpoint, opened: grant("UDPRoute", aService),
		objects: ruled("UDPRoute", "udp", `{backendRefs: [{name: web, namespace: shop, port: 53}]}`)},

	{name: "grant for another kind of route", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		closed: grant("GRPCRoute", aService), opened: grant("HTTPRoute", aService)},
	{name: "grant for another kind of backend", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		closed: grant("HTTPRoute", aPool), opened: grant("HTTPRoute", aService)},
	{name: "grant for another name", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		closed: grant("HTTPRoute", `{group: "", kind: Service, name: other}`), opened: grant("HTTPRoute", aService)},
	{name: "grant to another namespace", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		closed: strings.Replace(grant("HTTPRoute", aService), "namespace: evil", "namespace: other", 1), opened: grant("HTTPRoute", aService)},
	{name: "grant of the attacker", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		closed: strings.Replace(grant("HTTPRoute", aService), "namespace: shop", "namespace: evil", 1), opened: grant("HTTPRoute", aService)},
	{name: "grant of another group", objects: ruled("HTTPRoute", "http", toVictim), leaks: victimEndpoint, gateway: evilGateway,
		closed: strings.Replace(grant("HTTPRoute", aService), "gateway.networking.k8s.io", "networking.k8s.io", 1),
		opened: grant("HTTPRoute", aService)},

	{name: "certificate of a listener", gateway: evilGateway, leaks: "{key}", opened: grant("Gateway", aSecret),
		objects: edge("  listeners:\n  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: tls, namespace: shop}]}}\n") +
			"---\n" + ruled("HTTPRoute", "https", `{backendRefs: [{name: web, port: 80}]}`)},
	{name: "second certificate of a listener", gateway: evilGateway, leaks: "{key}", opened: grant("Gateway", aSecret),
		objects: edge("  listeners:\n  - {name: https, port: 443, protocol: HTTPS, "+
			"tls: {certificateRefs: [{name: own}, {name: tls, namespace: shop}]}}\n") +
			"---\n{own}---\n" + ruled("HTTPRoute", "https", `{backendRefs: [{name: web, port: 80}]}`)},
	{name: "certificate towards backends", gateway: evilGateway, leaks: "{key}", opened: grant("Gateway", aSecret),
		objects: edge(httpListener+"  tls: {backend: {clientCertificateRef: {name: tls, namespace: shop}}}\n") +
			"---\n" + ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}]}`) + "---\n" + policyYAML("evil",
			"own") + "---\n{authority}"},
	{name: "authority of clients", gateway: evilGateway, leaks: "{certificate}", opened: grant("Gateway", aMap),
		objects: edge("  listeners:\n  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: own}]}}\n"+
			"  tls: {frontend: {default: {validation: {caCertificateRefs: [{group: \"\", "+
			"kind: ConfigMap, name: authority, namespace: shop}]}}}}\n") +
			"---\n{own}---\n" + ruled("HTTPRoute", "https", `{backendRefs: [{name: web, port: 80}]}`)},
	{name: "certificate of a ListenerSet", gateway: evilGateway, leaks: "{key}", opened: grant("ListenerSet", aSecret),
		objects: edge(httpListener+"  allowedListeners: {namespaces: {from: Same}}\n") + `---
kind: ListenerSet
metadata: {name: set, namespace: evil}
spec:
  parentRef: {name: edge}
  listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: tls, namespace: shop}]}}]
`},
	{name: "certificate of a ListenerSet by a grant for Gateways", gateway: evilGateway, leaks: "{key}",
		closed: grant("Gateway", aSecret), opened: grant("ListenerSet", aSecret),
		objects: edge(httpListener+"  allowedListeners: {namespaces: {from: Same}}\n") + `---
kind: ListenerSet
metadata: {name: set, namespace: evil}
spec:
  parentRef: {name: edge}
  listeners: [{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: tls, namespace: shop}]}}]
`},

	{name: "route at the victim's Gateway", gateway: shopGateway, leaks: "10.13.0.1",
		objects: strings.Replace(ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}]}`), "{name: edge,",
			"{name: edge, namespace: shop,", 1),
		opened: shopOpen("allowedRoutes: {namespaces: {from: All}}", "")},
	{name: "listeners at the victim's Gateway", gateway: shopGateway, leaks: "taken.test", objects: `
kind: ListenerSet
metadata: {name: set, namespace: evil}
spec:
  parentRef: {name: edge, namespace: shop}
  listeners: [{name: taken, port: 80, protocol: HTTP, hostname: taken.test}]
---
kind: HTTPRoute
metadata: {name: taken, namespace: evil}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: ListenerSet, name: set}]
  hostnames: [taken.test]
  rules: [{backendRefs: [{name: web, port: 80}]}]
`, opened: shopOpen("allowedRoutes: {namespaces: {from: Same}}", "  allowedListeners: {namespaces: {from: All}}\n")},
	{name: "endpoints of the victim's Service", gateway: shopGateway, leaks: "10.13.0.9", objects: sliceYAML("evil"),
		opened: "\n---\n" + sliceYAML("shop")},
	{name: "policy of the victim's Service", gateway: shopGateway, leaks: "policy.test",
		objects: policyYAML("evil", "authority") + "---\n{authority}",
		opened:  "\n---\n" + policyYAML("shop", "authority")},
	{name: "authority of the victim by its name", gateway: evilGateway, leaks: "{certificate}",
		objects: ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}]}`) + "---\n" + policyYAML("evil", "authority"),
		opened:  "\n---\n{evilAuthority}"},
	{name: "Pods of the victim in a pool", gateway: evilGateway, leaks: victimPodIP, objects: `
kind: InferencePool
metadata: {name: model, namespace: evil}
spec:
  selector: {matchLabels: {app: model}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: web, port: {number: 80}}
---
` + ruled("HTTPRoute", "http", `{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: model}]}`),
		opened: "\n---\nkind: Pod\nmetadata: {name: model-1, namespace: evil, labels: {app: model}}\n" +
			"status: {podIP: 10.66.0.2, conditions: [{type: Ready, status: \"True\"}]}\n"},
	{name: "name of the victim as an external one", gateway: evilGateway, leaks: "web.shop.svc", objects: `
kind: Service
metadata: {name: web, namespace: evil}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local, ports: [{port: 80}]}
---
` + ruled("HTTPRoute", "http", `{backendRefs: [{name: web, port: 80}]}`)},
}

// shopOpen is the victim's Gateway with its doors open.
func shopOpen(routes, more string) string {
	return "\n---\nkind: Gateway\nmetadata: {name: edge, namespace: shop}\nspec:\n  gatewayClassName: kedify\n" +
		"  listeners: [{name: http, port: 80, protocol: HTTP, " + routes + "}]\n" + more
}

func sliceYAML(namespace string) string {
	return "kind: EndpointSlice\nmetadata: {name: more, namespace: " + namespace + ", labels: {kubernetes.io/service-name: web}}\n" +
		"addressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.13.0.9]}]\n"
}

func policyYAML(namespace, authority string) string {
	return "kind: BackendTLSPolicy\nmetadata: {name: policy, namespace: " + namespace + "}\n" +
		"spec:\n  targetRefs: [{group: \"\", kind: Service, name: web}]\n" +
		"  validation: {hostname: policy.test, caCertificateRefs: [{group: \"\", kind: ConfigMap, name: " + authority + "}]}\n"
}

// TestReferences: what is another namespace's is not reached by naming it. Its owner may open it.
func TestReferences(t *testing.T) {
	victim, own := fixture.NewPair(t, victimHost), fixture.NewPair(t, mineHost)
	replace := strings.NewReplacer(
		"{key}", string(bytes.TrimSpace(victim.Key)), "{certificate}", string(bytes.TrimSpace(victim.Certificate)),
		"{own}", fixture.Secret("evil", "own", own), "{authority}", fixture.Authority("evil", "own", own.Certificate)+"---\n"+
			fixture.Authority("evil", "authority", own.Certificate),
		"{evilAuthority}", fixture.Authority("evil", "authority", victim.Certificate))
	for _, r := range references {
		t.Run(r.name, func(t *testing.T) {
			leaks := replace.Replace(r.leaks)
			run := func(more string) *rig.Output {
				return rig.Run(rig.Objects(t, victimYAML(victim), attackerYAML, replace.Replace(r.objects), replace.Replace(more))...)
			}
			out := run(r.closed)
			if has(out, r.gateway, leaks) {
				t.Errorf("the Gateway %s has %.60q", r.gateway, leaks)
			}
			if !has(out, shopGateway, victimEndpoint) || !has(out, shopGateway, victimPodIP) {
				t.Error("the victim's own Gateway does not have its backends")
			}
			if said := refusals(out, "evil"); r.opened != "" && r.gateway == evilGateway && r.leaks != victimPodIP && len(said) == 0 {
				t.Error("no condition tells the attacker")
			}
			if r.opened != "" && !has(run(r.opened), r.gateway, leaks) {
				t.Errorf("and when the owner opens it, the Gateway %s does not have %.60q", r.gateway, leaks)
			}
		})
	}
}

// has reports whether anything that the proxies of a Gateway get has a text.
func has(out *rig.Output, gateway types.NamespacedName, text string) bool {
	for _, r := range ofGateway(out, gateway.Namespace, gateway.Name) {
		if bytes.Contains(r.Body, []byte(text)) {
			return true
		}
	}
	return false
}

// refusals are the objects of a namespace with a condition that is negative.
func refusals(out *rig.Output, namespace string) (all []resolve.Object) {
	for object, update := range out.Statuses {
		if object.Key.Namespace != namespace || object.Kind == store.Kind("") {
			continue
		}
		if slices.ContainsFunc(rig.Conditions(update.Value), func(c metav1.Condition) bool {
			return c.Status == metav1.ConditionFalse && (c.Type == "ResolvedRefs" || c.Type == "Accepted")
		}) {
			all = append(all, object)
		}
	}
	return all
}
