package plane_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

const (
	toA = `  - {backendRefs: [{name: a, port: 80}]}`
	// programmed is the condition of a route that a proxy rejected.
	programmed = "gateway.kedify.io/Programmed"
	hostTable  = "80/a.example.com"
	endpointsA = "service/apps/a/80"
)

// version returns the version of a resource of a proxy; "": it does not have it.
func version(proxy *deltatest.Proxy, kind resource.Type, name string) func() string {
	return func() string { return proxy.Versions(kind)[name] }
}

// A route edit reaches the Envoys of both replicas, and the leader writes the status that follows
// from what all of them acknowledge.
func TestRouteReachesTheProxiesAndStatusFollows(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), serviceYAML("b", "10.0.0.2"), routeYAML("r", "a.example.com", toA))
	one, two := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	gateway := gatewayNamed(gatewayKey)
	c.Eventually(c.condition(gateway, "Accepted")).Should(Equal("True/Accepted"))
	c.address(gatewayKey)
	c.Eventually(c.condition(gateway, "Programmed")).Should(HavePrefix("False/"))

	proxies := []*deltatest.Proxy{
		two.proxy(gatewayKey, deltatest.Options{Node: "two"}), // an Envoy of another replica is enough
	}
	c.Eventually(c.condition(gateway, "Programmed")).Should(Equal("True/Programmed"))
	proxies = append(proxies, one.proxy(gatewayKey, deltatest.Options{Node: "one"}))
	before := map[*deltatest.Proxy]string{}
	for _, proxy := range proxies {
		c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(BeEmpty())
		before[proxy] = version(proxy, resource.Route, hostTable)()
	}
	c.set(routeYAML("r", "a.example.com", `  - {backendRefs: [{name: b, port: 80}]}`))
	for _, proxy := range proxies {
		c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(Equal(before[proxy]))
		c.Expect(proxy.Violations()).To(BeEmpty(), "requests would have failed")
	}
}

// The command "wiring" reads from each replica which Gateways have proxies there that follow it, and nothing
// of their routes.
func TestStreamsOfProxies(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA))
	one, two := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	ask := func(r *replica) func() string {
		return func() string {
			answer := httptest.NewRecorder()
			r.Dumps()["/status/proxies"].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/status/proxies", nil))
			return strings.TrimSpace(answer.Body.String())
		}
	}
	streams := func(count int) string {
		return fmt.Sprintf(`{"ready":true,"gateways":[{"gateway":{"namespace":%q,"name":%q},"ready":true,"connected":%d,"accepting":%d}]}`,
			gatewayKey.Namespace, gatewayKey.Name, count, count)
	}
	proxy := two.proxy(gatewayKey, deltatest.Options{Node: "two"})
	c.Eventually(ask(two)).Should(Equal(streams(1)))
	c.Eventually(ask(one)).Should(Equal(streams(0)))
	proxy.Disconnect()
	c.Eventually(ask(two)).Should(Equal(streams(0)))
}

func TestEndpointsTravelAlone(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA))
	proxy := c.leader("127.0.0.1").proxy(gatewayKey, deltatest.Options{})
	proxy.Wait("everything", func(s deltatest.State) bool {
		return s.Version(resource.Route, hostTable) != "" && s.Version(resource.Endpoint, endpointsA) != "" && s.Warm()
	})
	proxy.ForgetEvents()
	for _, ips := range [][]string{{"10.0.0.1", "10.0.0.2"}, {}, {"10.0.0.3"}} {
		before := version(proxy, resource.Endpoint, endpointsA)()
		c.set(serviceYAML("a", ips...))
		c.Eventually(version(proxy, resource.Endpoint, endpointsA)).ShouldNot(Equal(before), "endpoints %v", ips)
	}
	for _, event := range proxy.Events() {
		if event.Type != resource.Endpoint {
			t.Errorf("an endpoint change sent %s", event)
		}
	}
}

// A rejection shows on the object that caused it and hurts nothing else. What it shows is the reason,
// not the resource that Envoy quotes, which has hosts of others.
func TestRejectionShowsOnItsObject(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"),
		routeYAML("good", "good.example.com", toA), routeYAML("bad", "bad.example.com", toA))
	leader, other := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	var fixed atomic.Bool
	proxy := other.proxy(gatewayKey, deltatest.Options{Reject: func(key resource.Key, _ []byte) string {
		if !fixed.Load() && key.Type == resource.Route && key.Name == "80/bad.example.com" {
			return "goo.gle/debugproto  \nvirtual_hosts {\n  domains: \"other-tenant\"\n}\n: missing ]: ["
		}
		return ""
	}})
	c.Eventually(version(proxy, resource.Route, "80/good.example.com")).ShouldNot(BeEmpty())
	bad, good := routeNamed("bad"), routeNamed("good")
	c.Eventually(c.condition(bad, programmed)).Should(Equal("False/RejectedByProxy"))
	c.Expect(c.find(bad, programmed).Message).To(And(ContainSubstring("missing ]"), Not(ContainSubstring("other-tenant"))))
	c.Expect(c.condition(good, programmed)()).To(Equal("absent"))

	c.Eventually(other.recorder.Events).Should(Receive(And(
		HavePrefix(corev1.EventTypeWarning+" RejectedByProxy"), ContainSubstring("missing ]"), Not(ContainSubstring("other-tenant")))))
	c.Expect(leader.recorder.Events).NotTo(Receive(ContainSubstring("RejectedByProxy")), "the replica that serves the Envoy tells")

	fixed.Store(true) // what the user now writes is fine
	c.set(routeYAML("bad", "bad.example.com", `  - {matches: [{path: {value: /fixed}}], backendRefs: [{name: a, port: 80}]}`))
	c.Eventually(version(proxy, resource.Route, "80/bad.example.com")).ShouldNot(BeEmpty())
	c.Eventually(c.condition(bad, programmed)).Should(Equal("absent"))
}

