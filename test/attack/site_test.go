package attack

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/test/rig"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
)

const (
	mineHost  = "mine.test"
	guardHost = "guard.test" // the attacker's, with rules that a path may try to go around
)

// site is two tenants behind one Gateway: the victim in namespace "shop", the attacker in "evil".
type site struct {
	proxy *proxytest.Proxy
	// address serves HTTP, secure HTTPS.
	address, secure string
	victim, mine    *witness
	// pods are those of the pool of each tenant; victimPicker chooses for the victim, myPicker is the
	// attacker's own and says what it likes.
	victimPod, myPod       *witness
	victimPicker, myPicker *proxytest.Picker
	liar                   *liar
	neighbours             *neighbours
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{
		proxy: proxytest.Start(t), address: local(proxytest.Port(t)), secure: local(proxytest.Port(t)),
		victim: newWitness(t, "victim"), mine: newWitness(t, "mine"),
		victimPod: newWitness(t, "victim-pod"), myPod: newWitness(t, "my-pod"),
		victimPicker: proxytest.StartPicker(t, "victim"), myPicker: proxytest.StartPicker(t, "mine"),
		liar: newLiar(t),
	}
	s.victimPicker.Pick(s.victimPod.address)
	s.myPicker.Pick(s.myPod.address)
	out := rig.Run(rig.Objects(t, s.objects(t)...)...)
	for _, failure := range out.Failures {
		t.Error(failure)
	}
	s.proxy.Apply(resource.Change{Upsert: ofGateway(out, "infra", "edge")})
	s.neighbours = startNeighbours(t, s.address)
	return s
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(port)) }

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// ofGateway are the resources of one Gateway.
func ofGateway(out *rig.Output, namespace, name string) (all []resource.Resource) {
	for _, r := range out.Resources[types.NamespacedName{Namespace: namespace, Name: name}] {
		all = append(all, r)
	}
	return all
}

const classYAML = `
kind: GatewayClass
metadata: {name: kedify}
spec: {controllerName: kedify.io/gateway-controller}
`

func (s *site) objects(t *testing.T) []string {
	gateway := fmt.Sprintf(`
kind: Gateway
metadata: {name: edge, namespace: infra}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: http, port: %s, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: mine, port: %[2]s, protocol: HTTPS, hostname: mine.test,
      allowedRoutes: {namespaces: {from: All}}, tls: {certificateRefs: [{name: mine}]}}
  - {name: victim, port: %[2]s, protocol: HTTPS, hostname: victim.test,
      allowedRoutes: {namespaces: {from: All}}, tls: {certificateRefs: [{name: victim}]}}
`, portOf(s.address), portOf(s.secure))
	return []string{
		classYAML, gateway,
		fixture.Secret("infra", "mine", fixture.NewPair(t, mineHost)), fixture.Secret("infra", "victim", fixture.NewPair(t, victimHost)),
		service("shop", "web", s.victim.address), service("evil", "web", s.mine.address),
		routeTo("shop", "web", "victim.test, '*.victim.test'", webRule), routeTo("evil", "web", "mine.test, '*.mine.test'", webRule),
		routeTo("evil", "guard", guardHost, `
  - matches: [{path: {type: PathPrefix, value: /app/admin}}]
    filters: [{type: RequestRedirect, requestRedirect: {hostname: login.test, statusCode: 302}}]
  - matches: [{path: {type: PathPrefix, value: /app}}]
    backendRefs: [{name: web, port: 80}]
`),
		pool("shop", "FailClose", s.victimPod.address, s.victimPicker), pool("evil", "FailClose", s.myPod.address, s.myPicker),
		service("evil", "liar", s.liar.address), routeTo("evil", "liar", "liar.test", "\n  - backendRefs: [{name: liar, port: 80}]\n"),
		routeTo("shop", "model", "model.victim.test", poolRule), routeTo("evil", "model", "model.mine.test", poolRule),
	}
}

const (
	webRule  = "\n  - backendRefs: [{name: web, port: 80}]\n"
	poolRule = "\n  - backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: model}]\n"
)

func routeTo(namespace, name, hosts, rules string) string {
	return fmt.Sprintf(`
kind: HTTPRoute
metadata: {name: %s, namespace: %s}
spec:
  parentRefs: [{name: edge, namespace: infra}]
  hostnames: [%s]
  rules:%s`, name, namespace, hosts, rules)
}

// service is a Service with an endpoint that runs.
func service(namespace, name, address string) string {
	return fmt.Sprintf(`
kind: Service
metadata: {name: %[2]s, namespace: %[1]s}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: EndpointSlice
metadata: {name: %[2]s-1, namespace: %[1]s, labels: {kubernetes.io/service-name: %[2]s}}
addressType: IPv4
ports: [{name: http, port: %[3]s}]
endpoints: [{addresses: [127.0.0.1]}]
`, namespace, name, portOf(address))
}

// pool is an InferencePool "model" with one Pod and its picker.
func pool(namespace, failure, pod string, picker *proxytest.Picker) string {
	return service(namespace, "picker", picker.Address) + fmt.Sprintf(`
---
kind: InferencePool
metadata: {name: model, namespace: %[1]s}
spec:
  selector: {matchLabels: {app: model}}
  targetPorts: [{number: %[3]s}]
  endpointPickerRef: {group: "", kind: Service, name: picker, port: {number: 80}, failureMode: %[2]s}
---
kind: Pod
metadata: {name: model-1, namespace: %[1]s, labels: {app: model}}
status: {podIP: 127.0.0.1, conditions: [{type: Ready, status: "True"}]}
`, namespace, failure, portOf(pod))
}

// victims are the backends that no byte of an attack may reach.
func (s *site) victims() []*witness { return []*witness{s.victim, s.victimPod} }

// judge says what a row did to others: to backends, to the victim's clients, to the log.
func (s *site) judge(t *testing.T, mark string) {
	t.Helper()
	s.neighbours.again("/after")
	for _, hurt := range s.neighbours.complaints() {
		t.Errorf("a client of the victim: %s", hurt)
	}
	for _, w := range s.victims() {
		if w.saw(mark) {
			t.Errorf("%s saw bytes of the attacker", w.name)
		}
	}
}

// judgeLog: every line of the access log is one object with the fields of the product, and Envoy
// complains about nothing of its own.
func (s *site) judgeLog(t *testing.T) {
	t.Helper()
	lines := 0
	for line := range strings.SplitSeq(s.proxy.Output(), "\n") {
		switch {
		case strings.HasPrefix(line, "{"):
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Errorf("a line of the log is no object: %v: %.300s", err, line)
			} else if _, is := fields["forged"]; is {
				t.Errorf("a client wrote a field of the log: %.300s", line)
			}
			lines++
		case strings.Contains(line, "forged") || strings.Contains(line, "[critical]") || strings.Contains(line, "script log"):
			t.Errorf("the log has %.300s", line)
		}
	}
	if lines == 0 {
		t.Error("no line in the access log")
	}
}

// markOf is what the bytes of a row can be told by, in a path, a header and a hostname.
func markOf(name string) string {
	return "evil-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)) + "-end"
}
