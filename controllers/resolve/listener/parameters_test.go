package listener

import (
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

// parametersObject writes a GatewayParameters.
func parametersObject(namespace, name, spec string) string {
	return "kind: GatewayParameters\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec:\n" + fixture.Indent(spec)
}

const (
	withOwn      = "infrastructure: {parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: own}}" + oneListener
	defaultClass = "\n  parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: base, namespace: system}\n"
)

func classWith(spec string) string {
	return strings.TrimRight(strings.Replace(fixture.Class, "spec: {controllerName: kedify.io/gateway-controller}",
		"spec:\n  controllerName: kedify.io/gateway-controller"+spec, 1), "\n") + "\n"
}

// TestParametersProblems has one case for each thing that the schema does not refuse.
func TestParametersProblems(t *testing.T) {
	cases := []struct{ name, spec, message string }{
		{"both counts", "replicas: 2\nautoscaling: {maxReplicas: 3}", "spec.replicas and spec.autoscaling exclude each other"},
		{"min above max", "autoscaling: {minReplicas: 4, maxReplicas: 3}", "spec.autoscaling.minReplicas 4 is more than maxReplicas 3"},
		{"template", "podTemplate: [1]", "spec.podTemplate is not an object"},
		{"bootstrap", "envoy: {bootstrap: text}", "spec.envoy.bootstrap is not an object"},
		{"drain", "envoy: {drainTimeout: -1s}", "spec.envoy.drainTimeout -1s is negative"},
		{"route", "envoy: {route: {cluster: other}}", "spec.envoy.route: cluster: cannot be set: the backendRefs of routes"},
		{"route is no object", "envoy: {route: [1]}", "spec.envoy.route: is not an object"},
		{"cluster", "envoy: {cluster: {lb_policy: FASTEST}}", "spec.envoy.cluster: lb_policy: invalid value"},
		{"fields", "envoy: {route: {idle_timeout: 1s}, cluster: {lb_policy: RANDOM}}", ""},
		{"good", "replicas: 2\npodTemplate: {spec: {}}\nenvoy: {bootstrap: {}, drainTimeout: 1s}", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := fixture.Store(t, fixture.Class, fixture.Gateway(withOwn), parametersObject("infra", "own", c.spec))
			accepted := Gateway(s.View(nil), fixture.GatewayKey, class.Setting{Unrestricted: true}).Conditions[0]
			if (accepted.Reason == "InvalidParameters") != (c.message != "") || !strings.Contains(accepted.Message, c.message) {
				t.Errorf("%s: %s, want %q", accepted.Reason, accepted.Message, c.message)
			}
			result := class.Resolve(fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", c.spec)).View(nil), "kedify")
			accepted = class.Status(result).Conditions[0]
			if (accepted.Reason == "InvalidParameters") != (c.message != "") || !strings.Contains(accepted.Message, c.message) {
				t.Errorf("class: %s: %s, want %q", accepted.Reason, accepted.Message, c.message)
			}
		})
	}
}

// TestParametersMerged: fields of the Gateway's over fields of the class's.
func TestParametersMerged(t *testing.T) {
	cases := []struct{ name, base, own, want string }{
		{"own alone", "", "replicas: 2", "replicas: 2"},
		{"base alone", "replicas: 2", "", "replicas: 2"},
		{"own wins", "replicas: 2", "replicas: 3", "replicas: 3"},
		{"zero is a value", "replicas: 2", "replicas: 0", "replicas: 0"},
		{"replicas remove autoscaling", "autoscaling: {maxReplicas: 3}", "replicas: 3", "replicas: 3"},
		{"autoscaling removes replicas", "replicas: 2", "autoscaling: {maxReplicas: 3}", "autoscaling: {maxReplicas: 3}"},
		{"envoy by field", "envoy: {image: a, logLevel: info, concurrency: 2}", "envoy: {image: b, drainTimeout: 5s}",
			"envoy: {image: b, logLevel: info, concurrency: 2, drainTimeout: 5s}"},
		{"envoy, a boolean that is false", "envoy: {acceptHTTP10: true}", "envoy: {acceptHTTP10: false}", "envoy: {acceptHTTP10: false}"},
		{"envoy of own alone", "replicas: 1", "envoy: {image: b, bootstrap: {node: {}}}",
			"replicas: 1\nenvoy: {image: b, bootstrap: {node: {}}}"},
		{"service by field", "service: {type: NodePort, loadBalancerClass: x, annotations: {a: '1', b: '2'}}",
			"service: {externalTrafficPolicy: Local, annotations: {b: '3'}}",
			"service: {type: NodePort, loadBalancerClass: x, externalTrafficPolicy: Local, annotations: {a: '1', b: '3'}}"},
		{"annotations of own alone", "service: {type: NodePort}", "service: {annotations: {b: '3'}}",
			"service: {type: NodePort, annotations: {b: '3'}}"},
		{"the patch is one field", "podTemplate: {spec: {a: 1}}", "podTemplate: {spec: {b: 2}}", "podTemplate: {spec: {b: 2}}"},
		{"resources are one field", "envoy: {resources: {limits: {cpu: '1'}}}", "envoy: {resources: {requests: {cpu: '2'}}}",
			"envoy: {resources: {requests: {cpu: '2'}}}"},
		{"fields of Envoy by field",
			"envoy: {route: {timeout: 1s, idleTimeout: 2s}, cluster: {lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 2}}}",
			"envoy: {route: {timeout: 3s}, cluster: {lb_policy: RANDOM}}",
			"envoy: {route: {timeout: 3s, idle_timeout: 2s}, cluster: {lb_policy: RANDOM}}"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", c.base), parametersObject("infra", "own", c.own),
				fixture.Gateway(withOwn))
			base := s.View(nil).GatewayParameters(fixture.Key("system", "base")).DeepCopy()
			g := Gateway(s.View(nil), fixture.GatewayKey, class.Setting{Unrestricted: true})
			if got, want := fixture.YAML(t, g.Infrastructure.Parameters), normalized(t, c.want); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if after := s.View(nil).GatewayParameters(fixture.Key("system", "base")); fixture.YAML(t, after.Spec) != fixture.YAML(t, base.Spec) {
				t.Error("the shared object of the class changed")
			}
		})
	}
}

