package plane_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

const forModel = `  - {matches: [{path: {value: /v1}, headers: [{name: X-Gateway-Model-Name, value: %s}]}], backendRefs: [{name: a, port: 80}]}`

// TestRulesForModelsLeaveNeighboursAlone: a rule for a model comes, changes and goes with the table of its host. The listener of the proxies, and
// the tables of other hosts, stay byte for byte what they were. A name that no request can ask for is refused by its field.
func TestRulesForModelsLeaveNeighboursAlone(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "models.example.com", toA), routeYAML("other", "other.example.com", toA),
		routeYAML("wild", "*.example.com", toA))
	proxy := c.leader("127.0.0.1").proxy(gatewayKey, deltatest.Options{})
	models, other, wild, listener := version(proxy, resource.Route, "80/models.example.com"), version(proxy, resource.Route, "80/other.example.com"),
		version(proxy, resource.Route, "80/*"), version(proxy, resource.Listener, "tcp/80")
	c.Eventually(models).ShouldNot(BeEmpty())
	c.Eventually(other).ShouldNot(BeEmpty())
	c.Eventually(wild).ShouldNot(BeEmpty())
	plain, neighbour, fallback, port := models(), other(), wild(), listener()

	c.set(routeYAML("r", "models.example.com", fmt.Sprintf(forModel, "red")))
	c.Eventually(models).ShouldNot(Equal(plain))
	red := models()
	c.set(routeYAML("r", "models.example.com", fmt.Sprintf(forModel, "blue")))
	c.Eventually(models).ShouldNot(Equal(red))
	c.set(routeYAML("r", "models.example.com", fmt.Sprintf(forModel, "grün")))
	c.Eventually(c.condition(routeNamed("r"), "Accepted")).Should(Equal("False/UnsupportedValue"))
	c.set(routeYAML("r", "models.example.com", toA))
	c.Eventually(models).Should(Equal(plain))
	c.Expect(listener()).To(Equal(port))
	c.Expect(other()).To(Equal(neighbour))
	c.Expect(wild()).To(Equal(fallback))
	c.Expect(proxy.Violations()).To(BeEmpty())
}
