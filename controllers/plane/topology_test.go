package plane_test

import (
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// tenantYAML is an application with a trigger in a namespace of its own. All tenants call theirs the
// same.
func tenantYAML(namespace, host, ip string) string {
	in := strings.NewReplacer("namespace: apps", "namespace: "+namespace, "web.example.com", host).Replace
	return in(serviceYAML("a", ip)) + "\n---\n" + in(scaledObjectYAML)
}

func proxyOf(namespace string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: v1alpha1.ProxyGatewayName}
}

// names are those of everything that a proxy has.
func names(proxy *deltatest.Proxy) string {
	var all []string
	for _, kind := range []resource.Type{
		resource.Listener, resource.Scope, resource.Route, resource.Cluster, resource.Endpoint, resource.Secret,
	} {
		for name := range proxy.Versions(kind) {
			all = append(all, name)
		}
	}
	return strings.Join(all, "\n")
}

// Each namespace has a proxy of its own, and what one has never reaches another: no host, no backend,
// no endpoint, neither at the start nor with a change. A host of one is unknown at the other.
func TestT60ProxiesOfNamespacesAreIsolated(t *testing.T) {
	c := newCluster(t, tenantYAML("one", "one.example.com", "10.0.1.1"), tenantYAML("two", "two.example.com", "10.0.2.1"))
	leader := c.leader("127.0.0.1")
	proxies := map[string]*deltatest.Proxy{}
	for _, namespace := range []string{"one", "two"} {
		c.Eventually(c.condition(gatewayNamed(proxyOf(namespace)), "Accepted")).Should(Equal("True/Accepted"))
		proxies[namespace] = leader.proxy(proxyOf(namespace), deltatest.Options{Node: namespace})
	}
	has := func(namespace, suffix string) func() bool {
		return func() bool { return strings.Contains(names(proxies[namespace]), suffix) }
	}
	for _, namespace := range []string{"one", "two"} {
		c.Eventually(has(namespace, "8080/"+namespace+".example.com")).Should(BeTrue())
		c.Eventually(has(namespace, "service/"+namespace+"/a/80")).Should(BeTrue())
	}

	// One tenant claims the host of the other, and moves its endpoints.
	c.set(tenantYAML("two", "one.example.com", "10.0.2.2"))
	c.Eventually(has("two", "8080/one.example.com")).Should(BeTrue())
	c.Eventually(has("two", "8080/two.example.com")).Should(BeFalse())

	for namespace, other := range map[string]string{"one": "two", "two": "one"} {
		for _, event := range proxies[namespace].Events() {
			if strings.Contains(event.Name, "/"+other+"/") || strings.Contains(event.Name, "two.example.com") && namespace == "one" {
				t.Errorf("the proxy of %s was sent %s", namespace, event)
			}
		}
		table := &routev3.RouteConfiguration{}
		c.Expect(proxies[namespace].Decode(resource.Key{Type: resource.Route, Name: "8080/one.example.com"}, table)).To(BeTrue())
		if text := table.String(); strings.Contains(text, "/"+other+"/") || !strings.Contains(text, "service/"+namespace+"/a/80") {
			t.Errorf("table of %s: %s", namespace, text)
		}
		c.Expect(proxies[namespace].Violations()).To(BeEmpty(), "requests would have failed")
	}
}

// One proxy in the namespace of the installation serves the triggers of all namespaces.
func TestT61SharedProxyServesAllNamespaces(t *testing.T) {
	c := newCluster(t, tenantYAML("one", "one.example.com", "10.0.1.1"), tenantYAML("two", "two.example.com", "10.0.2.1"))
	c.sharedProxy = true
	leader := c.leader("127.0.0.1")
	c.Eventually(c.condition(gatewayNamed(proxyOf(installation)), "Accepted")).Should(Equal("True/Accepted"))
	proxy := leader.proxy(proxyOf(installation), deltatest.Options{Node: "shared"})
	for _, name := range []string{"8080/one.example.com", "8080/two.example.com", "service/one/a/80", "service/two/a/80"} {
		c.Eventually(func() string { return names(proxy) }).Should(ContainSubstring(name))
	}
	for _, namespace := range []string{"one", "two"} {
		c.Expect(c.condition(gatewayNamed(proxyOf(namespace)), "Accepted")()).To(Equal("absent"))
	}
}