func TestRestartWithAnUnchangedWorldPushesNothing(t *testing.T) {
	texts := []string{gatewayYAML}
	for i := range 50 {
		name := fmt.Sprintf("s%d", i)
		texts = append(texts, serviceYAML(name, "10.0.0.1"),
			routeYAML(name, name+".example.com", "  - {backendRefs: [{name: "+name+", port: 80}]}"))
	}
	c := newCluster(t, texts...)
	first := c.leader("127.0.0.1")
	proxy := first.proxy(gatewayKey, deltatest.Options{})
	proxy.Wait("all hosts", func(s deltatest.State) bool { return len(s.Versions(resource.Route)) == 51 && s.Warm() })
	c.address(gatewayKey)
	c.Eventually(c.condition(gatewayNamed(gatewayKey), "Programmed")).Should(Equal("True/Programmed"))
	first.stop()
	proxy.Disconnect()

	proxy.ForgetEvents()
	second := c.leader("127.0.0.1")
	proxy.Redial(second.dial)
	proxy.Connect()
	c.Eventually(func() int { return len(second.dump(gatewayKey).Proxies) }).Should(Equal(1))
	c.Eventually(func() bool { return second.dump(gatewayKey).Synced }).Should(BeTrue())
	expectNoResource(t, proxy)
}

func expectNoResource(t *testing.T, proxy *deltatest.Proxy) {
	t.Helper()
	for _, event := range proxy.Events() {
		if event.Name != "" {
			t.Errorf("an unchanged world sent %s", event)
		}
	}
}

// The Envoy of a replica that is gone connects to another one: it keeps what it has, is sent nothing,
// and the Gateway stays programmed.
func TestLossOfAReplica(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA))
	one, two := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	proxy := two.proxy(gatewayKey, deltatest.Options{})
	proxy.Wait("everything", func(s deltatest.State) bool { return s.Version(resource.Route, hostTable) != "" && s.Warm() })
	c.address(gatewayKey)
	gateway := gatewayNamed(gatewayKey)
	c.Eventually(c.condition(gateway, "Programmed")).Should(Equal("True/Programmed"))
	c.Eventually(func() bool { return two.dump(gatewayKey).Synced }).Should(BeTrue())

	two.stop()
	proxy.Disconnect()
	proxy.ForgetEvents()
	proxy.Redial(one.dial)
	proxy.Connect()
	c.Eventually(func() bool { d := one.dump(gatewayKey); return len(d.Proxies) == 1 && d.Synced }).Should(BeTrue())
	c.Eventually(func() int { return len(one.dump(gatewayKey).Elsewhere) }).Should(BeZero())
	expectNoResource(t, proxy)
	c.Expect(c.condition(gateway, "Programmed")()).To(Equal("True/Programmed"))

	before := version(proxy, resource.Route, hostTable)()
	c.set(routeYAML("r", "a.example.com", `  - {matches: [{path: {value: /x}}], backendRefs: [{name: a, port: 80}]}`))
	c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(Equal(before))
	c.Expect(proxy.Violations()).To(BeEmpty(), "requests would have failed")
}

func TestEditsNeverFailARequest(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), serviceYAML("b", "10.0.0.2"), serviceYAML("c", "10.0.0.3"),
		routeYAML("r", "a.example.com", toA))
	proxy := c.leader("127.0.0.1").proxy(gatewayKey, deltatest.Options{})
	c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(BeEmpty())
	edits := []string{
		`  - {backendRefs: [{name: b, port: 80}]}`, // swap
		`  - {backendRefs: [{name: b, port: 80, weight: 9}, {name: c, port: 80, weight: 1}]}`,
		`  - {backendRefs: [{name: c, port: 80, weight: 1}, {name: b, port: 80, weight: 5}]}`,
		"  - {matches: [{path: {value: /x}}], backendRefs: [{name: a, port: 80}]}\n  - {backendRefs: [{name: c, port: 80}]}",
		"  - {backendRefs: [{name: c, port: 80}]}\n  - {matches: [{path: {value: /x}}], backendRefs: [{name: a, port: 80}]}", // reorder
		`  - {backendRefs: [{name: missing, port: 80}, {name: a, port: 80}]}`,
	}
	for i := range 120 {
		before := version(proxy, resource.Route, hostTable)()
		c.set(routeYAML("r", "a.example.com", edits[i%len(edits)]))
		if (i+1)%len(edits) != 5 { // the reordered rules mean the same as the ones before
			c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(Equal(before))
		}
	}
	c.Expect(strings.Join(proxy.Violations(), "; ")).To(BeEmpty(), "requests would have failed")
}
