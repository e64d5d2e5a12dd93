package listener

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// attacks are parameters by which the author of a Gateway would get more than a Gateway.
var attacks = map[string]string{
	"spec.podTemplate":        "podTemplate: {spec: {hostPID: true, initContainers: [{name: envoy, securityContext: {privileged: true}}]}}",
	"spec.envoy.image":        "envoy: {image: registry.example/mine}",
	"spec.envoy.bootstrap":    "envoy: {bootstrap: {admin: {address: {socket_address: {address: 0.0.0.0, port_value: 1}}}}}",
	"spec.envoy.concurrency":  "envoy: {concurrency: 100000}",
	"spec.envoy.drainTimeout": "envoy: {drainTimeout: 9000h0m0s}",
	"spec.envoy.resources":    "envoy: {resources: {limits: {nvidia.com/gpu: '8'}}}",
}

// TestX3GatewayGetsNoMoreThanAGateway: the Gateway is not accepted, its condition names the field, and nothing
// of the value reaches its data plane. The class may say all of it, and so may a Gateway with the option of the
// installation.
func TestX3GatewayGetsNoMoreThanAGateway(t *testing.T) {
	for field, spec := range attacks {
		t.Run(field, func(t *testing.T) {
			ofGateway := fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", "replicas: 2"),
				parametersObject("infra", "own", spec), fixture.Gateway(withOwn))
			g := Gateway(ofGateway.View(nil), fixture.GatewayKey, class.Setting{Namespace: "system"})
			accepted := g.Conditions[0]
			if accepted.Reason != "InvalidParameters" || g.Accepted() ||
				!strings.Contains(accepted.Message, "GatewayParameters infra/own: "+field+" ") {
				t.Errorf("%s: %s", accepted.Reason, accepted.Message)
			}
			if got := fixture.YAML(t, g.Infrastructure.Parameters); got != normalized(t, "replicas: 2") {
				t.Errorf("the data plane gets\n%s", got)
			}
			g = Gateway(ofGateway.View(nil), fixture.GatewayKey, class.Setting{Unrestricted: true})
			if got := fixture.YAML(t, g.Infrastructure.Parameters); !g.Accepted() || got != normalized(t, "replicas: 2\n"+spec) {
				t.Errorf("with the option: %s\n%s", g.Conditions[0].Message, got)
			}
			ofClass := fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", spec), fixture.Gateway(oneListener))
			g = Gateway(ofClass.View(nil), fixture.GatewayKey, class.Setting{})
			if got := fixture.YAML(t, g.Infrastructure.Parameters); !g.Accepted() || got != normalized(t, spec) {
				t.Errorf("of the class: %s\n%s", g.Conditions[0].Message, got)
			}
		})
	}
}

// TestX3ClassIsNotOverruled: refused parameters change nothing that the class sets, with their permitted fields either.
func TestX3ClassIsNotOverruled(t *testing.T) {
	s := fixture.Store(t, classWith(defaultClass), parametersObject("system", "base", "podTemplate: {spec: {runtimeClassName: gvisor}}"),
		parametersObject("infra", "own", "replicas: 9\npodTemplate: {spec: {runtimeClassName: null}}"), fixture.Gateway(withOwn))
	g := Gateway(s.View(nil), fixture.GatewayKey, class.Setting{})
	got := fixture.YAML(t, g.Infrastructure.Parameters)
	if g.Accepted() || got != normalized(t, "podTemplate: {spec: {runtimeClassName: gvisor}}") {
		t.Errorf("%s\n%s", g.Conditions[0].Message, got)
	}
}

// TestX3AnnotationsOfPods: annotations by which Kubernetes isolates Pods less are refused on the Gateway.
func TestX3AnnotationsOfPods(t *testing.T) {
	for key, refused := range map[string]bool{
		"container.apparmor.security.beta.kubernetes.io/envoy":    true,
		"container.seccomp.security.alpha.kubernetes.io/envoy":    true,
		"seccomp.security.alpha.kubernetes.io/pod":                true,
		"example.com/security.beta.kubernetes.io":                 false,
		"service.beta.kubernetes.io/aws-load-balancer-nlb-target": false,
	} {
		g := resolveGateway(t, fixture.Gateway("infrastructure: {annotations: {"+key+": unconfined}}"+oneListener))
		accepted := g.Conditions[0]
		if g.Accepted() == refused || refused && !strings.Contains(accepted.Message, "spec.infrastructure.annotations: "+key) {
			t.Errorf("%s: %s", key, accepted.Message)
		}
	}
}

// TestX3ValuesOfTheInstallation: what the installation says about the generated Gateway of a namespace stands in
// its own namespace, where the tenant cannot write; an object of the same name elsewhere, or for another
// Gateway, means nothing.
func TestX3ValuesOfTheInstallation(t *testing.T) {
	const spec = "envoy: {image: registry.example/hardened}\npodTemplate: {spec: {nodeSelector: {pool: edge}}}"
	generated := func(name string) string {
		return strings.Replace(fixture.Gateway(withOwn), "name: gw,", "name: "+name+",", 1)
	}
	for _, c := range []struct{ title, gateway, namespace, object, want string }{
		{"of the installation", "kedify-proxy", "system", "kedify-proxy.infra", "replicas: 2\n" + spec},
		{"another namespace", "kedify-proxy", "system", "kedify-proxy.shop", "replicas: 2"},
		{"written by the tenant", "kedify-proxy", "infra", "kedify-proxy.infra", "replicas: 2"},
		{"another Gateway", "gw", "system", "kedify-proxy.infra", "replicas: 2"},
	} {
		t.Run(c.title, func(t *testing.T) {
			s := fixture.Store(t, fixture.Class, parametersObject(c.namespace, c.object, spec),
				parametersObject("infra", "own", "replicas: 2"), generated(c.gateway))
			g := Gateway(s.View(nil), fixture.Key("infra", c.gateway), class.Setting{Namespace: "system"})
			if got := fixture.YAML(t, g.Infrastructure.Parameters); !g.Accepted() || got != normalized(t, c.want) {
				t.Errorf("%s\n%s", g.Conditions[0].Message, got)
			}
		})
	}
}