// TestClassParametersInvalid: Gateways of a class with wrong parameters are not accepted.
func TestClassParametersInvalid(t *testing.T) {
	for name, spec := range map[string]string{
		"missing":      defaultClass,
		"no namespace": "\n  parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: base}\n",
		"kind":         "\n  parametersRef: {group: '', kind: ConfigMap, name: base, namespace: system}\n",
	} {
		s := fixture.Store(t, classWith(spec), fixture.Gateway(oneListener))
		result := class.Resolve(s.View(nil), "kedify")
		got := fixture.Summary(class.Status(result).Conditions)
		if got != "Accepted=False/InvalidParameters SupportedVersion=True/SupportedVersion" {
			t.Errorf("%s: class %s", name, got)
		}
		accepted := Gateway(s.View(nil), fixture.GatewayKey, class.Setting{}).Conditions[0]
		if accepted.Reason != "InvalidParameters" || !strings.HasPrefix(accepted.Message, "GatewayClass kedify: spec.parametersRef") {
			t.Errorf("%s: Gateway %s: %s", name, accepted.Reason, accepted.Message)
		}
	}
}

// TestG15Parameters: the chains of HTTP take HTTP/1.0 unless the parameters say otherwise, those of the
// Gateway before those of its class.
func TestG15Parameters(t *testing.T) {
	const yes, no = "envoy: {acceptHTTP10: true}", "envoy: {acceptHTTP10: false}"
	for _, c := range []struct {
		base, own string
		refuse    bool
	}{{"", "", false}, {"", no, true}, {"", yes, false}, {no, "", true}, {no, "envoy: {logLevel: info}", true},
		{no, yes, false}, {yes, no, true}} {
		gateway := strings.Replace(fixture.Gateway(withOwn), "[{name: l,", "[{name: tcp, port: 9000, protocol: TCP}, {name: l,", 1)
		s := fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", c.base),
			parametersObject("infra", "own", c.own), gateway)
		g := Gateway(s.View(nil), fixture.GatewayKey, class.Setting{})
		for _, bound := range ByPort(g, nil) {
			for _, chain := range bound.Chains {
				if want := c.refuse && chain.Forward == nil; chain.RefuseHTTP10 != want {
					t.Errorf("class %q, Gateway %q: chain %s refuses HTTP/1.0: %v, want %v", c.base, c.own, chain.ID, chain.RefuseHTTP10, want)
				}
			}
		}
	}
}

// TestClientOfEveryListener: what the parameters say about clients holds for the chains of HTTP; a PROXY header for all connections, and
// not for datagrams.
func TestClientOfEveryListener(t *testing.T) {
	const own = "client: {clientIPDetection: {xForwardedFor: {numTrustedHops: 2}}, proxyProtocol: {}, maxRequestBodyLimit: 1Mi}"
	const others = "[{name: tcp, port: 9000, protocol: TCP}, {name: udp, port: 9000, protocol: UDP}, {name: l,"
	gateway := strings.Replace(fixture.Gateway(withOwn), "[{name: l,", others, 1)
	s := fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", ""),
		parametersObject("infra", "own", own), gateway)
	g := Gateway(s.View(nil), fixture.GatewayKey, class.Setting{IPv6: true})
	want := ir.Client{TrustedHops: 2, MaxBodyBytes: 1 << 20}
	bound := ByPort(g, nil)
	if len(bound) != 3 {
		t.Fatalf("%d ports are bound", len(bound))
	}
	for _, l := range bound {
		if header := l.ProxyProtocol; (header == ir.RequiredProxyProtocol) != (l.Transport == ir.TCP) || !l.IPv6 {
			t.Errorf("%s %d: PROXY header %q, IPv6 %v", l.Transport, l.Port, header, l.IPv6)
		}
		for _, chain := range l.Chains {
			if http := chain.Forward == nil; reflect.DeepEqual(chain.Client, want) != http {
				t.Errorf("chain %s: %+v", chain.ID, chain.Client)
			}
		}
	}
}

func normalized(t testing.TB, text string) string {
	t.Helper()
	var value map[string]any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return fixture.YAML(t, value)
}
