package plane_test

import (
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
