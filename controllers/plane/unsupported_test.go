package plane_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"
)

// A policy of a kind that is not supported says so as soon as a route of a Gateway uses its target, and not before.
func TestTrafficPolicyIsRefused(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), `
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {namespace: apps, name: budget}
spec:
  targetRefs: [{group: "", kind: Service, name: a}]
  retryConstraint: {budget: {percent: 20}}
`)
	c.leader("127.0.0.1")
	policy := &gwxv1.XBackendTrafficPolicy{}
	policy.Namespace, policy.Name = "apps", "budget"
	c.Eventually(c.condition(gatewayNamed(gatewayKey), "Accepted")).Should(Equal("True/Accepted"))
	c.Expect(c.condition(policy, "Accepted")()).To(Equal("absent"))
	c.set(routeYAML("r", "a.example.com", toA))
	c.Eventually(c.condition(policy, "Accepted")).Should(Equal("False/Unsupported"))
	c.Expect(c.find(policy, "Accepted").Message).To(ContainSubstring("spec.retryConstraint"))
}

// An XBackend says that it is not supported as soon as a route of a Gateway refers to it. One of a namespace that does not permit the
// reference says nothing.
func TestXBackendIsRefused(t *testing.T) {
	c := newCluster(t, gatewayYAML, xBackendYAML("apps"), xBackendYAML("foreign"))
	c.leader("127.0.0.1")
	own, foreign := &gwxv1.XBackend{}, &gwxv1.XBackend{}
	own.Namespace, own.Name, foreign.Namespace, foreign.Name = "apps", "web", "foreign", "web"
	c.Eventually(c.condition(gatewayNamed(gatewayKey), "Accepted")).Should(Equal("True/Accepted"))
	c.Expect(c.condition(own, "Accepted")()).To(Equal("absent"))
	c.set(routeYAML("r", "a.example.com", `
  - backendRefs:
    - {group: gateway.networking.x-k8s.io, kind: XBackend, name: web, namespace: foreign}
    - {group: gateway.networking.x-k8s.io, kind: XBackend, name: web}
`))
	c.Eventually(c.condition(own, "Accepted")).Should(Equal("False/Unsupported"))
	c.Expect(c.condition(foreign, "Accepted")()).To(Equal("absent"))
}

func xBackendYAML(namespace string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {namespace: %s, name: web}
spec: {type: ExternalHostname, port: {number: 443}, externalHostname: {hostname: web.example.com}}
`, namespace)
}
