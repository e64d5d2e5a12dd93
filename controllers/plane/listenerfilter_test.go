package plane_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// filteredYAML is a Gateway with two listeners on one port. The first one, and the one of a ListenerSet of another namespace, are on
// hostnames of their own.
func filteredYAML(filters string) string {
	return strings.Replace(gatewayYAML, "  listeners:\n", `  allowedListeners: {namespaces: {from: All}}
  listeners:
  - name: closed
    port: 80
    protocol: HTTP
    hostname: closed.example.com
    allowedRoutes: {namespaces: {from: All}}
    filters: {requests: [`+filters+`]}
`, 1)
}

const teamYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {namespace: apps, name: team}
spec:
  parentRef: {namespace: infra, name: gw}
  listeners:
  - name: team
    port: 80
    protocol: HTTP
    hostname: "*.team.example.com"
    filters: {requests: [{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: policy, port: 80}}}]}
`

const authGrantYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: apps, name: auth}
spec:
  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}]
  to: [{group: "", kind: Service, name: auth}]
`

// toAuth is a filter that asks the Service auth of namespace apps.
const toAuth = `{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, namespace: apps, port: 80}%s}}`

// listenerCondition reads a condition of a listener of the Gateway, or of the ListenerSet: "status/reason message".
func (c *cluster) listenerCondition(name, kind string) func() string {
	return func() string {
		gateway, set := gatewayNamed(gatewayKey), &gwv1.ListenerSet{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "team"}}
		all := map[string][]metav1.Condition{}
		if err := c.client.Get(c.t.Context(), gatewayKey, gateway); err == nil {
			for _, l := range gateway.Status.Listeners {
				all[string(l.Name)] = l.Conditions
			}
		}
		if err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(set), set); err == nil {
			for _, l := range set.Status.Listeners {
				all[string(l.Name)] = l.Conditions
			}
		}
		found := meta.FindStatusCondition(all[name], kind)
		if found == nil {
			return "absent"
		}
		return fmt.Sprintf("%s/%s %s", found.Status, found.Reason, found.Message)
	}
}

// TestListenerFiltersReachTheProxies: filters of a listener come, change and go with the tables of its hosts. The listener of the
// proxies, and so the connections of all others, stay as they are. What is wrong with a filter is said where it stands.
func TestListenerFiltersReachTheProxies(t *testing.T) {
	c := newCluster(t, filteredYAML(""), teamYAML, serviceYAML("a", "10.0.0.1"), serviceYAML("auth", "10.0.0.2"),
		serviceYAML("policy", "10.0.0.3"),
		routeYAML("r", "closed.example.com", toA), routeYAML("open", "open.example.com", toA))
	proxy := c.leader("127.0.0.1").proxy(gatewayKey, deltatest.Options{Reject: refusePoison})
	closed, open, listener := version(proxy, resource.Route, "80/closed.example.com"), version(proxy, resource.Route, "80/open.example.com"),
		version(proxy, resource.Listener, "tcp/80")
	auth := version(proxy, resource.Cluster, "service/apps/auth/80")
	c.Eventually(closed).ShouldNot(BeEmpty())
	c.Eventually(open).ShouldNot(BeEmpty())
	c.Eventually(version(proxy, resource.Cluster, "service/apps/policy/80/grpc")).ShouldNot(BeEmpty())
	c.Eventually(c.listenerCondition("team", "Programmed")).Should(HavePrefix("True/"))
	plain, neighbour, port := closed(), open(), listener()

	c.set(filteredYAML(fmt.Sprintf(toAuth, "")))
	c.Eventually(c.listenerCondition("closed", "ResolvedRefs")).Should(And(HavePrefix("False/RefNotPermitted filters.requests[0]"),
		ContainSubstring("create a ReferenceGrant in namespace apps")))
	c.Eventually(closed).ShouldNot(Equal(plain), "all requests get 500")
	failing := closed()
	c.Expect(auth()).To(BeEmpty())

	c.set(authGrantYAML)
	c.Eventually(c.listenerCondition("closed", "ResolvedRefs")).Should(HavePrefix("True/ResolvedRefs"))
	c.Eventually(closed).ShouldNot(Equal(failing))
	c.Expect(auth()).NotTo(BeEmpty(), "the service is there before it is asked")
	c.Expect(proxy.Violations()).To(BeEmpty())
	filtered := closed()

	c.set(filteredYAML(fmt.Sprintf(toAuth, ", http: {path: /POISON}")))
	c.Eventually(c.listenerCondition("closed", "Programmed")).Should(Equal(
		"False/Invalid The proxy refused filters.requests of the listener, and all of its requests get 500: missing ]: [."))
	c.Eventually(closed).Should(Equal(failing), "a refused filter lets no request pass")
	c.Expect(c.listenerCondition("http", "Programmed")()).To(HavePrefix("True/"))
	c.Expect(c.condition(routeNamed("r"), programmed)()).To(Equal("absent"), "the route is not at fault")

	c.set(filteredYAML(fmt.Sprintf(toAuth, "")))
	c.Eventually(closed).Should(Equal(filtered))
	c.Eventually(c.listenerCondition("closed", "Programmed")).Should(HavePrefix("True/"))
	c.set(filteredYAML(fmt.Sprintf(toAuth, "") + ", {type: ExtensionRef, extensionRef: {group: example.com, kind: Claims, name: a}}"))
	c.Eventually(c.listenerCondition("closed", "Accepted")).Should(And(HavePrefix("False/UnsupportedValue filters.requests[1].extensionRef"),
		ContainSubstring(`kind "Claims"`)))
	c.Eventually(closed).Should(BeEmpty(), "the fallback table answers 500")

	c.set(filteredYAML(""))
	c.Eventually(closed).Should(Equal(plain))
	c.Eventually(auth).Should(BeEmpty())
	c.Expect(listener()).To(Equal(port))
	c.Expect(open()).To(Equal(neighbour))
	c.Expect(proxy.Violations()).To(BeEmpty())
}