func (c *cluster) values(entries map[string]string) {
	c.t.Helper()
	c.write(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: installation, Name: "values"}, Data: entries})
}

// Values of the installation reach the proxies without a restart: an idle timeout and a load balancing
// policy for all, others for one namespace. Those of a namespace that are invalid keep what its proxy
// has, say so on its Gateway, and keep no other namespace from following.
func TestT62ProxyValues(t *testing.T) {
	const all, one = "values", "namespacedValues.one"
	c := newCluster(t, tenantYAML("one", "one.example.com", "10.0.1.1"), tenantYAML("two", "two.example.com", "10.0.2.1"))
	c.proxyValues = "values"
	c.values(map[string]string{
		all: "envoy: {route: {idle_timeout: 3600s}, cluster: {lb_policy: ROUND_ROBIN}}",
		one: "envoy: {route: {idle_timeout: 600s}, cluster: {lb_policy: RANDOM}}",
	})
	leader := c.leader("127.0.0.1")
	proxies := map[string]*deltatest.Proxy{}
	for _, namespace := range []string{"one", "two"} {
		c.Eventually(c.condition(gatewayNamed(proxyOf(namespace)), "Accepted")).Should(Equal("True/Accepted"))
		proxies[namespace] = leader.proxy(proxyOf(namespace), deltatest.Options{Node: namespace})
	}
	inForce := func(namespace string) func() string {
		return func() string {
			table, cluster := &routev3.RouteConfiguration{}, &clusterv3.Cluster{}
			host := resource.Key{Type: resource.Route, Name: "8080/" + namespace + ".example.com"}
			backend := resource.Key{Type: resource.Cluster, Name: "service/" + namespace + "/a/80@web-0"}
			if !proxies[namespace].Decode(host, table) || !proxies[namespace].Decode(backend, cluster) {
				return "absent"
			}
			policy := cluster.LoadBalancingPolicy.Policies[0].TypedExtensionConfig.Name
			idle := table.VirtualHosts[0].Routes[0].GetRoute().IdleTimeout.AsDuration()
			return fmt.Sprint(idle, " ", policy[strings.LastIndex(policy, ".")+1:])
		}
	}
	c.Eventually(inForce("one")).Should(Equal("10m0s random"))
	c.Eventually(inForce("two")).Should(Equal("1h0m0s round_robin"))

	c.values(map[string]string{
		all: "envoy: {route: {idle_timeout: 1200s}, cluster: {lb_policy: ROUND_ROBIN}}",
		one: "envoy: {route: {idle_timeout: 700s, cluster: two}, cluster: {lb_policy: MAGLEV}}",
	})
	c.Eventually(inForce("two")).Should(Equal("20m0s round_robin"))
	const problem = "ConfigMap kedify-system/values, key namespacedValues.one: spec.envoy.route: cluster: cannot be set"
	message := func(namespace string) func() string {
		return func() string { return c.find(gatewayNamed(proxyOf(namespace)), "Accepted").Message }
	}
	c.Eventually(message("one")).Should(ContainSubstring(problem))
	c.Eventually(leader.recorder.Events).Should(Receive(And(ContainSubstring("InvalidProxyValues"), ContainSubstring(problem))))
	c.Expect(inForce("one")()).To(Equal("10m0s random"))
	c.Expect(c.condition(gatewayNamed(proxyOf("one")), "Accepted")()).To(Equal("True/Accepted"))
	c.Expect(message("two")()).To(Equal("The Gateway is accepted."))

	c.values(map[string]string{all: "", one: "envoy: {route: {idle_timeout: 800s}}"})
	c.Eventually(inForce("one")).Should(Equal("13m20s least_request"))
	c.Eventually(message("one")).Should(Equal("The Gateway is accepted."))
}
